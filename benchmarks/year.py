"""A simulated year: the money that the whole loop brings, compared with a model trained once.

    make year
    python benchmarks/year.py [--folder FOLDER] [--picture year.svg]

Generated customers come, and leave or stay with probabilities that are known (year_market.py), for
twelve months after one of history. A new price list comes in the fifth month, and a job upstream
breaks in the tenth. Three businesses have the same customers and random numbers, and differ in whom
they call: no customer; the list of a model that is trained once, on the history; and the list of
the loop. The loop is the real one: each month the app scores all customers, ScoreFlow makes the
call list, outcomes are posted to the app, a part of them a month late, and MonitorFlow compares,
evaluates, and retrains by ChurnFlow, whose gate decides. Only the customers are generated, and the
dates in the prediction log are set.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from serving import Broken, say, use_store

from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where all is left to be looked at")
    parser.add_argument("--customers", type=int, default=12_000, help="%(default)s")
    parser.add_argument("--months", type=int, default=12, help="%(default)s")
    parser.add_argument("--prices", type=int, default=5, help="month of the new prices")
    parser.add_argument("--broken", type=int, default=10, help="month in which a column breaks")
    parser.add_argument("--budget", type=int, default=300, help="calls a month, %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help=".svg")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="churn-year-") as folder:
            months = live(options, options.folder or Path(folder))
    except (Broken, ChurnError) as error:
        sys.exit(str(error))
    from year_report import picture, table

    print(table(months))
    if options.picture:
        events = {options.prices: "new prices", options.broken: "a column breaks"}
        options.picture.write_text(picture(months, events), "utf-8")
    return 0


def live(options, folder: Path) -> list[dict]:
    """Simulate the year: for each month the result of each business, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    use_store(folder.resolve())
    # Imported here, since they read the environment that use_store sets.
    from year_market import Plan
    from year_policies import Loop, Nobody, Once, run_flow

    plan = Plan(
        options.customers, options.customers * 6 // 100, options.months, options.prices,
        options.broken, options.seed,
    )  # fmt: skip
    offer, begin = RetentionCosts(), time.monotonic()
    flows = partial(run_flow, log=folder / "flows.txt")
    loop = Loop(plan, offer, options.budget, folder.resolve(), flows)
    first = loop.train()
    businesses = [Nobody(plan, offer), Once(plan, offer, first, options.budget), loop]
    months = []
    with loop.app():
        for number in range(1, plan.months + 1):
            months.append({business.name: business.month() for business in businesses})
            notes = months[-1][loop.name].notes
            seconds = time.monotonic() - begin
            say(f"month {number} of {plan.months}, {seconds:.0f} s: {', '.join(notes) or 'ok'}")
    return months


if __name__ == "__main__":
    sys.exit(main())
