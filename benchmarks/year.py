"""A simulated year: the money that the whole loop brings, compared with a model trained once.

    make year
    python benchmarks/year.py --folder FOLDER [--seeds 10] [--jobs 2] [--effects different]

Generated customers come, and leave or stay with probabilities that are known (year_market.py), for
twelve months after one of history. A new price list comes in the fifth month, and a job upstream
breaks in the tenth. The businesses have the same customers and random numbers, and differ in whom
they call: no customer; the list by risk of a model that is trained once, on the history, or of the
loop's present model; those to whom a call truly brings most; and the list of the loop, which pays
for its control group and its calls at random. The loop is the real one: each month the app scores
all customers, ScoreFlow makes the call list, outcomes are posted to the app, a part of them a month
late, and MonitorFlow compares, evaluates, and retrains by ChurnFlow, whose gate decides; EffectFlow
learns whom a call keeps, and ranks the list once that is proven. Only the customers are generated,
and the dates in the prediction log are set.

With `--library` only the lists are real: they are made, stored and learned from by
the library in one process, without the app and MonitorFlow (year_library.py).

With several seeds each is a process, `--jobs` at a time. A seed that has ended is in the folder,
and is not repeated: after an interruption the same command goes on with the others.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
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
    parser.add_argument("--seed", type=int, default=0, help="of the first year")
    parser.add_argument("--seeds", type=int, default=1, help="years; more need --folder")
    parser.add_argument("--jobs", type=int, default=1, help="years at a time")
    parser.add_argument("--effects", choices=("same", "different"), default="same")
    parser.add_argument("--explore", type=float, default=0.0, help="share of the calls at random")
    parser.add_argument(
        "--library", action="store_true", help="no processes: the library alone, a minute or two"
    )
    parser.add_argument("--picture", type=Path, help=".svg")
    options = parser.parse_args()
    if options.seeds > 1:
        if options.folder is None:
            parser.error("several seeds need --folder")
        return many(options)
    try:
        with tempfile.TemporaryDirectory(prefix="churn-year-") as folder:
            months = live(options, options.folder or Path(folder))
    except (Broken, ChurnError) as error:
        sys.exit(str(error))
    from year_report import picture, summary, table

    print(table(months), summary([months]), sep="\n\n")
    if options.picture:
        events = {options.prices: "new prices", options.broken: "a column breaks"}
        options.picture.write_text(picture(months, events), "utf-8")
    return 0


def many(options) -> int:
    """Live several years, those that are not in the folder yet, and report over all."""
    folder = options.folder.resolve()
    seeds = range(options.seed, options.seed + options.seeds)
    with ThreadPoolExecutor(options.jobs) as pool:
        codes = list(pool.map(partial(one_of_many, options, folder), seeds))
    from year_report import picture, summary

    years = [read(path) for seed in seeds if (path := folder / f"{seed}.json").exists()]
    if not years:
        return 1
    print(summary(years))
    if options.picture:
        events = {options.prices: "new prices", options.broken: "a column breaks"}
        options.picture.write_text(picture(years[0], events), "utf-8")
    return max(codes)


def one_of_many(options, folder: Path, seed: int) -> int:
    """Live one year in a process of its own, unless it is known; its exit code."""
    result, own = folder / f"{seed}.json", folder / str(seed)
    if result.exists():
        return 0
    shutil.rmtree(own, ignore_errors=True)  # of a year that was interrupted
    names = ("customers", "months", "prices", "broken", "budget", "effects", "explore")
    given = [word for name in names for word in (f"--{name}", str(getattr(options, name)))]
    given += ["--library"] * options.library
    command = [sys.executable, __file__, *given, "--seed", str(seed), "--folder", str(own)]
    own.mkdir(parents=True)
    with (folder / f"{seed}.txt").open("w") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT).returncode
    say(f"seed {seed}: {'done' if not code else f'failed, see {output.name}'}")
    if not code:
        (own / "months.json").rename(result)
    return code


def read(path: Path) -> list[dict]:
    """The months of a year that has ended."""
    from year_policies import MonthResult

    months = json.loads(path.read_text())
    return [{name: MonthResult(**one) for name, one in month.items()} for month in months]


def live(options, folder: Path) -> list[dict]:
    """Simulate the year: for each month the result of each business, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    use_store(folder.resolve())
    # Imported here, since they read the environment that use_store sets.
    from year_market import Plan
    from year_policies import Best, ByRisk, Loop, Nobody, Once, run_flow

    plan = Plan(
        options.customers, options.customers * 6 // 100, options.months, options.prices,
        options.broken, options.seed, options.effects == "different",
    )  # fmt: skip
    if options.library:
        return live_in_library(plan, options, folder.resolve())
    offer, begin = RetentionCosts(), time.monotonic()
    flows = partial(run_flow, log=folder / "flows.txt")
    loop = Loop(plan, offer, options.budget, folder.resolve(), flows, options.explore)
    first = loop.train()
    businesses = [
        Nobody(plan, offer),
        *(one(plan, offer, first, options.budget) for one in (Once, ByRisk, Best)),
        loop,
    ]
    months = []
    with loop.app():
        for number in range(1, plan.months + 1):
            months.append({business.name: business.month() for business in businesses})
            notes = months[-1][loop.name].notes
            seconds = time.monotonic() - begin
            say(f"month {number} of {plan.months}, {seconds:.0f} s: {', '.join(notes) or 'ok'}")
            text = json.dumps([{n: asdict(one) for n, one in month.items()} for month in months])
            (folder / "months.json").write_text(text)
    return months


def live_in_library(plan, options, folder: Path) -> list[dict]:
    """Simulate the year in this process; see year_library.py."""
    from year_library import FittedBest, FittedByRisk, FittedOnce, LibraryLoop
    from year_policies import Nobody

    loop = LibraryLoop(plan, RetentionCosts(), options.budget, folder, options.explore)
    businesses = [Nobody(plan, loop.offer), FittedOnce(loop), FittedByRisk(loop), FittedBest(loop)]
    months = []
    for number in range(1, plan.months + 1):
        months.append({one.name: one.month() for one in [*businesses, loop]})
        say(f"month {number} of {plan.months}, {time.process_time():.0f} CPU s")
    text = json.dumps([{n: asdict(one) for n, one in month.items()} for month in months])
    (folder / "months.json").write_text(text)
    return months


if __name__ == "__main__":
    sys.exit(main())
