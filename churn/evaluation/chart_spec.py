"""What all charts of cards share: Vega-Lite that fits any width, and axes that can be read."""

from typing import Any

import pandas as pd

from churn.data.contract import label

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE, ORANGE, GREY, RED, GREEN = "#3366a8", "#d9822b", "#9aa5b1", "#c0504d", "#3a8a5f"
INK = "#22303f"
TALL = 260
NARROW = "containerSize()[0] < 480"
# In a label of two lines the name of a feature stands above its value.
LINE = "\n"
TWO_LINES = 34
# Shares and money: d3 chooses as many digits as keep the labels of an axis apart.
PERCENT, SIGNED_PERCENT, MONEY = {"format": "%"}, {"format": "+%"}, {"format": ",f"}

# A chart in the grammar of Vega-Lite, or a part of one.
Spec = dict[str, Any]

# A line at zero, which says nothing to a screen reader.
ZERO: Spec = {
    "mark": {"type": "rule", "color": GREY, "aria": False},
    "encoding": {"x": {"datum": 0}},
}
CONFIG: Spec = {
    "axis": {
        # Labels that would overlap are left out; long ones are cut where the screen is narrow.
        "labelLimit": {"expr": f"{NARROW} ? 140 : 260"},
        "labelOverlap": "greedy",
        "labelSeparation": 6,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titleLimit": {"expr": "containerSize()[0]"},
    },
    # A title that begins at the end of the axis has the room of the labels of the rows, too.
    "axisX": {"tickCount": {"expr": f"{NARROW} ? 4 : 8"}, "titleAnchor": "end"},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "columns": {"expr": f"{NARROW} ? 2 : 5"},
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 150,
    },
    "view": {"stroke": None},
}


def spec(data: pd.DataFrame, title: str, height: int, **parts: object) -> Spec:
    """A chart of a table as wide as its card; `parts` are its layers, or its mark and encoding.

    The title is the description, which cards show as a heading: in the drawing it would be cut.
    """
    return {
        "$schema": SCHEMA,
        "description": title,
        "width": "container",
        "height": height,
        "background": None,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": data.to_dict("records")},
        "config": CONFIG,
        # As SVG it is sharp at any size, and a menu that leads to another host is left out.
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": False}},
        **parts,
    }


def quantity(field: str, title: str | list[str], **more: object) -> Spec:
    """The encoding of a column of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def levels(field: str, order: object = None) -> Spec:
    """The encoding of a column of texts as rows of a chart; `order` is that of the rows."""
    axis = {"labelExpr": f"split(datum.label, {LINE!r})", "labelOverlap": False}
    return {"field": field, "type": "nominal", "sort": order, "title": None, "axis": axis}


def feature_level(features: pd.Series, values: pd.Series) -> pd.Series:
    """The labels of rows: the name of a feature, and below it a value."""
    return features.map(label) + LINE + values.astype(str)
