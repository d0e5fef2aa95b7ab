"""Coverage of the interval of the effect of calling.

    python benchmarks/savings.py [--repeats 500]

Campaigns with known truth: customers of log-normal value, listed with their probability of leaving,
nine in ten called; of the called leavers a share stays. The output is the coverage of the 95 %
interval of the money, the side on which it misses, and its width: for Welch's test of the
unadjusted losses (before), and for `churn.campaign.savings.measure` (now). Then a control share
that changes with the season, where calls have no effect; and the bias in small groups.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=500)
    options = parser.parse_args()
    coverage(options.repeats)
    season(options.repeats)
    small(options.repeats)


# Customers on the list, the spread of their log value, the share who leave, the share of called
# leavers who stay, and the factor by which the model's odds of leaving are wrong.
CASES = (
    *product((600,), (1.0, 1.5), (0.1, 0.4), (0.0, 0.3), (1.0,)),
    # Thirty in the control group, six of whom are expected to leave.
    *product((300,), (1.0, 1.5), (0.2,), (0.0, 0.3), (1.0,)),
    *product((300, 600), (1.5,), (0.2,), (0.3,), (0.6, 1.6)),
)


def coverage(repeats: int) -> None:
    """Money of heavy-tailed values, and customers kept."""
    print(
        f"The interval of the money, {repeats} campaigns each: holds the truth, truth is above it; "
        "and of the customers kept"
    )
    heads = {
        "listed": 8, "spread": 8, "leave": 7, "effect": 8, "odds": 7, "before": 17, "now": 17,
        "width": 8, "kept": 8,
    }  # fmt: skip
    print("".join(f"{head:>{width}}" for head, width in heads.items()))
    for n, spread, mean, effect, off in CASES:
        rng = np.random.default_rng(0)
        some = [one(rng, n, spread, mean, effect, off) for _ in range(repeats)]
        found = np.array([row for row in some if row])
        (old, old_above, old_width), (new, new_above, new_width), (kept, *_) = found.mean(axis=0)
        print(
            f"  {n:>6}{spread:>8}{mean:>7}{effect:>8}{off:>7}{old:>9.1%}{old_above:>8.1%}"
            f"{new:>9.1%}{new_above:>8.1%}{new_width / old_width:>8.2f}{kept:>8.1%}",
            flush=True,
        )
    error = np.sqrt(0.95 * 0.05 / repeats)
    print(f"  The standard error of a coverage of 95 % is {error:.1%}.")


def one(rng, n: int, spread: float, mean: float, effect: float, off: float) -> list:
    """One campaign: for both methods, and for customers kept, whether the truth is inside the
    interval, whether above, and the width; empty if nothing is said."""
    from churn.campaign.savings import measure

    value = rng.lognormal(5, spread, n)
    odds = mean / (1 - mean) * np.exp(rng.normal(0, 0.7, n))
    chance, predicted = odds / (1 + odds), off * odds / (1 + off * odds)
    called = np.arange(n) % 10 > 0
    would_leave, stays = rng.random(n) < chance, called & (rng.random(n) < effect)
    left = would_leave & ~stays
    truth = (effect * chance * value)[called].sum()
    losses = left * value
    found = measure(*campaign(called, left, predicted, value))
    if not found.saved:
        return []
    welch = stats.ttest_ind(losses[~called], losses[called], equal_var=False).confidence_interval()
    spans = [
        (welch.low * called.sum(), welch.high * called.sum(), truth),
        (found.saved["low"], found.saved["high"], truth),
        (found.kept["low"], found.kept["high"], (effect * chance)[called].sum()),
    ]
    return [(low <= true <= high, true > high, high - low) for low, high, true in spans]


def campaign(called, left, chance, value, day="2026-03-02") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calls and outcomes as `measure` takes them."""
    ids = [f"{day} {number}" for number in range(len(called))]
    calls = pd.DataFrame(
        {
            "customer": ids, "arm": np.where(called, "contact", "control"),
            "day": pd.Timestamp(day), "probability": chance, "value_at_risk": chance * value,
        }
    )  # fmt: skip
    recorded = pd.Timestamp("2026-06-01", tz="UTC")
    return calls, pd.DataFrame(
        {"customer": ids, "date": pd.NaT, "left": left, "recorded": recorded}
    )


def season(repeats: int) -> None:
    """A bad month with half of the customers in the control group, a good one with a twentieth."""
    from churn.campaign.savings import measure

    rng, before, now = np.random.default_rng(1), [], []
    for _ in range(repeats):
        parts = []
        for day, share, risk in (("2026-03-01", 0.5, 0.5), ("2026-04-01", 0.05, 0.1)):
            called = rng.random(1_000) >= share
            chance = np.full(1_000, 0.3)  # the model has no feature for the season
            parts.append(campaign(called, rng.random(1_000) < risk, chance, 200.0, day))
        calls, outcomes = (
            pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True)
        )
        contact = (calls["arm"] == "contact").to_numpy()
        losses = 200.0 * outcomes["left"].to_numpy()
        before.append(losses[~contact].mean() - losses[contact].mean())
        now.append(measure(calls, outcomes).saved["value"] / contact.sum())
    print("A control share that changes with the season, calls without effect: money per contact")
    print(f"  before {np.mean(before):+.2f}, now {np.mean(now):+.2f}")


def small(repeats: int) -> None:
    """Groups with few leavers: the mean estimate, where the true effect is 0."""
    from churn.campaign.savings import measure

    rng, every, lucky, spoken = np.random.default_rng(2), [], [], []
    for _ in range(repeats):
        called, chance = np.arange(600) % 10 > 0, np.full(600, 0.09)
        left = rng.random(600) < chance
        gap = left[~called].mean() - left[called].mean()
        every.append(gap)
        if min(left[~called].sum(), left[called].sum()) >= 5:
            lucky.append(gap)
        found = measure(*campaign(called, left, chance, 200.0))
        if found.kept:
            spoken.append(found.kept["value"] / called.sum())
    print(
        "Sixty in the control group, calls without effect: mean difference of the shares who left"
    )
    print(
        f"  all {np.mean(every):+.4f}; where five left (before) {np.mean(lucky):+.4f} of "
        f"{len(lucky)}; where five were expected to (now) {np.mean(spoken):+.4f} of {len(spoken)}"
    )


if __name__ == "__main__":
    main()
