"""What a category of very many levels adds: the log loss with it and without it.

    python benchmarks/levels.py [--customers 100000] [--levels 20000]

Customers of generated postcodes, each with a churn rate of its own, are trained on as ChurnFlow
does it: the contract is inferred from the table, and columns that tell nothing are dropped. The
output is whether the postcode is a feature, the log loss on a fifth held out, and the CPU seconds.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--levels", type=int, default=20_000)
    options = parser.parse_args()

    from churn.data.inference import infer_contract
    from churn.data.leakage import act_on, find_leaks
    from churn.data.parsing import labels
    from churn.data.validation import validate_data
    from churn.modeling.model import ChurnModel
    from churn.modeling.search_space import BASELINE
    from churn.statistics.log_odds import row_losses

    start = time.process_time()
    raw, truth = postcodes(options.customers, options.levels)
    contract = infer_contract(raw, id="id", target="churned", positive="yes")
    frame = validate_data(raw, contract).frame
    train = np.arange(len(frame)) % 5 > 0
    seen = frame[train]
    contract = act_on(find_leaks(seen, labels(seen, contract), contract), contract, "drop")
    losses = {}
    for name, used in (
        ("with it", contract),
        ("without it", contract.without([n for n in ("postcode",) if n in contract.features])),
    ):
        chance = ChurnModel(used, BASELINE).fit(seen).predict_proba(frame[~train])[:, 1]
        losses[name] = row_losses(labels(frame[~train], contract), chance).mean()
    losses["true probabilities"] = row_losses(labels(frame, contract)[~train], truth[~train]).mean()
    print(
        f"{options.levels:,} levels of {options.customers:,} customers: a feature: "
        f"{'postcode' in contract.features}; log loss "
        + ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
        + f"; {time.process_time() - start:.0f} CPU seconds"
    )


def postcodes(customers: int, levels: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of postcodes of equal size, whose log odds vary by 1, and their probabilities."""
    rng = np.random.default_rng(0)
    level = rng.permutation(np.arange(customers) % levels)
    usage = rng.normal(size=customers)
    chance = 1 / (1 + np.exp(1.2 - rng.normal(size=levels)[level] - usage / 2))
    left = rng.random(customers) < chance
    table = pd.DataFrame(
        {
            "id": [f"C{i:07d}" for i in range(customers)],
            "postcode": [f"ZC {code:05d}" for code in level],
            "usage": usage.round(3),
            "churned": np.where(left, "yes", "no"),
        }
    )
    return table, chance


if __name__ == "__main__":
    main()
