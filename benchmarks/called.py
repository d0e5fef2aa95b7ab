"""The next model's predictions for the riskiest customers after a campaign has called them.

    python benchmarks/called.py [--repeats 10] [--customers 8000]

Generated customers, whose true probabilities are known, train a model. A fifth of new customers is
listed by it; a tenth of these is the control group, the others are called, and of those who would
have left a share (`acceptance`) stays. The next model is trained on the outcomes: with the called
customers, without them, and without them but with a weighted control group. The output is the mean
predicted and the mean true risk of the riskiest tenth of new customers, who are not called.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LISTED, CONTROL, TREES = 0.2, 0.1, 40
WAYS = ("with the called customers", "without them", "without, control group weighted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--customers", type=int, default=8_000)
    options = parser.parse_args()

    from churn.modeling.search_space import BASELINE, DEFAULT_CANDIDATES

    boosting = next(one for one in DEFAULT_CANDIDATES if one.family == "boosting")
    # About as many trees as early stopping chooses on such tables.
    boosting = replace(boosting, params={**boosting.params, "max_iter": TREES})
    print("Riskiest tenth: predicted (true) risk")
    print(f"  {'next model':<34}{'acceptance 0.3':>18}{'acceptance 0.6':>18}")
    for candidate in (BASELINE, boosting):
        print(f"  {candidate.name}")
        found = {
            acceptance: np.mean(
                [
                    campaign(candidate, seed, acceptance, options.customers)
                    for seed in range(options.repeats)
                ],
                axis=0,
            )
            for acceptance in (0.3, 0.6)
        }
        for place, way in enumerate(WAYS):
            cells = [f"{one[place, 0]:.3f} ({one[place, 1]:.3f})" for one in found.values()]
            print(f"    {way:<32}" + "".join(f"{cell:>18}" for cell in cells))


def campaign(candidate, seed: int, acceptance: float, customers: int) -> np.ndarray:
    """For each of `WAYS` the mean predicted and true risk of the riskiest tenth."""
    import pandas as pd

    from churn.campaign.called import leave_out_called
    from churn.campaign.control_group import in_control
    from churn.campaign.reading import COLUMNS
    from churn.data.contract import Contract
    from churn.data.readers import TELCO
    from churn.data.synthetic import generate_sample_data
    from churn.modeling.model import ChurnModel

    contract = Contract.read(TELCO / "contract.toml")
    first = ChurnModel(contract, candidate).fit(generate_sample_data(5_000, seed=10 * seed + 1))
    now = generate_sample_data(customers, seed=10 * seed + 2)
    ids = now["customer_id"].astype(str).to_numpy(dtype=object)
    top = np.argsort(-first.predict_proba(now)[:, 1])[: int(LISTED * customers)]
    arms = np.where(in_control(ids[top], "spring", CONTROL), "control", "contact")
    called = np.zeros(customers, dtype=bool)
    called[top[arms == "contact"]] = True
    stays = called & (np.random.default_rng(seed).random(customers) < acceptance)
    now.loc[stays, "churn"] = contract.negative[0]
    calls = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    calls = calls.assign(customer=ids[top], arm=arms, day=pd.Timestamp("2026-03-02"))
    rows, split, _ = leave_out_called(now, np.full(customers, "train"), contract, calls)
    frame = now.iloc[rows]
    fresh, truth = generate_sample_data(20_000, seed=10 * seed + 3, return_probability=True)
    rows = []
    for table in (now, now[~called], frame[split == "train"]):
        chance = ChurnModel(contract, candidate).fit(table).predict_proba(fresh)[:, 1]
        riskiest = np.argsort(-chance)[: len(chance) // 10]
        rows.append((chance[riskiest].mean(), truth[riskiest].mean()))
    return np.array(rows)


if __name__ == "__main__":
    main()
