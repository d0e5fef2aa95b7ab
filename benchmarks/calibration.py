"""Coverage of the interval of the calibration error.

    python benchmarks/calibration.py [--samples 200]

Customers are generated with known probabilities, and predicted with known errors: none, too extreme
ones, too high ones, and an error of the riskiest tenth alone. The interval of ChurnFlow is compared
with the percentile interval of a bootstrap over customers, which resamples the noise too. Each
coverage has its standard error. Beside the true error and its estimate are the error that the
sample shows, and what a perfect model would show.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from churn.evaluation.calibration import calibration_error, reliability

SIZES = (500, 1_400, 5_000)
RESAMPLES = 400


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def riskiest_tenth(logit: np.ndarray) -> np.ndarray:
    return np.clip(sigmoid(logit) + 0.15 * (logit > np.quantile(logit, 0.9)), 0, 0.99)


PREDICTIONS = {
    "true": sigmoid,
    "too extreme": lambda logit: sigmoid(1.3 * logit + 0.2),
    "too high": lambda logit: sigmoid(logit + 0.25),
    "too high in one tenth": riskiest_tenth,
}
LEAVING = {"26 %": -1.2, "7 %": -3.2}


def observed(target: np.ndarray, predicted: np.ndarray) -> float:
    """The mean difference of probability and churn rate over bins."""
    bins = reliability(target, predicted)
    return float(bins["count"] @ (bins["predicted"] - bins["observed"]).abs() / len(target))


def bootstrap(target: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, order = len(target), np.argsort(predicted, kind="stable")
    starts = np.arange(10) * n // 10
    gaps = (predicted - target)[order]
    weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(RESAMPLES)])
    errors = np.abs(np.add.reduceat(weights * gaps, starts, axis=1)).sum(axis=1) / n
    return np.quantile(errors, [0.025, 0.975])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200, help="for each line (%(default)s)")
    samples = parser.parse_args().samples
    print("| predictions | leave | customers | true | estimate | shown | perfect | held | before |")
    print("|---|---|---|---|---|---|---|---|---|")
    every = []
    for name, predict in PREDICTIONS.items():
        for share, centre in LEAVING.items():
            for n in SIZES:
                rows = [sample(predict, centre, n, seed) for seed in range(samples)]
                every += rows
                figures = " | ".join(f"{mean:.4f}" for mean in np.mean(rows, axis=0)[:4])
                print(f"| {name} | {share} | {n:,} | {figures} | {coverages(rows)} |", flush=True)
    print(f"| all | | | | | | | {coverages(every)} |")


def coverages(rows: list) -> str:
    """How often each interval holds the true error, with the standard error."""
    held = np.array(rows, dtype=float)[:, 4:]
    errors = held.std(axis=0, ddof=1) / np.sqrt(len(held))
    return " | ".join(f"{h:.1%} ± {e:.1%}" for h, e in zip(held.mean(axis=0), errors, strict=True))


def sample(predict, centre: float, n: int, seed: int) -> tuple:
    """The true error, its estimate, what is shown and what a perfect model shows, and whether each
    interval contains the former."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(centre, 1.3, n)
    chance, predicted = sigmoid(logit), predict(logit)
    target = (rng.random(n) < chance).astype(int)
    true = observed(chance, predicted)
    found = calibration_error(target, predicted, seed=seed)
    low, high = bootstrap(target, predicted, rng)
    inside = found["low"] <= true <= found["high"], low <= true <= high
    return true, found["value"], found["observed"], found["perfect"], *inside


if __name__ == "__main__":
    main()
