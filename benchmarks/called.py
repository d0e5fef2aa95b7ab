"""The next model's predictions for the riskiest customers after a campaign has called them.

    python benchmarks/called.py [--repeats 8] [--customers 8000] [--acceptance 0.6]

Generated customers, whose true probabilities are known, train a model. A fifth of new customers is
listed by it; a tenth of these is the control group, the others are called, and of those who would
have left a share (`acceptance`) stays. The next model is trained on the outcomes: of customers of
whom nobody was called, which is what a correction can reach at best; with the called customers;
without them; and without them but with a weighted control group. It is a logistic regression, the
boosting that the search tunes, and what the search chooses among these, splines and their stacks.

The output is the mean predicted less the mean true risk, with its standard error over the repeats,
of 20,000 new customers who are not called: of the tenth that the first model ranks highest, and of
the tenth that the next model itself ranks highest. The second has the winner's curse: of a model
with much variance the highest predictions are those with the largest errors, also without calls.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LISTED, CONTROL, FOLDS = 0.2, 0.1, 4
NOBODY, ALL, WITHOUT, WEIGHTED = WAYS = (
    "nobody was called",
    "with the called customers",
    "without them",
    "without, control group weighted",
)
MEMBERS = ("boosting, 63 leaves", "splines, 5 knots", "logistic")
CHOSEN = "choice of the search"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--customers", type=int, default=8_000)
    parser.add_argument("--acceptance", type=float, default=0.6)
    options = parser.parse_args()
    found = []
    for seed in range(options.repeats):
        found.append(campaign(seed, options.acceptance, options.customers))
        print(f"{seed + 1} of {options.repeats}", file=sys.stderr, flush=True)
    print(f"Predicted less true risk, acceptance {options.acceptance:g}, {len(found)} repeats")
    print(f"  {'next model':<34}{'tenth of the first':>22}{'its own tenth':>22}  log loss")
    for name in (*MEMBERS, CHOSEN):
        print(f"  {name}")
        for way in WAYS:
            rows = np.array([one[way, name] for one in found if (way, name) in one])
            if not len(rows):
                continue
            error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
            cells = [f"{rows[:, i].mean():+.4f} ± {error[i]:.4f}" for i in (0, 1)]
            print(f"    {way:<32}" + "".join(f"{cell:>22}" for cell in cells), end="")
            print(f"  {rows[:, 2].mean():.4f}", flush=True)


def campaign(seed: int, acceptance: float, customers: int) -> dict[tuple[str, str], list[float]]:
    """For each way and model both differences, and the expected log loss on new customers."""
    import pandas as pd

    from churn.campaign.called import leave_out_called
    from churn.campaign.control_group import in_control
    from churn.campaign.reading import COLUMNS
    from churn.data.contract import Contract
    from churn.data.readers import TELCO
    from churn.data.synthetic import generate_sample_data
    from churn.modeling.model import ChurnModel
    from churn.modeling.search_space import BASELINE

    contract = Contract.read(TELCO / "contract.toml")
    first = ChurnModel(contract, BASELINE).fit(generate_sample_data(5_000, seed=10 * seed + 1))
    before = generate_sample_data(customers, seed=10 * seed + 2)
    ids = before["customer_id"].astype(str).to_numpy(dtype=object)
    top = np.argsort(-first.predict_proba(before)[:, 1])[: int(LISTED * customers)]
    arms = np.where(in_control(ids[top], "spring", CONTROL), "control", "contact")
    called = np.zeros(customers, dtype=bool)
    called[top[arms == "contact"]] = True
    stays = called & (np.random.default_rng(seed).random(customers) < acceptance)
    now = before.copy()
    now.loc[stays, "churn"] = contract.negative[0]
    calls = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    day = pd.Timestamp("2026-03-02")
    calls = calls.assign(customer=ids[top], arm=arms, day=day, campaign="spring")
    split, weights, _ = leave_out_called(now, np.full(customers, "train"), contract, calls)
    kept = split == "train"
    fresh, truth = generate_sample_data(20_000, seed=10 * seed + 3, return_probability=True)
    listed = np.argsort(-first.predict_proba(fresh)[:, 1])[: len(fresh) // 10]
    found = {}
    for way, table, times in (
        (NOBODY, before, None),
        (ALL, now, None),
        (WITHOUT, now[kept], None),
        (WEIGHTED, now[kept], weights[kept]),
    ):
        models = tuned(contract, table, times, choose_too=way in (NOBODY, WEIGHTED))
        for name, candidate in models.items():
            model = ChurnModel(contract, candidate).fit(table, weights=times)
            chance = model.predict_proba(fresh)[:, 1]
            own = np.argsort(-chance)[: len(fresh) // 10]
            loss = -np.mean(truth * np.log(chance) + (1 - truth) * np.log1p(-chance))
            bias = [chance[tenth].mean() - truth[tenth].mean() for tenth in (listed, own)]
            found[way, name] = [*bias, loss]
    return found


def tuned(contract, table, weights, choose_too: bool) -> dict:
    """Candidates as the search tunes them on a table, and the one that it chooses."""
    from churn.modeling.cross_validation import cross_validate
    from churn.modeling.sample import draw_search_sample
    from churn.modeling.search_space import DEFAULT_CANDIDATES
    from churn.modeling.selection import choose
    from churn.modeling.stacking import stack

    sample = draw_search_sample(table, contract, FOLDS, 20_000, 0, None, weights)
    members = [one for one in DEFAULT_CANDIDATES if one.name in MEMBERS]
    trials = [cross_validate(one, sample) for one in members]
    tried = {trial.candidate.name: trial for trial in trials}
    if choose_too:
        tried[CHOSEN] = choose([*trials, *stack(trials, sample)], sample)
    return {name: sample.rescale(trial.candidate, len(table)) for name, trial in tried.items()}


if __name__ == "__main__":
    main()
