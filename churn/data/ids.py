"""The text of a customer's id: the same from every table, database, list, request and log.

Rules, for one cell:

- A text is trimmed of blanks (of Unicode's too) and put into Unicode normal form C, so that two
  spellings of one accent are one id. Leading zeros, case and everything else stay.
- A whole number is its digits, whatever its type: `7`, `7.0`, `Decimal("7.00")` and `2**63` are
  `7`, `7`, `7` and `9223372036854775808`.
- A text like `7.0` is `7`, since a floating-point column is written to a file like this. `7.00` and
  `007.0` are not written like this, and stay.
- An empty cell, or a usual word for a missing value (`values.MISSING`), is no id.
- A NUL character is written as `␀`, since PostgreSQL has no text with a NUL in it.
"""

import re
import unicodedata
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from churn.data.values import MISSING

__all__ = ["LARGEST_FLOAT_ID", "id_text"]

# Above it, neighbouring whole numbers are the same float64.
LARGEST_FLOAT_ID = 2**53
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)\.0", re.ASCII)


def id_text(value: Any) -> str | None:
    """The text of an id.

    Parameters
    ----------
    value : object
        A cell or a JSON value: text, bytes, number, UUID, or anything with a `str`.

    Returns
    -------
    str or None
        None where the cell is empty.
    """
    if isinstance(value, str):
        return _clean(value)
    if value is None or value != value:  # NaN, NaT
        return None
    if isinstance(value, bytes):
        return _clean(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else str(value.normalize())
    if isinstance(value, Real):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    return _clean(str(value))


def _clean(text: str) -> str | None:
    text = text.strip()
    if _FLOAT.fullmatch(text):
        text = text[:-2]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "\0" in text:
        text = text.replace("\0", "\N{SYMBOL FOR NULL}")
    return None if text in MISSING or text == "\\N" else text
