"""What more rows to fit the chosen candidate to are worth: the log loss above the true one.

    python benchmarks/refit_rows.py [--rows 20000 100000 500000 1000000] [--seeds 1]

Generated customers, whose true probabilities are known. Two candidates of the search are fitted to
more and more of them, as `pick_best` does it, and evaluated on 200,000 others. The output: how many
millinats the log loss is above that of the true probabilities, the CPU seconds of the fit, and the
peak resident memory of the process until then.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.cross_validation import cross_validate
from churn.modeling.model import ChurnModel
from churn.modeling.sample import draw_search_sample
from churn.modeling.search_space import DEFAULT_CANDIDATES
from churn.statistics.log_odds import row_losses

NAMES = ("boosting, 4 leaves", "splines and pairs")
TESTED, SEARCHED = 200_000, 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[20_000, 100_000, 500_000, 1_000_000]
    )
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    for seed in range(options.seeds):
        one_seed(options.rows, seed)


def one_seed(sizes: list[int], seed: int) -> None:
    table, truth = generate_sample_data(max(sizes) + TESTED, seed=seed, return_probability=True)
    contract = infer_contract(table, "churn", "customer_id")
    frame = validate_data(table, contract).frame
    del table
    truth = truth[frame.index - 1]
    tested, train = frame.iloc[:TESTED], frame.iloc[TESTED:]
    target = labels(tested, contract)
    true_loss = row_losses(target, truth[:TESTED]).mean()
    sample = draw_search_sample(train, contract, 5, SEARCHED, seed)
    for candidate in DEFAULT_CANDIDATES:
        if candidate.name not in NAMES:
            continue
        tuned = cross_validate(candidate, sample, seed).candidate
        for size in sizes:
            start = time.process_time()
            rows = train.iloc[:size]
            model = ChurnModel(contract, sample.rescale(tuned, len(rows)), seed).fit(rows)
            seconds = time.process_time() - start
            features = list(contract.features)
            chance = model.predict_proba_typed(tested[features])[:, 1]
            differences = row_losses(target, chance) - row_losses(target, truth[:TESTED])
            error = differences.std() / np.sqrt(len(differences))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            above = f"{1e3 * differences.mean():6.2f} ± {1e3 * error:.2f} millinats"
            print(
                f"seed {seed}  {candidate.name:<20} {size:>9,} rows  {above} above "
                f"{true_loss:.4f}  {seconds:6.1f} s  {peak:.2f} GiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
