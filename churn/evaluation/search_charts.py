"""Vega-Lite charts of a search: what each candidate costs, and how good it is."""

import pandas as pd

from churn.evaluation.chart_spec import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    TALL,
    Spec,
    levels,
    quantity,
    spec,
)

FAMILY_COLOURS = {
    "logistic": "#7b9ccc",
    "splines": BLUE,
    "pairs": "#1f3f6b",
    "neural_net": "#8e6bb0",
    "boosting": ORANGE,
    "oblivious_trees": "#e8b878",
    "extra_trees": "#8fbf9f",
    "random_forest": GREEN,
    "stack": "#2b2b2b",
}
OWN = "#c05a7a"  # of a family of one's own

# The words of a manager, and below them those of an expert.
LOSS = ["how wrong it is", "(log loss out of fold)"]
COST = ["what it costs to score a customer", "(microseconds)"]


def cost(rows: pd.DataFrame) -> Spec:
    """Quality against cost: out-of-fold log loss against the time to score a customer."""
    zoom = {"zero": False, "nice": True}
    x = quantity("microseconds", COST, scale={"type": "log"}, axis={"format": "~s"})
    y = quantity("log_loss", LOSS, scale=zoom)
    layers = [
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 0.85},
            "encoding": {
                "x": x,
                "y": y,
                "color": _family(rows),
                "tooltip": [
                    {"field": "candidate"},
                    {"field": "log_loss", "format": ".4f"},
                    {"field": "microseconds", "format": ".1f"},
                ],
            },
        },
        {
            "transform": [{"filter": "datum.chosen"}],
            "mark": {"type": "point", "size": 320, "strokeWidth": 2, "color": RED},
            "encoding": {"x": x, "y": y},
        },
        {
            "transform": [{"filter": "datum.chosen"}],
            "mark": {"type": "text", "dx": 14, "align": "left", "color": RED, "fontWeight": "bold"},
            "encoding": {"x": x, "y": y, "text": {"field": "candidate"}},
        },
    ]
    data = rows[["candidate", "family", "log_loss", "microseconds", "chosen"]]
    return spec(
        data,
        "Quality and cost of each candidate: the lower and the further left, the better",
        TALL,
        layer=layers,
    )


def _family(rows: pd.DataFrame) -> Spec:
    colours = FAMILY_COLOURS | {name: OWN for name in rows["family"] if name not in FAMILY_COLOURS}
    there = [family for family in colours if family in set(rows["family"])]
    scale = {"domain": there, "range": [colours[family] for family in there]}
    legend = {"labelExpr": "replace(datum.label, '_', ' ')"}
    return {"field": "family", "type": "nominal", "title": None, "scale": scale, "legend": legend}


def leaderboard(rows: pd.DataFrame) -> Spec:
    """Candidates by out-of-fold log loss: the mean as a point, each fold as a tick."""
    order = rows["candidate"].tolist()
    folds = rows.explode("fold_losses")[["candidate", "family", "fold_losses"]]
    y = levels("candidate", order)
    colour = _family(rows) | {"legend": None}  # that of the chart of costs, beside it
    zoom = {"zero": False, "nice": True}
    layers = [
        {
            "data": {"values": folds.to_dict("records")},
            "mark": {"type": "tick", "opacity": 0.55, "thickness": 2},
            "encoding": {"x": quantity("fold_losses", "", scale=zoom), "y": y, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 130},
            "encoding": {
                "x": quantity("log_loss", LOSS, scale=zoom),
                "y": y,
                "color": colour,
                "tooltip": [
                    {"field": "candidate"},
                    {"field": "log_loss", "format": ".4f"},
                    {"field": "seconds", "format": ".1f"},
                ],
            },
        },
    ]
    data = rows[["candidate", "family", "log_loss", "seconds"]]
    return spec(
        data,
        "How wrong each candidate is: its mean, and each fold as a tick",
        26 * len(rows) + 20,
        layer=layers,
    )
