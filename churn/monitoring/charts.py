"""Vega-Lite charts of monitoring; see `churn.evaluation.charts`."""

from collections.abc import Mapping

import pandas as pd

from churn.data.contract import label
from churn.evaluation.chart_spec import (
    BLUE,
    GREY,
    LINE,
    MONEY,
    ORANGE,
    PERCENT,
    RED,
    TWO_LINES,
    Spec,
    feature_level,
    levels,
    quantity,
    spec,
)
from churn.monitoring.cohorts import EVALUATED, INSUFFICIENT, WAITING

STATES = {
    EVALUATED: "evaluated",
    INSUFFICIENT: "too few outcomes known",
    WAITING: "not over yet",
}
CHANGED = ["share of customers with another value", "(effect size of the drift)"]


def effects(table: pd.DataFrame, top: int = 20) -> Spec:
    """The effect size of each column's drift, alarms first; `table` is that of `drift.Drift`."""
    state = {(False, False): "as before", (True, False): "drifted", (True, True): "broken"}
    data = pd.DataFrame(
        {
            "label": table["column"].map(label) + table["what"].map(_suffix),
            "state": [state[key] for key in zip(table["alarm"], table["broken"], strict=True)],
            **{name: table[name] for name in ("effect", "reference", "current", "adjusted")},
        }
    ).head(top)
    colours = {"as before": BLUE, "drifted": ORANGE, "broken": RED}
    encoding = {
        "x": quantity("effect", CHANGED, axis=PERCENT),
        "y": levels("label", data["label"].tolist()),
        "color": {
            "field": "state",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(colours), "range": list(colours.values())},
        },
        "tooltip": [
            {"field": "label"},
            {"field": "reference"},
            {"field": "current"},
            {"field": "effect", "format": ".1%"},
            {"field": "adjusted", "format": ".2g", "title": "p, adjusted"},
        ],
    }
    return spec(
        data, "How much customers have changed", 30 * len(data) + 20, mark="bar", encoding=encoding
    )


def _suffix(what: str) -> str:
    return "" if what == "values" else f"{LINE}{what}"


def cohorts(table: pd.DataFrame, metric: str, title: str, reference: Mapping[str, float]) -> Spec:
    """A metric of each matured cohort with its interval, compared with that of the hold-out.

    Parameters
    ----------
    table : DataFrame
        See `churn.monitoring.cohorts.Quality`.
    reference : dict
        value, low and high.
    """
    ends = [metric, f"{metric}_low", f"{metric}_high"]
    data = table.dropna(subset=ends)[["cohort", "state", "known", *ends]]
    data["state"] = data["state"].map(STATES)
    x = {"field": "cohort", "type": "ordinal", "title": None, "axis": {"labelAngle": -45}}
    zoom = {"zero": False, "nice": True}
    colour = {
        "field": "state",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [STATES[EVALUATED], STATES[INSUFFICIENT]], "range": [BLUE, GREY]},
    }
    band = {"data": {"values": [reference]}}
    layers = [
        {
            **band,
            "mark": {"type": "rect", "color": BLUE, "opacity": 0.12, "aria": False},
            "encoding": {"y": quantity("low", "", scale=zoom), "y2": {"field": "high"}},
        },
        {
            **band,
            "mark": {"type": "rule", "color": BLUE, "strokeDash": [4, 4], "aria": False},
            "encoding": {"y": quantity("value", "")},
        },
        {
            "mark": {"type": "rule", "opacity": 0.6},
            "encoding": {
                "x": x,
                "y": quantity(ends[1], ""),
                "y2": {"field": ends[2]},
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 80},
            "encoding": {
                "x": x,
                "y": quantity(metric, title, scale=zoom),
                "color": colour,
                "tooltip": [
                    {"field": "cohort"},
                    {"field": "known", "format": ","},
                    *({"field": end, "format": ".3f"} for end in ends),
                ],
            },
        },
    ]
    return spec(
        data, f"{title} by month; the band: when it was trained (hold-out)", 200, layer=layers
    )


def money(segments: pd.DataFrame, top: int = 15) -> Spec:
    """Expected profit per customer, before and now, by segment; see `profit_drift.Money`."""
    shown = segments.dropna(subset=["profit", "profit_before"]).head(top)
    data = pd.DataFrame(
        {
            "label": feature_level(shown["feature"], shown["level"]),
            "before": shown["profit_before"],
            "now": shown["profit"],
            "customers": shown["customers"],
            "state": shown["changed"].map({True: "changed", False: "as before"}),
        }
    )
    y = levels("label", data["label"].tolist())
    colour = {
        "field": "state",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["as before", "changed"], "range": [BLUE, ORANGE]},
    }
    tooltip = [
        {"field": "label"},
        {"field": "customers", "format": ","},
        {"field": "before", "format": ",.2f"},
        {"field": "now", "format": ",.2f"},
    ]
    layers = [
        {
            "mark": {"type": "rule", "opacity": 0.6},
            "encoding": {
                "x": quantity("before", ""), "x2": {"field": "now"}, "y": y, "color": colour
            },
        },
        {
            "mark": {"type": "point", "size": 60, "color": GREY},
            "encoding": {"x": quantity("before", ""), "y": y, "tooltip": tooltip},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {
                "x": quantity("now", "expected money per customer; hollow: before", axis=MONEY),
                "y": y,
                "color": colour,
                "tooltip": tooltip,
            },
        },
    ]  # fmt: skip
    return spec(data, "Money by group of customers", TWO_LINES * len(data) + 40, layer=layers)
