"""What a learned policy earns beside the list by risk and the best possible, on known effects.

    python benchmarks/targeting.py [--sizes 2000 10000] [--seeds 5]

Three worlds: in `middle` the customers of middling risk with a certain feature can be kept, and the
riskiest leave because they are called (sleeping dogs); in `feature` the share that a call keeps
depends on a feature; in `constant` every call keeps the same share, so that there is nothing to
learn beyond risk. Half of the customers are called at random. Each policy may call a tenth; money
per 1,000 customers of the base, by the true effects. `if proven` is the learned policy where its
gain is proven, and risk where not; `intervals` is how often the interval of the learned policy's
gain holds the true gain.
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

BUDGET, WORTH, COST = 0.1, 300.0, 10.0


def middle(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    saved = np.where((risk > 0.15) & (risk < 0.5) & (feature > 0), 0.6 * risk, 0.05 * risk)
    return np.where(risk > 0.6, -0.15 * (1 - risk), saved)


def by_feature(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    return risk * np.clip(0.3 + 0.25 * feature, 0, 0.8)


def constant(risk: np.ndarray, feature: np.ndarray) -> np.ndarray:
    return 0.3 * risk


WORLDS = {"middle": middle, "feature": by_feature, "constant": constant}


def draw(world: str, n: int, seed: int) -> tuple[Experiment, np.ndarray]:
    """An experiment, and the true effect of a call on each customer, in money."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(n, 8)), columns=list("abcdefgh"))
    # The learners have the probability of leaving, as EffectFlow gives it to them.
    logit = -1.2 + features["a"] + 0.6 * features["b"] - 0.5 * features["c"]
    risk = 1 / (1 + np.exp(-logit.to_numpy()))
    saved = WORLDS[world](risk, features["d"].to_numpy())
    action = rng.integers(0, 2, n)
    stayed = rng.random(n) < 1 - risk + action * saved
    propensity = constant_propensity(action, np.array([0.5, 0.5]))
    experiment = Experiment(
        features.assign(risk=risk), action, WORTH * stayed, propensity, ("no", "call"), risk,
        offset=WORTH * (1 - risk),
    )  # fmt: skip
    return experiment, WORTH * saved - COST


def measure(world: str, n: int, seed: int) -> dict[str, float]:
    experiment, truth = draw(world, n, seed)
    effects = cross_fit(experiment, seed)
    values = compare_policies(experiment, effects, np.array([COST]), (BUDGET,), seed)
    riskiest = np.argsort(-experiment.risk)[: int(BUDGET * n)]
    taken = assign(effects.effects["hybrid"] - COST, BUDGET) > 0
    best = assign(truth[:, None], BUDGET) > 0
    risk, learned = (1_000 * truth[part].sum() / n for part in (riskiest, taken))
    (found,) = [value for value in values if value.policy == "hybrid"]
    proven = decide_policy(values, BUDGET).policy == "hybrid"
    gain = (learned - risk) / 1_000
    return {
        "risk": risk,
        "best": 1_000 * truth[best].sum() / n,
        "learned": learned,
        "if proven": learned if proven else risk,
        "proven": float(proven),
        "intervals": float(abs(found.gain - gain) <= 1.96 * found.gain_se),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| world | customers | by risk | best | learned | if proven | proven | intervals |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for world in WORLDS:
        for n in options.sizes:
            rows = pd.DataFrame([measure(world, n, seed) for seed in range(options.seeds)])
            mean = rows.mean()
            money = " | ".join(f"{mean[name]:,.0f}" for name in list(rows)[:4])
            shares = " | ".join(f"{mean[name]:.0%}" for name in list(rows)[4:])
            print(f"| {world} | {n:,} | {money} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
