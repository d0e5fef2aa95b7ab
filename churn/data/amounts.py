"""Numbers as people write them: amounts of money, per cent, thousands, decimal commas.

`$1,234.50`, `1.234,50 €`, `12.5%` (12.5), `(12.50)` and `12.50-` (negative, as bookkeepers write),
`1 234`, `12,34,567` (as in India).
"""

import math
import re
from collections.abc import Iterable

from churn.errors import ChurnError

__all__ = ["NUMBER", "decimal_mark", "may_be_thousands", "number_of", "units_of"]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?(inf|infinity|∞)", re.I)
_SIGN = r"(?P<sign>[+-]?)\s?"
_MONEY = r"(?:[$€£¥₹]|(?:[A-Z]{1,2})?\$|[A-Z]{3}|Rs\.?)"
_BEFORE = re.compile(rf"\(?{_SIGN}(?P<unit>{_MONEY})?\s?(?P<sign2>[+-]?)(?P<digits>[\d.,'’\s]+)\)?")
_BEHIND = re.compile(rf"\(?{_SIGN}(?P<digits>[\d.,'’\s]+?)\s?(?P<unit>{_MONEY}|%|\.-)?\)?")
_DIGITS = {
    ".": re.compile(
        r"(\d{1,3}([,'’\s\u00a0\u202f]\d{3})+|\d{1,2}(,\d\d)+,\d{3}|\d+)(\.\d*)?|\.\d+", re.ASCII
    ),
    ",": re.compile(r"(\d{1,3}([.'’\s\u00a0\u202f]\d{3})+|\d+)(,\d*)?|,\d+", re.ASCII),
}
# 1.234 in a table with decimal commas.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)
_GROUPS = re.compile(r"[,'’\s]")


def number_of(text: str, decimal: str = ".") -> float | None:
    """The number that a text contains; None if it is no number, infinite for `inf`.

    Parameters
    ----------
    text : str
        Trimmed.
    decimal : {".", ","}
    """
    if decimal == "." and NUMBER.fullmatch(text):
        return float(text)  # exact to the last bit, unlike pandas' parser
    text = text.replace("\u2212", "-")
    if text.endswith("-") and text[:1] not in "+-(":
        text = f"-{text[:-1]}"
    if _INFINITE.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    for shape in (_BEFORE, _BEHIND):
        found = shape.fullmatch(text)
        if (
            found
            and (found["digits"].strip())
            and _DIGITS[decimal].fullmatch(found["digits"].strip())
        ):
            digits = found["digits"].strip()
            if decimal == ",":
                digits = digits.replace(".", "").replace(",", ".")
            value = float(_GROUPS.sub("", digits))
            signs = (found.groupdict().get("sign") or "") + (found.groupdict().get("sign2") or "")
            bracketed = text.startswith("(")
            if bracketed != text.endswith(")") or len(signs) + bracketed > 1:
                return None
            return -value if "-" in signs or bracketed else value
    return None


def units_of(texts: Iterable[str]) -> list[str]:
    """The units of the numbers in the texts, sorted; an empty one if only some have a percent."""
    units, plain = set(), False
    for text in texts:
        found = [shape.fullmatch(text) for shape in (_BEFORE, _BEHIND)]
        named = {one["unit"] for one in found if one and one["unit"]} - {".-"}
        units |= named
        plain |= not named
    return sorted({"", *units} if plain and "%" in units else units)


def may_be_thousands(texts: Iterable[str]) -> bool:
    """Whether every point of plain numbers may separate thousands: `1.234` and `700`."""
    pointed = [text for text in texts if "." in text]
    return bool(pointed) and all(_THOUSANDS.fullmatch(text) for text in pointed)


def decimal_mark(texts: list[str], column: str, given: str = "") -> str:
    """The decimal mark of a column's numbers.

    Parameters
    ----------
    texts : list of str
        Distinct cells.
    column : str
    given : {"", ".", ","}
        The user's choice, for where the texts are ambiguous.

    Raises
    ------
    ChurnError
        If both readings are possible and differ.
    """
    odd = [text for text in texts if not NUMBER.fullmatch(text)]
    readings = [(number_of(text, "."), number_of(text, ",")) for text in odd]
    points = sum(point is not None for point, _ in readings)
    commas = sum(comma is not None for _, comma in readings)
    if given and (commas or may_be_thousands(texts)):
        return given
    if commas <= points:
        both = [text for text, pair in zip(odd, readings, strict=True) if None not in pair]
        differ = [text for text in both if number_of(text, ".") != number_of(text, ",")]
        if commas == points and differ:
            problem = f"{column}: {differ[0]!r} may be two numbers; say --decimal . or --decimal ,"
            raise ChurnError("The decimal mark is not certain:", [problem])
        return "."
    return ","
