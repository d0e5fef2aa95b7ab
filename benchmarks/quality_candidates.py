"""Which candidates of `--effort high` each half of the tables chooses, and what the other gains.

    python benchmarks/quality_candidates.py --tables FOLDER [--seeds 2] [--rows 3000]

For each table and seed the candidates of the default, those of the high effort and a dozen others
are cross-validated on the training rows of benchmarks/quality.py; the test rows are not read. On
one half of the tables those candidates are chosen, one after the other, which lower the out-of-fold
loss of the stack of all most; what they are worth is the loss of that stack on the other half. Then
the halves are swapped. Each result is kept (--results), so that a second run takes seconds.
"""

from collections.abc import Sequence

import numpy as np
from quality_folds import MEMBERS, Split, measured, options_of, shown_tables
from quality_report import markdown
from quality_tables import say

from churn.modeling.search_space import DEFAULT_CANDIDATES, HIGH_CANDIDATES, Candidate

# The half that the present candidates of the high effort were chosen on.
FIRST_HALF = ("telco", "internet_service_churn", "interactions")
PRESENT = HIGH_CANDIDATES[len(DEFAULT_CANDIDATES) :]


def boosted(name: str, leaves: int, **params: float) -> Candidate:
    return Candidate(f"boosting, {name}", "boosting", {"max_leaf_nodes": leaves} | params)


def net(name: str, **params: object) -> Candidate:
    return Candidate(f"tabular net, {name}", "tabular_net", params)


OTHERS = (
    net("one layer", hidden=[128]),
    net("wide", hidden=[128, 128], dropout=0.3),
    net("slow", n_knots=24, learning_rate=0.002),
    boosted("4 leaves, slow", 4, learning_rate=0.05, max_features=0.3),
    boosted("8 leaves", 8, learning_rate=0.04, max_features=0.5),
    boosted("127 leaves", 127, learning_rate=0.03, max_features=0.3, min_samples_leaf=5),
    Candidate("oblivious trees, depth 2", "oblivious_trees", {"depth": 2, "learning_rate": 0.1}),
    Candidate("oblivious trees, depth 6", "oblivious_trees", {"depth": 6, "learning_rate": 0.05}),
    Candidate("random forest", "random_forest", {"n_estimators": 300, "min_samples_leaf": 3}),
    Candidate("extra trees, more", "extra_trees", {"n_estimators": 300, "min_samples_leaf": 2}),
    Candidate("splines, 17 knots", "splines", {"n_knots": 17, "C": 0.03}),
    Candidate("splines and more pairs", "pairs", {"n_knots": 5, "most": 200, "least_z": 2.0}),
    Candidate("neural net, wider", "neural_net", {"hidden": [128, 64], "alpha": 0.3}),
)  # fmt: skip
POOL = PRESENT + OTHERS


def main() -> None:
    options = options_of(__doc__)
    tables, splits = shown_tables(options), []
    for seed in range(options.seeds):
        for split in measured(tables, MEMBERS + POOL, seed, options):
            splits.append(split)
            gains = ", ".join(f"{c.name} {1e4 * split.gain([c.name]):+.1f}" for c in POOL)
            loss = split.losses(()).mean()
            say(f"{split.table}, seed {seed}: log loss {loss:.4f}; each adds, in 1e-4: {gains}")
    halves = {
        "first": [split for split in splits if split.table in FIRST_HALF],
        "second": [split for split in splits if split.table not in FIRST_HALF],
    }
    names = {half: ", ".join(dict.fromkeys(s.table for s in halves[half])) for half in halves}
    present = [candidate.name for candidate in PRESENT]
    chosen = {half: choose(halves[half], len(present)) for half in halves}
    for half in halves:
        say(f"\nChosen on {names[half]}: {'; '.join(chosen[half])}")
    lines = [["added to the default's stack", *names.values()], ["---", "---:", "---:"]]
    rows = {"the present ones": present} | {f"chosen on {names[h]}": chosen[h] for h in halves}
    for title, more in rows.items():
        lines.append([title, *(mean_gain(halves[half], more) for half in halves)])
    print(f"\nOut-of-fold log loss, less that of the default's members:\n\n{markdown(lines)}")


def choose(splits: Sequence[Split], most: int) -> list[str]:
    """Forward selection by the mean loss over tables, as long as it falls."""
    chosen: list[str] = []
    best = 0.0
    while len(chosen) < most:
        left = [candidate.name for candidate in POOL if candidate.name not in chosen]
        gains = [by_table(splits, [*chosen, name]).mean() for name in left]
        if min(gains) >= best:
            break
        best = min(gains)
        chosen.append(left[int(np.argmin(gains))])
    return chosen


def by_table(splits: Sequence[Split], more: Sequence[str]) -> np.ndarray:
    tables = dict.fromkeys(split.table for split in splits)
    return np.array([np.mean([s.gain(more) for s in splits if s.table == t]) for t in tables])


def mean_gain(splits: Sequence[Split], more: Sequence[str]) -> str:
    gains = by_table(splits, more)
    return f"{gains.mean():+.4f} ({gains.min():+.4f} to {gains.max():+.4f})"


if __name__ == "__main__":
    main()
