"""Vega-Lite charts for cards: a table in, a specification out."""

from typing import Any

import pandas as pd

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE, ORANGE, GREY, RED, GREEN = "#3366a8", "#d9822b", "#9aa5b1", "#c0504d", "#3a8a5f"
TALL = 260
# On a narrow screen labels are cut, to leave room for the chart.
LABELS = {"expr": "containerSize()[0] < 480 ? 110 : 260"}
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

# A chart in the grammar of Vega-Lite, or a part of one.
Spec = dict[str, Any]


def spec(data: pd.DataFrame, title: str, height: int, **parts: object) -> Spec:
    """A chart of a table as wide as its card; `parts` are its layers, or its mark and encoding."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "anchor": "start", "fontSize": 14},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": data.to_dict("records")},
        "config": {
            "axis": {"labelLimit": LABELS, "titleFontWeight": "normal"},
            "view": {"stroke": None},
        },
        **parts,
    }


def quantity(field: str, title: str | list[str], **more: object) -> Spec:
    """The encoding of a column of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def cost(rows: pd.DataFrame) -> Spec:
    """Quality against cost: out-of-fold log loss against the time to score a customer."""
    zoom = {"zero": False, "nice": True}
    x = quantity("microseconds", "microseconds per customer", scale={"type": "log"})
    y = quantity("log_loss", "log loss out of fold", scale=zoom)
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
    return spec(data, "Quality against cost (both are better when lower)", TALL, layer=layers)


def _family(rows: pd.DataFrame) -> Spec:
    colours = FAMILY_COLOURS | {name: OWN for name in rows["family"] if name not in FAMILY_COLOURS}
    there = [family for family in colours if family in set(rows["family"])]
    scale = {"domain": there, "range": [colours[family] for family in there]}
    return {"field": "family", "type": "nominal", "title": None, "scale": scale}


def leaderboard(rows: pd.DataFrame) -> Spec:
    """Candidates by out-of-fold log loss: the mean as a point, each fold as a tick."""
    order = rows["candidate"].tolist()
    folds = rows.explode("fold_losses")[["candidate", "family", "fold_losses"]]
    y = {"field": "candidate", "type": "nominal", "sort": order, "title": None}
    colour = _family(rows)
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
                "x": quantity("log_loss", "log loss out of fold (lower is better)", scale=zoom),
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
    return spec(data, "Candidates: mean and folds", 26 * len(rows) + 20, layer=layers)


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
                "x": quantity("predicted", "predicted probability", axis={"format": "%"}),
                "y": quantity("observed", "share who left", axis={"format": "%"}),
                "tooltip": [
                    {"field": "predicted", "format": ".1%"},
                    {"field": "observed", "format": ".1%"},
                    {"field": "count"},
                ],
            },
        },
    ]
    return spec(bins, "Predicted and observed (95 % intervals)", TALL, layer=layers)


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
                "x": quantity(
                    "called", "customers called, the riskiest first", axis={"format": "%"}
                ),
                "y": quantity("reached", "of those who left, reached", axis={"format": "%"}),
            },
        },
    ]
    return spec(curve, "Gains", TALL, layer=layers)


def profit(curve: pd.DataFrame, cut: float) -> Spec:
    """The profit of calling the riskiest share, compared with calling at random.

    `cut` is the share of customers whose call pays.
    """
    called = quantity("called", "customers called, the riskiest first", axis={"format": "%"})
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
                "y": quantity("profit", "profit per customer"),
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
    return spec(curve, "Profit (95 % interval) and whom it pays to call", TALL, layer=layers)


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
                "x": quantity("calls", "customers called", axis={"format": ","}),
                "y": quantity("profit", "expected profit", axis={"format": ","}),
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
    return spec(data, "Profit against the length of the list, and this list", TALL, layer=layers)


def importances(table: pd.DataFrame, top: int = 15) -> Spec:
    """Permutation importance, with the spread over the shuffles."""
    data = table.head(top).assign(
        low=lambda t: t["importance"] - t["spread"], high=lambda t: t["importance"] + t["spread"]
    )
    y = {"field": "feature", "type": "nominal", "sort": data["feature"].tolist(), "title": None}
    layers = [
        {
            "mark": {"type": "bar", "color": BLUE, "opacity": 0.85},
            "encoding": {"x": quantity("importance", "rise of the log loss when shuffled"), "y": y},
        },
        {
            "mark": {"type": "rule", "color": "#22303f"},
            "encoding": {"x": quantity("low", ""), "x2": {"field": "high"}, "y": y},
        },
    ]
    return spec(data, "What the model relies on", 20 * len(data) + 20, layer=layers)


def contributions(table: pd.DataFrame, title: str, top: int = 6) -> Spec:
    """The contributions to one customer's risk, in points of probability."""
    data = table.head(top).assign(
        label=lambda t: t["feature"] + ": " + t["value"],
        direction=lambda t: (t["contribution"] > 0).map({True: "raises", False: "lowers"}),
    )
    encoding = {
        "x": quantity(
            "contribution", "points of probability", axis={"format": "+%", "tickCount": 6}
        ),
        "y": {"field": "label", "type": "nominal", "sort": data["label"].tolist(), "title": None},
        "color": {
            "field": "direction",
            "type": "nominal",
            "title": None,
            "scale": {"domain": ["raises", "lowers"], "range": [RED, GREEN]},
        },
    }
    data = data[["label", "contribution", "direction"]]
    return spec(data, title, 22 * len(data) + 20, mark="bar", encoding=encoding)


