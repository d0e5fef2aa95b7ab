"""Tables that repeat customers: what a split by rows hides, and how long the search takes.

    python benchmarks/near_copies.py [TABLE.csv --target NAME --id NAME --positive VALUE]

A generated table of 1,500 customers is multiplied by four; in each copy up to five columns are
drawn anew, and the label stays. The loss of boosting on held-out rows, split by rows and by groups
of near copies, is shown beside that on new customers, which a table of your own does not have.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.contract import Contract
from churn.data.holdout import holdout_mask, split_customers
from churn.data.inference import infer_contract
from churn.data.near_copies import find_near_copies
from churn.data.parsing import labels
from churn.data.readers import TELCO, load_table
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import Candidate
from churn.statistics.log_odds import row_losses

BOOSTING = Candidate("boosting", "boosting", {"max_iter": 150, "max_leaf_nodes": 31})
CHANGED = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?")
    for name in ("target", "id", "positive"):
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    if options.table:
        raw = load_table(options.table)
        contract = infer_contract(raw, options.target, options.id, positive=options.positive)
        report(validate_data(raw, contract, max_rejected=0.5).frame, contract)
        return
    contract = Contract.read(TELCO / "contract.toml")
    report(multiplied(1_500, 4, contract), contract, generate_sample_data(10_000, seed=2))
    many = multiplied(25_000, 4, contract)
    start = time.process_time()
    find_near_copies(many, contract)
    print(f"{len(many):,} rows: {time.process_time() - start:.1f} CPU seconds")


def multiplied(customers: int, times: int, contract: Contract) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    once = generate_sample_data(customers, seed=1)
    table = pd.concat([once] * times, ignore_index=True)
    names = list(contract.features)
    drawn = np.argsort(rng.random((len(table), len(names))), axis=1).argsort(axis=1)
    changed = drawn < rng.integers(0, CHANGED + 1, len(table))[:, None]
    changed[:customers] = False
    for place, name in enumerate(names):
        others = once[name].to_numpy()[rng.integers(0, customers, len(table))]
        table[name] = np.where(changed[:, place], others, table[name])
    table["customer_id"] = [f"K{row}" for row in range(len(table))]
    return validate_data(table, contract, max_rejected=0.5).frame


def report(frame: pd.DataFrame, contract: Contract, fresh: pd.DataFrame | None = None) -> None:
    near = find_near_copies(frame, contract)
    print(near or "No near copies beyond chance.")
    for name, groups in (("by rows", None), ("by groups of near copies", near)):
        split = split_customers(frame, contract, holdout_mask(frame, contract, 0.2, groups))
        model = ChurnModel(contract, BOOSTING).fit(frame[split == "train"])
        line = f"split {name}: log loss {loss(model, frame[split == 'holdout']):.3f}"
        print(line + (f", of new customers {loss(model, fresh):.3f}" if fresh is not None else ""))


def loss(model: ChurnModel, rows: pd.DataFrame) -> float:
    chance = model.predict_proba(rows)[:, 1]
    return float(row_losses(labels(rows, model.contract), chance).mean())


if __name__ == "__main__":
    main()
