"""False alarms of monitoring, and its power to detect faults.

    python benchmarks/monitoring.py [--periods 200] [--customers 1000] [--seeds 10]
        [--cohorts 50]

A model is trained on generated customers, and others are its reference. First come periods of new
customers from the same generator, without a change. The output is the share of periods in which any
test of drift raised an alarm, and in which any test did, that of the money included. Every 20
periods there are a new model and a new reference, since all periods with one reference share its
chance deviations. Then each fault is planted in periods of its own, and the output is the share of
them in which the faulty column raised an alarm.

Last come cohorts with outcomes, where leaving is rare or common, with and without a change of the
true probabilities: the output is the share in which the model is found to be worse than expected.
0 periods, seeds or cohorts leave a part out.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

REFERENCE = 7_000
TRAINING = 5_000
EACH = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--periods", type=int, default=200)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cohorts", type=int, default=50)
    options = parser.parse_args()
    if options.periods:
        unchanged(options.periods, options.customers)
    if options.seeds:
        planted(options.seeds, options.customers)
    if options.cohorts:
        worse(options.cohorts)


def unchanged(periods: int, customers: int) -> None:
    """Periods without a change."""
    drifted = moved = 0
    model, start = None, time.monotonic()
    for period in range(periods):
        if period % EACH == 0:
            model = Watched(seed=1_000_000 + period)
        drift, money = model.look(model.customers(customers, seed=period))
        drifted += len(drift.alarms) > 0
        moved += len(drift.alarms) > 0 or money.changed or money.segments["changed"].any()
    seconds = (time.monotonic() - start) / periods
    print(f"{periods} periods of {customers:,} unchanged customers, {seconds:.2f} s each")
    print(f"  alarms about drift       {drifted:4}   ({drifted / periods:.1%}; at most 5 %)")
    print(f"  alarms, money included   {moved:4}   ({moved / periods:.1%})")


def planted(seeds: int, customers: int) -> None:
    """A fault in one column of a period."""
    model = Watched(seed=2_000_000)
    print(f"Noticed in the first period, of {seeds} periods of {customers:,} customers each")
    print(f"  {'fault':<42}{'column':<18}{'noticed':>9}{'broken':>9}")
    for name, column, fault in faults():
        noticed = broken = 0
        for seed in range(seeds):
            table = model.customers(customers, seed=500_000 + seed)
            drift, _ = model.look(fault(table, np.random.default_rng(seed)))
            alarms = drift.alarms[drift.alarms["column"] == column]
            noticed += len(alarms) > 0
            broken += bool(alarms["broken"].any())
        print(f"  {name:<42}{column:<18}{noticed:>6}/{seeds}{broken:>6}/{seeds}")


def faults() -> list[tuple[str, str, Callable]]:
    """The name of each fault, its column, and the function that plants it."""

    def shifted(column, sizes):
        def fault(table, _):
            return table.assign(**{column: table[column] + sizes * table[column].std()})

        return fault

    def times(column, factor):
        return lambda table, _: table.assign(**{column: table[column] * factor})

    def missing(column, share):
        def fault(table, rng):
            return table.assign(**{column: table[column].mask(rng.random(len(table)) < share)})

        return fault

    def new(column, share):
        def fault(table, rng):
            cells = table[column].astype(object)
            return table.assign(**{column: cells.mask(rng.random(len(table)) < share, "other")})

        return fault

    numbers = ("tenure", "monthly_charges", "total_charges")
    return [
        *((f"shifted by {size:g} standard deviations", name, shifted(name, size))
          for name in numbers for size in (0.5, 1, -1)),
        *((f"a wrong unit, times {factor:g}", name, times(name, factor))
          for name in numbers for factor in (100, 0.01)),
        *((f"{share:.0%} missing", name, missing(name, share))
          for name in ("tenure", "contract", "partner") for share in (0.1, 1)),
        *((f"a new category, {share:.0%}", name, new(name, share))
          for name in ("contract", "payment_method") for share in (0.03, 0.1, 0.5)),
    ]  # fmt: skip


def worse(cohorts: int) -> None:
    """Cohorts with outcomes, by the difference of the true risks to the predicted ones."""
    from churn.monitoring.cohort_metrics import Cohort
    from churn.monitoring.deterioration import compare_with_expected

    changes = {
        "unchanged": lambda chance, rng: chance,
        "all risks twice as high": lambda chance, rng: np.minimum(2 * chance, 1),
        "all risks half as high": lambda chance, rng: chance / 2,
        "half of the risks another customer's": lambda chance, rng: np.where(
            rng.random(len(chance)) < 0.5, rng.permutation(chance), chance
        ),
    }
    print(f"Found worse than expected, of {cohorts} cohorts each, by a model of 5,000 customers")
    print(f"  {'leave':>6}{'customers':>11}" + "".join(f"{name:>38}" for name in changes))
    for centre, customers in ((-4.4, 3_000), (-3.4, 3_000), (-1.3, 1_000)):
        counts, rng = [], np.random.default_rng(0)
        for change in changes.values():
            found, left = 0, []
            for _ in range(cohorts):
                chance = 1 / (1 + np.exp(-centre - 1.2 * rng.normal(size=customers)))
                labels = (rng.random(customers) < change(chance, rng)).astype(float)
                cohort = Cohort(chance, labels, np.full(customers, "", dtype=object))
                found += any(one.worse for one in compare_with_expected(cohort, 5_000))
                left.append(chance.mean())
            counts.append(found)
        cells = "".join(f"{found:>35}/{cohorts}" for found in counts)
        print(f"  {np.mean(left):>6.1%}{customers:>11,}{cells}")


class Watched:
    """A model in use, and its reference."""

    def __init__(self, seed: int):
        from churn.data.contract import Contract
        from churn.data.parsing import parse_features
        from churn.data.readers import TELCO
        from churn.data.synthetic import generate_sample_data
        from churn.evaluation.retention_costs import RetentionCosts
        from churn.modeling.model import ChurnModel
        from churn.modeling.search_space import BASELINE
        from churn.monitoring.drift import Reference

        self.contract = Contract.read(TELCO / "contract.toml")
        training = generate_sample_data(TRAINING, seed)
        self.model, self.offer = ChurnModel(self.contract, BASELINE).fit(training), RetentionCosts()
        known = parse_features(generate_sample_data(REFERENCE, seed + 1), self.contract)
        self.reference = Reference(known, self.model.predict_proba(known)[:, 1])

    def customers(self, n: int, seed: int) -> pd.DataFrame:
        """Customers of a period, numbers as numbers."""
        from churn.data.synthetic import generate_sample_data

        return generate_sample_data(n, seed).astype({"tenure": float})

    def look(self, table: pd.DataFrame):
        """The results of monitoring for a table."""
        from churn.data.parsing import parse_features
        from churn.monitoring.drift import compare
        from churn.monitoring.profit_drift import appraise

        typed = parse_features(table, self.contract)
        chance = self.model.predict_proba(typed)[:, 1]
        drift = compare(self.reference, typed, chance, self.contract)
        return drift, appraise(self.reference, typed, chance, self.contract, self.offer)


if __name__ == "__main__":
    main()