def dependence(curve: pd.DataFrame) -> Spec:
    """One feature of `partial_dependence`: mean risk, most customers' band, count."""
    name = curve["feature"].iloc[0]
    size = quantity("share", "share of customers", legend=None, scale={"range": [15, 200]})
    tooltip = [
        {"field": "label", "title": name},
        {"field": "risk", "format": ".1%"},
        {"field": "share", "format": ".1%", "title": "share of customers"},
    ]
    point = {"type": "point", "filled": True, "color": BLUE, "opacity": 0.9}
    zero: Spec = {"axis": {"format": "%"}, "scale": {"domainMin": 0}}
    risk = quantity("risk", "risk, all else equal", **zero)
    number = curve["value"].map(lambda v: isinstance(v, int | float) and not isinstance(v, bool))
    if not number.any():
        y = {"field": "label", "type": "nominal", "sort": None, "title": None}
        span = {"x": quantity("low", ""), "x2": {"field": "high"}, "y": y}
        at = {"x": risk, "y": y, "size": size, "tooltip": tooltip}
        layers = [
            {"mark": {"type": "rule", "color": BLUE, "opacity": 0.5}, "encoding": span},
            {"mark": point, "encoding": at},
        ]
        return spec(curve, name, 26 * len(curve) + 20, layer=layers)
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
    return spec(curve[number], name, 180, layer=layers)


def segments(table: pd.DataFrame, top: int = 15) -> Spec:
    """The worst segments that could be tested: observed less predicted churn rate, and interval."""
    judged = table[table["gap_p"].notna()].head(top)
    fine = "no worse than elsewhere"
    data = pd.DataFrame(
        {
            "label": judged["feature"] + ": " + judged["level"],
            **{name: judged[name] for name in ("customers", "gap", "gap_low", "gap_high")},
            "worse": judged["why"].replace("", fine),
            "roc_auc": judged["roc_auc"].map("{:.3f}".format),
            "expected": judged["expected_roc_auc"].map("{:.3f}".format),
        }
    )
    colours = {fine: BLUE, "gap": RED, "ranking": ORANGE, "gap, ranking": "#7a1f1c"}
    colour = {
        "field": "worse",
        "type": "nominal",
        "title": None,
        "legend": {"orient": "bottom"},
        "scale": {"domain": list(colours), "range": list(colours.values())},
    }
    y = {"field": "label", "type": "nominal", "sort": data["label"].tolist(), "title": None}
    tooltip = [
        {"field": "label"},
        {"field": "customers", "format": ","},
        {"field": "gap", "format": "+.1%"},
        {"field": "roc_auc", "title": "ROC-AUC"},
        {"field": "expected", "title": "expected ROC-AUC"},
    ]
    title = ["share who left less predicted", "(95 % intervals)"]
    layers = [
        {"mark": {"type": "rule", "color": GREY}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "opacity": 0.6},
            "encoding": {
                "x": quantity("gap_low", title, axis={"format": "+%"}),
                "x2": {"field": "gap_high"},
                "y": y,
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"x": quantity("gap", title), "y": y, "color": colour, "tooltip": tooltip},
        },
    ]
    return spec(data, "Segments of customers, the worst first", 22 * len(data) + 60, layer=layers)


def gate(checks: pd.DataFrame) -> Spec:
    """The paired differences to other models, and the thresholds of the gate."""
    # On the scale of the base rate, which is far away, the others would look the same.
    shown = checks[checks["difference"].notna() & ~checks["name"].str.endswith("base rate")]
    rows = shown[["name", "threshold", "passed"]].join(
        pd.DataFrame(shown["difference"].tolist(), index=shown.index, dtype=float)
    )
    colour = {
        "field": "passed",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": [True, False], "range": [GREEN, RED]},
    }
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    title = [
        "log loss less the other model's, nats",
        "(95 % interval; the tick: what is asked for)",
    ]
    tooltip = [{"field": name, "format": "+.4f"} for name in ("value", "low", "high", "threshold")]
    layers = [
        {"mark": {"type": "rule", "color": GREY}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "encoding": {
                "x": quantity("low", title),
                "x2": {"field": "high"},
                "y": y,
                "color": colour,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90},
            "encoding": {
                "x": quantity("value", title),
                "y": y,
                "color": colour,
                "tooltip": tooltip,
            },
        },
        {
            "mark": {"type": "tick", "thickness": 2, "color": "#22303f"},
            "encoding": {"x": quantity("threshold", title), "y": y},
        },
    ]
    return spec(rows, "Beside other models", 40 * len(rows) + 20, layer=layers)


def histogram(counts: pd.DataFrame, title: str) -> Spec:
    """Churn rate (bar colour) and number of customers (bar length) by level of a feature."""
    encoding = {
        "y": {"field": "level", "type": "nominal", "sort": None, "title": None},
        "x": quantity("customers", "customers"),
        "color": quantity(
            "churn_rate",
            "share who left",
            scale={"scheme": "blues", "domainMin": 0},
            legend={"format": "%"},
        ),
        "tooltip": [
            {"field": "level"},
            {"field": "customers"},
            {"field": "churn_rate", "format": ".1%"},
        ],
    }
    return spec(counts, title, 22 * len(counts) + 20, mark="bar", encoding=encoding)


def missing_share(shares: pd.DataFrame) -> Spec:
    """Which share of each column is missing."""
    encoding = {
        "y": {"field": "column", "type": "nominal", "sort": "-x", "title": None},
        "x": quantity("missing", "missing", axis={"format": "%", "tickCount": 5}),
    }
    mark = {"type": "bar", "color": ORANGE}
    return spec(shares, "Missing values", 22 * len(shares) + 20, mark=mark, encoding=encoding)


def plain(value: Any) -> str:
    """A value as a person writes it: whole numbers without a point, `none` where it is missing."""
    if pd.isna(value):
        return "none"
    return f"{value:,.6g}" if isinstance(value, float | int) else str(value)
