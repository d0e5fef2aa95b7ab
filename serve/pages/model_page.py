"""The metrics, reliability curve and feature importance of a model, for the model page."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, isfinite, log10
from typing import Any

from churn.evaluation.metric_table import METRICS

# Descriptions of the built-in candidates, by the beginning of their names.
KINDS = {
    "logistic": "a logistic regression: each feature adds its part to the log odds",
    "splines and pairs": "a logistic regression on splines and on products of features",
    "splines": "a logistic regression on splines of the features",
    "neural net": "a small neural network",
    "boosting": "gradient boosting: many small decision trees, each correcting those before it",
    "extra trees": "extremely randomised trees: the mean of many randomised decision trees",
    "random forest": "a random forest: the mean of many decision trees",
    "stack": "stacking: a logistic regression on the predictions of several models",
}

# The position and size of the reliability curve's plot, in units of the SVG.
LEFT, TOP, SIDE = 46, 10, 280
TICKS = 5
MOST_BARS = 10


def kind(candidate: str) -> str | None:
    """The description of a built-in candidate; None for any other."""
    name = candidate.replace("_", " ")
    return next((words for start, words in KINDS.items() if name.startswith(start)), None)


def metrics(found: Mapping[str, Mapping[str, float]]) -> Iterator[dict[str, str]]:
    """The metrics of a model with their confidence intervals and meanings."""
    for name, about in METRICS.items():
        if name in found and isfinite(found[name]["value"]):
            parts = {
                part: format(found[name][part], about.form).replace("-", "−")
                for part in ("value", "low", "high")
            }
            meaning = about.explain(found[name]["value"])
            yield {"title": about.label, "meaning": meaning, **parts}


def reliability_chart(bins: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """The coordinates of the reliability curve: observed share against predicted risk.

    Returns
    -------
    dict
        `points` and `ticks`; `left`, `top`, `right` and `bottom`, the edges of the plot.
    """
    most = max(max(one["predicted"], one["high"]) for one in bins)
    step = round_step(most / TICKS)
    end = min(1.0, step * ceil(most / step - 1e-9))

    def across(share: float) -> float:
        return round(LEFT + SIDE * share / end, 2)

    def up(share: float) -> float:
        return round(TOP + SIDE * (1 - share / end), 2)

    ticks = [step * i for i in range(floor(end / step + 1e-9) + 1)]
    return {
        "left": LEFT,
        "top": TOP,
        "right": LEFT + SIDE,
        "bottom": TOP + SIDE,
        "ticks": [{"share": share, "x": across(share), "y": up(share)} for share in ticks],
        "points": [
            {
                "x": across(one["predicted"]),
                "y": up(one["observed"]),
                "low": up(one["low"]),
                "high": up(one["high"]),
            }
            for one in bins
        ],
    }


def bars(importances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The most important features, with their importance relative to the first one's."""
    leading = [one for one in importances if one["importance"] > 0][:MOST_BARS]
    return [dict(one) | {"share": one["importance"] / leading[0]["importance"]} for one in leading]


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    power = 10.0 ** floor(log10(least))
    return next(
        float(f"{times * power:.12g}") for times in (1, 2, 5, 10) if times * power >= least * 0.999
    )
