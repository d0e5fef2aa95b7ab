"""Vega-Lite charts for cards: a table in, a specification out."""

from typing import Any

import pandas as pd

from churn.data.contract import label
from churn.evaluation.chart_spec import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    MONEY,
    ORANGE,
    PERCENT,
    RED,
    SIGNED_PERCENT,
    TALL,
    TWO_LINES,
    ZERO,
    Spec,
    feature_level,
    levels,
    quantity,
    spec,
)


def reliability(bins: pd.DataFrame) -> Spec:
    """Predicted probabilities against observed churn rates, with intervals, and the diagonal."""
    top = float(max(bins["high"].max(), bins["predicted"].max()))
    diagonal = [{"a": 0, "b": 0}, {"a": top, "b": top}]
    layers = [
        {
            "data": {"values": diagonal},
            "mark": {"type": "line", "color": GREY, "strokeDash": [4, 4]},
            "encoding": {"x": quantity("a", ""), "y": quantity("b", "")},
        },
        {
            "mark": {"type": "rule", "color": BLUE, "opacity": 0.6},
            "encoding": {
                "x": quantity("predicted", ""),
                "y": quantity("low", ""),
                "y2": {"field": "high"},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": BLUE},
            "encoding": {
                "x": quantity(
                    "predicted", "risk by the model (predicted probability)", axis=PERCENT
                ),
                "y": quantity("observed", "share who left", axis=PERCENT),
                "tooltip": [
                    {"field": "predicted", "format": ".1%"},
                    {"field": "observed", "format": ".1%"},
                    {"field": "count"},
                ],
            },
        },
    ]
    return spec(
        bins, "Risk by the model, and the share who left, with 95 % intervals", TALL, layer=layers
    )


def gains(curve: pd.DataFrame) -> Spec:
    """The share of leavers reached by calling the riskiest, compared with calling at random."""
    layers = [
        {
            "mark": {"type": "line", "color": GREY, "strokeDash": [4, 4]},
            "encoding": {"x": quantity("called", ""), "y": quantity("called", "")},
        },
        {
            "mark": {"type": "line", "color": BLUE, "strokeWidth": 3},
            "encoding": {
                "x": quantity("called", "customers called, the riskiest first", axis=PERCENT),
                "y": quantity("reached", "of all who leave, reached", axis=PERCENT),
            },
        },
    ]
    return spec(
        curve,
        "Of all who leave, how many a list reaches; dashed: calling at random",
        TALL,
        layer=layers,
    )


def profit(curve: pd.DataFrame, cut: float) -> Spec:
    """The profit of calling the riskiest share, compared with calling at random.

    `cut` is the share of customers whose call pays.
    """
    called = quantity("called", "customers called, the riskiest first", axis=PERCENT)
    layers = [
        {
            "mark": {"type": "area", "color": BLUE, "opacity": 0.18},
            "encoding": {"x": called, "y": quantity("low", ""), "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": GREY, "strokeDash": [4, 4]},
            "encoding": {"x": called, "y": quantity("random", "")},
        },
        {
            "mark": {"type": "line", "color": BLUE, "strokeWidth": 3},
            "encoding": {
                "x": called,
                "y": quantity("profit", "money per customer of the base", axis=MONEY),
                "tooltip": [
                    {"field": "called", "format": ".0%"},
                    {"field": "profit", "format": ",.2f"},
                    {"field": "low", "format": ",.2f"},
                    {"field": "high", "format": ",.2f"},
                ],
            },
        },
        {
            "data": {"values": [{"cut": cut}]},
            "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2},
            "encoding": {"x": quantity("cut", "")},
        },
    ]
    return spec(
        curve,
        "What calling brings, with its 95 % interval; the upright line: whom it pays to call",
        TALL,
        layer=layers,
    )


def list_lengths(curve: pd.DataFrame, called: int) -> Spec:
    """Expected profit against the number of calls, by ranking; `called` is the list's length."""
    names = {
        "best": "greatest net benefit",
        "riskiest": "the riskiest",
        "random": "at random",
    }
    data = curve.rename(columns=names).melt("calls", var_name="way", value_name="profit")
    scale = {"domain": [*names.values()], "range": [BLUE, RED, GREY]}
    dashes = {"domain": [*names.values()], "range": [[1, 0], [6, 3], [4, 4]]}
    way = {"field": "way", "type": "nominal", "title": "called first"}
    layers = [
        {
            "mark": {"type": "line", "strokeWidth": 3},
            "encoding": {
                "x": quantity("calls", "customers called", axis=MONEY),
                "y": quantity("profit", "expected profit", axis=MONEY),
                "color": {**way, "scale": scale},
                "strokeDash": {**way, "scale": dashes},
                "tooltip": [
                    {"field": "way"},
                    {"field": "calls", "format": ",.0f"},
                    {"field": "profit", "format": ",.2f"},
                ],
            },
        },
        {
            "data": {"values": [{"called": called}]},
            "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2},
            "encoding": {"x": quantity("called", "")},
        },
    ]
    return spec(
        data,
        "What lists of other lengths would bring; the upright line: this list",
        TALL,
        layer=layers,
    )


# The words of a manager, and below them those of an expert.
HIDDEN = ["how much worse it is without the column", "(rise of the log loss when shuffled)"]
GAP = ["share who left less that predicted", "(95 % intervals)"]
BETTER = [
    "left of 0 this model is better",
    "(difference of the log losses, 95 % interval;",
    "tick: asked for)",
]


def importances(table: pd.DataFrame, top: int = 15) -> Spec:
    """Permutation importance, with the spread over the shuffles."""
    data = table.head(top).assign(
        low=lambda t: t["importance"] - t["spread"], high=lambda t: t["importance"] + t["spread"]
    )
    data["feature"] = data["feature"].map(label)
    y = levels("feature", data["feature"].tolist())
    layers = [
        {
            "mark": {"type": "bar", "color": BLUE, "opacity": 0.85},
            "encoding": {"x": quantity("importance", HIDDEN), "y": y},
        },
        {
            "mark": {"type": "rule", "color": INK},
            "encoding": {"x": quantity("low", ""), "x2": {"field": "high"}, "y": y},
        },
    ]
    return spec(
        data, "How much worse the model is without a column", 20 * len(data) + 20, layer=layers
    )


def contributions(table: pd.DataFrame, title: str, top: int = 6) -> Spec:
    """The contributions to one customer's risk, in points of probability."""
    data = table.head(top).assign(
        label=lambda t: feature_level(t["feature"], t["value"]),
        direction=lambda t: (t["contribution"] > 0).map({True: "raises", False: "lowers"}),
    )
    encoding = {
        "x": quantity("contribution", "points of probability", axis=SIGNED_PERCENT),
        "y": levels("label", data["label"].tolist()),
        "color": {
            "field": "direction",
            "type": "nominal",
            "title": None,
            "scale": {"domain": ["raises", "lowers"], "range": [RED, GREEN]},
        },
    }
    data = data[["label", "contribution", "direction"]]
    return spec(data, title, TWO_LINES * len(data) + 20, mark="bar", encoding=encoding)


def dependence(curve: pd.DataFrame) -> Spec:
    """One feature of `partial_dependence`: mean risk, most customers' band, count."""
    name = curve["feature"].iloc[0]
    size = quantity("share", "share of customers", legend=None, scale={"range": [15, 200]})
    tooltip = [
        {"field": "label", "title": label(name)},
        {"field": "risk", "format": ".1%"},
        {"field": "share", "format": ".1%", "title": "share of customers"},
    ]
    point = {"type": "point", "filled": True, "color": BLUE, "opacity": 0.9}
    zero: Spec = {"axis": {"format": "%"}, "scale": {"domainMin": 0}}
    risk = quantity("risk", "risk, all else equal", **zero)
    number = curve["value"].map(lambda v: isinstance(v, int | float) and not isinstance(v, bool))
    if not number.any():
        y = levels("label")
        span = {"x": quantity("low", ""), "x2": {"field": "high"}, "y": y}
        at = {"x": risk, "y": y, "size": size, "tooltip": tooltip}
        layers = [
            {"mark": {"type": "rule", "color": BLUE, "opacity": 0.5}, "encoding": span},
            {"mark": point, "encoding": at},
        ]
        return spec(curve, label(name), 26 * len(curve) + 20, layer=layers)
    x, y = quantity("value", "", scale={"zero": False}), risk
    band = {"x": x, "y": quantity("low", ""), "y2": {"field": "high"}}
    layers = [
        {"mark": {"type": "area", "color": BLUE, "opacity": 0.12}, "encoding": band},
        {"mark": {"type": "line", "color": BLUE}, "encoding": {"x": x, "y": y}},
        {"mark": point, "encoding": {"x": x, "y": y, "size": size, "tooltip": tooltip}},
    ]
    if not number.all():
        dashed = {"type": "rule", "color": ORANGE, "strokeDash": [4, 4], "strokeWidth": 2}
        word = {"type": "text", "align": "left", "dx": 4, "dy": -7, "x": 0, "color": ORANGE}
        absent = {"values": curve[~number].to_dict("records")}
        layers += [
            {"data": absent, "mark": dashed, "encoding": {"y": y, "tooltip": tooltip}},
            {"data": absent, "mark": word, "encoding": {"y": y, "text": {"field": "label"}}},
        ]
    return spec(curve[number], label(name), 180, layer=layers)


def segments(table: pd.DataFrame, top: int = 15) -> Spec:
    """The worst segments that could be tested: observed less predicted churn rate, and interval."""
    judged = table[table["gap_p"].notna()].head(top)
    fine = "no worse than elsewhere"
    data = pd.DataFrame(
        {
            "label": feature_level(judged["feature"], judged["level"]),
            **{name: judged[name] for name in ("customers", "gap", "gap_low", "gap_high")},
            "worse": judged["why"].replace("", fine),
            "roc_auc": judged["roc_auc"].map("{:.3f}".format),
            "expected": judged["expected_roc_auc"].map("{:.3f}".format),
        }
    )
    colours = {fine: BLUE, "gap": RED, "ranking": ORANGE, "gap, ranking": "#7a1f1c"}
    colours = {why: colour for why, colour in colours.items() if why in set(data["worse"])}
    colour = {
        "field": "worse",
        "type": "nominal",
        "title": None,
        **({} if len(colours) > 1 else {"legend": None}),
        "scale": {"domain": list(colours), "range": list(colours.values())},
    }
    y = levels("label", data["label"].tolist())
    tooltip = [
        {"field": "label"},
        {"field": "customers", "format": ","},
        {"field": "gap", "format": "+.1%"},
        {"field": "roc_auc", "title": "ROC-AUC"},
        {"field": "expected", "title": "expected ROC-AUC"},
    ]
    layers = [
        ZERO,
        {
            "mark": {"type": "rule", "opacity": 0.6},
            "encoding": {
                "x": quantity("gap_low", GAP, axis=SIGNED_PERCENT),
                "x2": {"field": "gap_high"},
                "y": y,
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"x": quantity("gap", GAP), "y": y, "color": colour, "tooltip": tooltip},
        },
    ]
    return spec(
        data, "Groups of customers, the worst first", TWO_LINES * len(data) + 20, layer=layers
    )


def gate(checks: pd.DataFrame) -> Spec:
    """The paired differences to other models, and the thresholds of the gate."""
    # On the scale of the base rate, which is far away, the others would look the same.
    shown = checks[checks["difference"].notna() & ~checks["name"].str.endswith("base rate")]
    rows = shown[["name", "threshold", "passed"]].join(
        pd.DataFrame(shown["difference"].tolist(), index=shown.index, dtype=float)
    )
    rows["name"] = rows["name"].str.replace(" than ", f" than{LINE}")
    colour = {
        "field": "passed",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": [True, False], "range": [GREEN, RED]},
    }
    y = levels("name")
    tooltip = [{"field": name, "format": "+.4f"} for name in ("value", "low", "high", "threshold")]
    layers = [
        ZERO,
        {
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "encoding": {
                "x": quantity("low", BETTER),
                "x2": {"field": "high"},
                "y": y,
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90},
            "encoding": {
                "x": quantity("value", BETTER),
                "y": y,
                "color": colour,
                "tooltip": tooltip,
            },
        },
        {
            "mark": {"type": "tick", "thickness": 2, "color": INK},
            "encoding": {"x": quantity("threshold", BETTER), "y": y},
        },
    ]
    return spec(rows, "Beside other models", 44 * len(rows) + 20, layer=layers)


def churn_rates(counts: pd.DataFrame, title: str) -> Spec:
    """The share who left by level of a feature, with the number of customers."""
    data = counts.assign(
        label=counts["level"] + LINE + counts["customers"].map("{:,} customers".format)
    )
    encoding = {
        "y": levels("label"),
        "x": quantity("churn_rate", "share who left", axis=PERCENT),
        "tooltip": [
            {"field": "level"},
            {"field": "customers", "format": ","},
            {"field": "churn_rate", "format": ".1%"},
        ],
    }
    mark = {"type": "bar", "color": BLUE}
    return spec(data, title, TWO_LINES * len(data) + 20, mark=mark, encoding=encoding)


def missing_share(shares: pd.DataFrame) -> Spec:
    """Which share of each column is missing."""
    data = shares.assign(column=shares["column"].map(label))
    encoding = {"y": levels("column", "-x"), "x": quantity("missing", "missing", axis=PERCENT)}
    mark = {"type": "bar", "color": ORANGE}
    return spec(data, "Missing values", 24 * len(data) + 20, mark=mark, encoding=encoding)


def plain(value: Any) -> str:
    """A value as a person writes it: whole numbers without a point, `none` where it is missing."""
    if pd.isna(value):
        return "none"
    return f"{value:,.6g}" if isinstance(value, float | int) else str(value)
