"""Planted target leakage: how much is found, what it costs, and how often honest columns are taken.

    python benchmarks/leaks.py [--customers 5000] [--repeats 5]

Generated customers, whose true probabilities are known, get one more column that is taken after
customers have left, as a warehouse that overwrites its rows has it. A boosted model is trained on
them with the column and without; its loss is measured on held-out customers of the same table, and
in use, on new customers of whom nobody has left yet. The columns of the second table are honest:
all of them were known at the observation.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.contract import Category, Contract, Date, Number
from churn.data.leakage import find_leaks
from churn.data.parsing import labels
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data

NUMBER = Number(nullable=True)


def reason(rng, left):
    """A reason for leaving, which a third of the leavers gave."""
    given = (left == 1) & (rng.random(len(left)) < 0.35)
    words = np.array(["price", "service", "moved"], dtype=object)[rng.integers(0, 3, len(left))]
    return {"reason": (_category(np.where(given, words, None)), _of("price", "service", "moved"))}


def code(rng, left):
    """A status of which a quarter of the leavers have one code."""
    codes = rng.choice(["A", "B", "C"], len(left)).astype(object)
    codes[(left == 1) & (rng.random(len(left)) < 0.25)] = "K"
    return {"status": (_category(codes), _of("A", "B", "C", "K"))}


def log_in(rng, left):
    """Days since the last log-in, counted after customers left."""
    days = rng.exponential(rng.gamma(1, 12, len(left))) + left * rng.uniform(0, 30, len(left))
    return {"days_since_log_in": (np.floor(days), NUMBER)}


def invoice(rng, left):
    """Days since the last monthly invoice, counted after customers left."""
    days = rng.uniform(0, 30, len(left)) + left * rng.uniform(0, 30, len(left))
    return {"days_since_invoice": (np.floor(days), NUMBER)}


def group_mean(rng, left, smoothing=0.0, with_groups=True):
    """The churn rate of the customer's branch, of about four customers."""
    group = rng.integers(0, len(left) // 4, len(left))
    count, gone = np.bincount(group), np.bincount(group, left)
    mean = (gone + smoothing * left.mean()) / np.maximum(count + smoothing, 1)
    found = {"branch_churn": (mean[group], NUMBER)}
    if with_groups:
        names = [f"B{number}" for number in range(len(left) // 4)]
        texts = pd.Categorical.from_codes(group, names)
        found["branch"] = (texts, Category(categories=tuple(names)))
    return found


def smoothed(rng, left):
    """The same, smoothed towards the mean of all."""
    return group_mean(rng, left, smoothing=2.0)


def bare_mean(rng, left):
    """The same, but the table does not have the branch."""
    return group_mean(rng, left, with_groups=False)


def balances(rng, left):
    """The balances before and after accounts were closed, which only together tell."""
    before = rng.normal(1000, 100, len(left))
    return {
        "balance": (before, NUMBER),
        "balance_now": (before - left * 100 + rng.normal(0, 10, len(left)), NUMBER),
    }


def date_after(rng, left):
    """The date of the last log-in, also after the observation."""
    after = (left == 0) | (rng.random(len(left)) < 0.3)
    days = np.where(after, -rng.uniform(0, 60, len(left)), rng.exponential(20, len(left)))
    return {"last_log_in": (np.floor(days), Date())}


LEAKS = (reason, code, log_in, invoice, group_mean, smoothed, bare_mean, balances, date_after)


def honest(rng, left, truth):
    """Strong columns that were known at the observation."""
    n, odds = len(left), np.log(truth / (1 - truth))
    group = np.clip(np.digitize(odds + rng.normal(0, 1, n), np.linspace(-4, 2, n // 4)), 0, n // 4)
    last_year = rng.random(n) < truth
    count, gone = np.bincount(group), np.bincount(group, left)
    earlier = np.bincount(group, last_year) / np.maximum(count, 1)
    others = (gone[group] - left + 1) / (count[group] + 3)
    recency = rng.exponential(8 * np.exp(0.7 * odds + 1))
    names = [f"B{number}" for number in range(n // 4 + 1)]
    return {
        "days_since_use": (np.floor(recency), NUMBER),
        "last_use": (np.floor(recency * rng.uniform(0.9, 1.1, n)), Date()),
        "mood": (odds + rng.normal(0, 1, n), NUMBER),
        "complaints": (rng.poisson(2 * truth).astype(float), NUMBER),
        "survey": (
            np.where(rng.random(n) < 0.3 + 0.4 * truth, odds + rng.normal(0, 2, n), np.nan),
            NUMBER,
        ),
        "branch": (pd.Categorical.from_codes(group, names), Category(categories=tuple(names))),
        "branch_churn_last_year": (earlier[group], NUMBER),
        "branch_churn_of_others": (others, NUMBER),
        "contract_ends": (-np.floor(rng.uniform(1, 700, n) * (1.2 - truth)), Date()),
        "old_score": (np.round(np.clip(truth + rng.normal(0, 0.05, n), 0, 1), 2), NUMBER),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    seeds = range(options.repeats)
    print("| leak | found | dropped | hold-out with it | in use with it | without it |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for leak in LEAKS:
        rows = np.mean([one_leak(leak, seed, options.customers) for seed in seeds], axis=0)
        shares, losses = rows[:2], rows[2:]
        cells = [f"{share:.0%}" for share in shares] + [f"{loss:.3f}" for loss in losses]
        print(f"| {leak.__doc__} | {' | '.join(cells)} |", flush=True)
    taken = Counter(name for seed in seeds for name in taken_honest(seed, options.customers))
    print(f"honest columns found in {options.repeats} tables: {dict(taken) or 'none'}")
    for rows in (500, 2_000, 10_000):
        count = sum(len(taken_noise(seed, rows)) for seed in seeds)
        print(f"of 300 columns of noise, {rows:,} rows: {count / len(seeds):.1f} found per table")


def planted(leak, seed: int, customers: int):
    """Customers with the columns of a leak: the frame, the labels, and its contract."""
    frame, left, truth, contract = known_customers(seed, customers)
    rng = np.random.default_rng(1_000 + seed)
    return with_columns(frame, contract, leak(rng, left)), left, truth


def known_customers(seed: int, customers: int):
    contract = Contract.read(TELCO / "contract.toml")
    frame, truth = generate_sample_data(customers, seed=seed, return_probability=True)
    frame["observed"] = pd.Timestamp("2026-03-01")
    contract = contract.model_copy(update={"time": "observed"})
    return frame, labels(frame, contract).astype(np.int64), truth, contract


def with_columns(frame, contract, more):
    from churn.data.parsing import parse_features

    typed = parse_features(frame, contract).assign(**{contract.target: frame[contract.target]})
    typed = typed.assign(**{name: values for name, (values, _) in more.items()})
    features = contract.features | {name: feature for name, (_, feature) in more.items()}
    return typed, contract.model_copy(update={"features": features})


def one_leak(leak, seed: int, customers: int) -> tuple[float, ...]:
    """Whether it is found and dropped; the losses on the hold-out, in use, without the column."""
    (typed, contract), left, _ = planted(leak, seed, customers)
    new = set(contract.features) - set(Contract.read(TELCO / "contract.toml").features)
    findings = find_leaks(typed, left, contract)
    held = np.random.default_rng(seed).random(customers) < 0.2
    # In use nobody has left: the columns are as for customers who stay, whoever is about to.
    frame, later_left, _, plain = known_customers(seed + 500, 4_000)
    rng = np.random.default_rng(2_000 + seed)
    later = with_columns(frame, plain, leak(rng, np.zeros(4_000, dtype=int)))[0]
    new_columns, old_columns = _matrix(typed, contract), _matrix(typed, plain)
    return (
        bool(new & {finding.column for finding in findings}),
        bool(new & {finding.column for finding in findings if not finding.suspected}),
        _loss(new_columns[~held], left[~held], new_columns[held], left[held]),
        _loss(new_columns[~held], left[~held], _matrix(later, contract), later_left),
        _loss(old_columns[~held], left[~held], old_columns[held], left[held]),
    )


def taken_honest(seed: int, customers: int) -> list[str]:
    frame, left, truth, contract = known_customers(seed, customers)
    typed, contract = with_columns(
        frame, contract, honest(np.random.default_rng(seed), left, truth)
    )
    return [
        f"{one.column} ({one.check})"
        for one in find_leaks(typed, left, contract)
        if not one.harmless
    ]


def taken_noise(seed: int, rows: int, columns: int = 300) -> list[str]:
    """What is found among columns that have nothing to do with leaving."""
    rng = np.random.default_rng(seed)
    left = (rng.random(rows) < 0.26).astype(np.int64)
    made: dict = {}
    for number in range(columns):
        kind = number % 5
        if kind == 0:
            made[f"n{number}"] = (rng.normal(size=rows), NUMBER)
        elif kind == 1:
            made[f"n{number}"] = (rng.integers(0, 30, rows).astype(float), NUMBER)
        elif kind == 2:
            values = np.where(rng.random(rows) < 0.7, np.nan, rng.gamma(2, 10, rows).round(2))
            made[f"n{number}"] = (values, NUMBER)
        else:
            levels = 5 if kind == 3 else max(rows // 3, 2)
            names = [f"L{level}" for level in range(levels)]
            texts = pd.Categorical.from_codes(rng.integers(0, levels, rows), names)
            made[f"n{number}"] = (texts, Category(categories=tuple(names), nullable=True))
    frame = pd.DataFrame({name: values for name, (values, _) in made.items()})
    features = {name: feature for name, (_, feature) in made.items()}
    contract = Contract(target="left", positive="1", negative=("0",), features=features)
    return [one.column for one in find_leaks(frame, left, contract) if not one.harmless]


def _matrix(typed, contract) -> np.ndarray:
    from churn.modeling.encoder import FeatureEngineer

    return FeatureEngineer(contract).transform(typed)


def _loss(train, left, test, truth) -> float:
    from churn.modeling.estimators.trees import Boosting
    from churn.statistics.log_odds import row_losses

    model = Boosting(max_iter=100, max_leaf_nodes=8, learning_rate=0.08, random_state=0)
    return float(row_losses(truth, model.fit(train, left).predict_proba(test)[:, 1]).mean())


def _category(values):
    return pd.Categorical(values)


def _of(*categories: str) -> Category:
    return Category(categories=categories, nullable=True)


if __name__ == "__main__":
    main()
