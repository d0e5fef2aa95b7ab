"""What a learned policy earns beside the list by risk and the best possible, on known effects.

    python benchmarks/targeting.py [--sizes 2000 10000] [--seeds 5] [--actions 2]

Three worlds: in `middle` the customers of middling risk with a certain feature can be kept, and the
riskiest leave because they are called (sleeping dogs); in `feature` the share that a call keeps
depends on a feature; in `constant` every call keeps the same share, so that there is nothing to
learn beyond risk. Half of the customers are called at random. With two actions there is a mail too,
cheaper, that keeps others; a third of the customers gets each, and the list by risk has the mean
acceptance of each. Each policy may act on a tenth; money per 1,000 customers of the base, by the
true effects. `if proven` is the learned policy where its gain is proven, and risk where not;
`intervals` is how often the interval of the learned policy's gain holds the true gain.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.targeting.effects import cross_fit
from churn.targeting.experiment import Experiment, constant_propensity
from churn.targeting.policies import assign, compare_policies, decide_policy

BUDGET, WORTH, COSTS = 0.1, 300.0, np.array([10.0, 2.0])


def middle(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    saved = np.where((risk > 0.15) & (risk < 0.5) & (feature > 0), 0.6 * risk, 0.05 * risk)
    return np.where(risk > 0.6, -0.15 * (1 - risk), saved)


def by_feature(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    return risk * np.clip(0.3 + 0.25 * feature, 0, 0.8)


def constant(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    return 0.3 * risk


WORLDS = {"middle": middle, "feature": by_feature, "constant": constant}


def mail(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    return risk * np.where(feature > 0.5, 0.3, 0.02)


def draw(world: str, n: int, seed: int, actions: int) -> tuple[Experiment, np.ndarray]:
    """An experiment, and the true effect of each action on each customer, in money."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(n, 8)), columns=list("abcdefgh"))
    # The learners have the probability of leaving, as EffectFlow gives it to them.
    logit = -1.2 + features["a"] + 0.6 * features["b"] - 0.5 * features["c"]
    risk = 1 / (1 + np.exp(-logit.to_numpy()))
    saved = np.column_stack(
        [WORLDS[world](risk, features["d"].to_numpy()), mail(risk, features["e"].to_numpy())]
    )[:, :actions]
    action = rng.integers(0, actions + 1, n)
    kept = np.column_stack([np.zeros(n), saved])[np.arange(n), action]
    stayed = rng.random(n) < 1 - risk + kept
    propensity = constant_propensity(action, np.full(actions + 1, 1 / (actions + 1)))
    truth = WORTH * saved - COSTS[:actions]
    mean = saved.mean(axis=0) / risk.mean()
    by_risk = WORTH * risk[:, None] * mean - COSTS[:actions]
    experiment = Experiment(
        features.assign(risk=risk), action, WORTH * stayed, propensity,
        ("no", "call", "mail")[: actions + 1], risk, offset=WORTH * (1 - risk),
        benefit=by_risk if actions > 1 else None,
    )  # fmt: skip
    return experiment, truth


def measure(world: str, n: int, seed: int, actions: int) -> dict[str, float]:
    experiment, truth = draw(world, n, seed, actions)
    costs = COSTS[:actions]
    effects = cross_fit(experiment, seed)
    values = compare_policies(experiment, effects, costs, (BUDGET,), seed)

    def earned(chosen: np.ndarray) -> float:
        """The true money per 1,000 customers of what a policy does."""
        at = np.flatnonzero(chosen)
        return float(1_000 * truth[at, chosen[at] - 1].sum() / n)

    by_risk = experiment.risk[:, None] if experiment.benefit is None else experiment.benefit
    risk, learned, best = (
        earned(assign(money, BUDGET))
        for money in (by_risk, effects.effects["hybrid"] - costs, truth)
    )
    (found,) = [value for value in values if value.policy == "hybrid"]
    proven = decide_policy(values, BUDGET).policy == "hybrid"
    gain = (learned - risk) / 1_000
    return {
        "risk": risk,
        "best": best,
        "learned": learned,
        "if proven": learned if proven else risk,
        "proven": float(proven),
        "intervals": float(abs(found.gain - gain) <= 1.96 * found.gain_se),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--actions", type=int, choices=(1, 2), default=1)
    options = parser.parse_args()
    print("| world | customers | by risk | best | learned | if proven | proven | intervals |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for world in WORLDS:
        for n in options.sizes:
            rows = pd.DataFrame(
                [measure(world, n, seed, options.actions) for seed in range(options.seeds)]
            )
            mean = rows.mean()
            money = " | ".join(f"{mean[name]:,.0f}" for name in list(rows)[:4])
            shares = " | ".join(f"{mean[name]:.0%}" for name in list(rows)[4:])
            print(f"| {world} | {n:,} | {money} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
