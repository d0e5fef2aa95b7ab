"""The meaning of one cell, in a table or in a request: missing, a flag, or a text."""

import re
from collections.abc import Collection, Mapping
from typing import Any

# An empty cell and the usual spellings of "not available". In a category such a spelling may be a
# level, which the contract then lists: NA is North America in some tables. "None" is not among
# them: it is a category of its own in many tables.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")

# Words for a missing number or date, compared without case. In a category such a word may be a
# level.
MARKERS = frozenset(
    (
        "?", "-", "--", ".", "none", "null", "nil", "na", "n/a", "n.a", "n.a.", "nan", "nat",
        "<na>", "\\n", "unknown", "missing", "undefined", "not available", "no data",
        "#n/a", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!",
    )
)  # fmt: skip

FLAGS = {"yes": 1.0, "true": 1.0, "t": 1.0, "y": 1.0, "1": 1.0} | {
    "no": 0.0, "false": 0.0, "f": 0.0, "n": 0.0, "0": 0.0
}  # fmt: skip
# The usual spellings in tables and requests; True and False are the keys 1 and 0 of a dict.
USUAL_FLAGS = {1: 1.0, 0: 0.0} | FLAGS | {text.title(): value for text, value in FLAGS.items()}

# A customer's values by column: a number, a flag, a text, or None where it is missing.
Record = Mapping[str, Any]

_WHOLE = re.compile(r"-?\d+\.0+")


def as_text(value: Any, keep: Collection[str] = ()) -> str | None:
    """A cell as a trimmed text, whole numbers without a point; None where it is missing.

    Parameters
    ----------
    value : object
    keep : collection of str
        Texts of `MISSING` that are values here.
    """
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, float):
        value = float(value)  # numpy's floats have another repr
        value = int(value) if value.is_integer() else value
    elif hasattr(value, "dtype") and value.dtype.kind == "f":
        return as_text(float(value), keep)  # float32's repr has fewer digits than its value
    text = str(value).strip()
    if _WHOLE.fullmatch(text):
        text = text.partition(".")[0]
    return None if text in MISSING and text not in keep else text
