"""What each level of stacking adds: the out-of-fold loss of one, two and three of them.

    python benchmarks/stack_levels.py --tables FOLDER [--only TABLE …] [--seeds 2] [--rows 3000]

The first level is the stack of all members of the default; each level above sees the features and
the log odds of all models below it, as `churn.modeling.stacking.add_second_level` builds the
second. The candidates are those of benchmarks/quality_candidates.py, measured once for both.
"""

from dataclasses import replace

import numpy as np
from quality_folds import MEMBERS, Split, measured, options_of, shown_tables
from quality_report import markdown

from churn.modeling.cross_validation import cross_validate
from churn.modeling.estimators.stack import second_level_features
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import SECOND_LEVEL
from churn.modeling.stack_weights import fit_second_level_weights, predict_out_of_fold
from churn.statistics.log_odds import logit, row_losses, sigmoid


def main() -> None:
    options = options_of(__doc__)
    tables = shown_tables(options)
    lines = [["", "one level", "two less one", "three less two"], ["---", *["---:"] * 3]]
    for seed in range(options.seeds):
        for split in measured(tables, MEMBERS, seed, options):
            one, two, three = levels(split, seed)
            first = f"{one.mean():.4f}"
            lines.append(
                [f"{split.table}, seed {seed}", first, paired(two - one), paired(three - two)]
            )
    print(markdown(lines))


def levels(split: Split, seed: int) -> list[np.ndarray]:
    """The losses of each customer by one, two and three levels: (n,) each."""
    sample = split.sample
    below = np.column_stack([split.logits[candidate.name] for candidate in MEMBERS])
    best = logit(predict_out_of_fold(below, sample.labels, sample.fold))
    losses = [row_losses(sample.labels, sigmoid(best))]
    for _ in range(2):
        models = level_above(below, best, sample, seed)
        columns = np.column_stack([best, models])
        below = np.column_stack([below, models])
        chance = predict_out_of_fold(columns, sample.labels, sample.fold, fit_second_level_weights)
        best = logit(chance)
        losses.append(row_losses(sample.labels, chance))
    return losses


def level_above(below: np.ndarray, best: np.ndarray, sample: SearchSample, seed: int) -> np.ndarray:
    """The out-of-fold log odds of a level's models: (n, n_models) float64."""
    added = np.zeros(below.shape[1] + 1, dtype=sample.levels.dtype)
    matrix = second_level_features(below, best, sample.matrix)
    above = replace(sample, matrix=matrix, levels=np.append(added, sample.levels))
    trials = [cross_validate(candidate, above, seed, 1) for candidate in SECOND_LEVEL]
    return np.column_stack([logit(trial.probabilities) for trial in trials])


def paired(difference: np.ndarray) -> str:
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{difference.mean():+.4f} ± {error:.4f}"


if __name__ == "__main__":
    main()
