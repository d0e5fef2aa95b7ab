"""The gate's decisions on models that slowly get worse, and on equal models, by simulation.

    python benchmarks/gate.py [--repeats 200]

Customers have true log odds; a model's log odds are these and noise, whose scale is given as the
excess loss in nats. Held-out customers are sampled once per repeat and stay the same all year,
which is the worst case.

- creeping: each week's model has .0005 nats more loss than that of the week before. Measured: the
  increase of the champion's loss after 52 weeks, and the number of weeks with a promotion.
- equal: two models of the same excess loss, .003 nats, and independent noise. Measured: the share
  that is rejected.

Before: promoted if the upper end of the 95 % interval of the paired difference to the champion is
at most .005. Now: `churn.registry.champion_comparison`, with four training rows, predicted out of
fold, to a held-out customer where fewer than 5,000 are held out.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.registry.champion_comparison import FEW_HELD_OUT, allowed_loss, surely_below
from churn.statistics.log_odds import row_losses, sigmoid

MARGIN, STEP, WEEKS, LOSS = 0.005, 0.0005, 52, 0.003


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    print("held out   creep before        now                 equal rejected before   now")
    for n in (500, 1_000, 1_400, 20_000):
        rng, n_pairs = np.random.default_rng(n), n * (5 if n < FEW_HELD_OUT else 1)
        creeps = [
            np.mean([creep(rng, rows, rule) for _ in range(repeats)], axis=0)
            for rule, rows in zip(RULES, (n, n_pairs), strict=True)
        ]
        equal = [
            np.mean([not equals(rng, rows, rule) for _ in range(repeats)])
            for rule, rows in zip(RULES, (n, n_pairs), strict=True)
        ]
        (loss, weeks), (loss_now, weeks_now) = creeps
        print(
            f"{n:8,}   {loss:.4f} in {weeks:4.1f} weeks   {loss_now:.4f} in {weeks_now:4.1f} weeks"
            f"   {equal[0]:22.0%}   {equal[1]:.0%}"
        )


def before(losses, champion, best) -> bool:
    """Whether a model passes the former gate, by its row losses and the champion's."""
    return interval(losses - champion)["high"] <= MARGIN


def now(losses, champion, best) -> bool:
    """Whether a model passes the gate, by its row losses, the champion's and the best ever's."""
    if interval(losses - champion)["low"] > 0:
        return False
    to_best = interval(losses - best)
    return to_best["value"] <= allowed_loss(to_best, MARGIN)


RULES = (before, now)


def interval(differences: np.ndarray) -> dict[str, float]:
    value = differences.mean()
    half = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    return {"value": value, "low": value - half, "high": value + half}


def customers(rng, n: int) -> tuple[np.ndarray, np.ndarray, float]:
    """True log odds, who left, and the variance of noise per nat of loss."""
    truth = rng.normal(-1.6, 1.6, n)
    chance = sigmoid(truth)
    return truth, (rng.random(n) < chance).astype(int), 2 / (chance * (1 - chance)).mean()


def creep(rng, n: int, rule) -> tuple[float, float]:
    """The increase of the champion's loss after a year, in nats, and the number of promotions."""
    truth, left, per_nat = customers(rng, n)
    noise = rng.normal(0, np.sqrt(LOSS * per_nat), n)
    champion = best = row_losses(left, sigmoid(truth + noise))
    gained, promoted = 0.0, 0
    for week in range(1, WEEKS + 1):
        # A model's errors are mostly those of the week before.
        noise = noise + rng.normal(0, np.sqrt(STEP * per_nat), n)
        losses = row_losses(left, sigmoid(truth + noise))
        if rule(losses, champion, best):
            champion, gained, promoted = losses, week * STEP, promoted + 1
            if surely_below(champion - best):
                best = champion
    return gained, promoted


def equals(rng, n: int, rule) -> bool:
    """Whether a model with the champion's loss passes."""
    truth, left, per_nat = customers(rng, n)
    noises = rng.normal(0, np.sqrt(LOSS * per_nat), (2, n))
    champion, losses = (row_losses(left, sigmoid(truth + noise)) for noise in noises)
    return rule(losses, champion, champion)


if __name__ == "__main__":
    main()
