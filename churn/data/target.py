"""The label: which value of the target means that a customer left.

The value is inferred if the target's two values are a pair of opposites (`PAIRS`); otherwise the
user has to name it. Values that differ only in case or blanks are one value.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract, label_key
from churn.data.parsing import parse_texts
from churn.data.rows import Rows, labels_of
from churn.data.values import FLAGS
from churn.errors import ChurnError
from churn.words import plural

__all__ = ["PAIRS", "Label", "describe_target", "read_labels", "settle_target"]

# The value that means that a customer left, and its opposite.
PAIRS = (("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("1", "-1"))
# A value other than a pair's is a typing mistake if it is at most this share of the rows.
TOLERANCE = 0.001
SHOWN = 10


@dataclass(frozen=True)
class Label:
    """A target's values.

    Attributes
    ----------
    positive : str
        The value that means that a customer left, in its most frequent spelling.
    negative : tuple of str
        The values that mean that a customer stayed.
    """

    positive: str
    negative: tuple[str, ...]


def settle_target(column: pd.Series, positive: str | None = None) -> Label:
    """Decide which value of a target means that a customer left.

    Parameters
    ----------
    column : Series
        Raw cells.
    positive : str, optional
        That value; case and blanks do not matter, and `1.0`, `true` and `yes` stand for the
        column's value of the same meaning.

    Raises
    ------
    ChurnError
        If the values are no pair, the value does not occur, or hardly any customer has another.
    """
    counts = _counts(column)
    spelling = _spellings(counts)
    total = sum(counts.values())
    sizes = {key: 0 for key in spelling}
    for text, count in counts.items():
        sizes[label_key(text)] += count
    common = [key for key, count in sizes.items() if count > TOLERANCE * total]
    where = f"The target {column.name!r} cannot be read:"
    if positive is None:
        pair = _pair(set(sizes)) or _pair(set(common))
        if pair is None:
            listed = ", ".join(
                f"{spelling[key]!r} ({plural(sizes[key], 'row')})"
                for key in sorted(sizes, key=lambda one: sizes[one], reverse=True)[:SHOWN]
            )
            if len(sizes) == 1:
                problem = (
                    f"every customer has {listed}: some who left and some who stayed are needed"
                )
                raise ChurnError(where, [problem])
            hint = f"say which value means that a customer left (--positive): {listed}"
            raise ChurnError(where, [hint])
        yes, no = pair
        return Label(spelling[yes], (spelling[no],))
    meant = _meant(label_key(positive), set(sizes))
    if meant is None or len(sizes) < 2:
        listed = ", ".join(repr(spelling[key]) for key in list(sizes)[:SHOWN])
        raise ChurnError(
            where, [f"{positive!r} and another value are expected; there are {listed}"]
        )
    yes = meant
    others = [key for key in common if key != yes] or [
        key for key in sizes if key != yes and _pair({yes, key})
    ]
    if not others:
        problem = f"hardly a customer has another value than {positive!r}"
        raise ChurnError(f"The target {column.name!r} cannot be learned:", [problem])
    return Label(spelling[yes], tuple(sorted(spelling[key] for key in others)))


def read_labels(column: pd.Series, positive: str = "") -> tuple[np.ndarray, list[str], list[str]]:
    """Read from a table of outcomes whether customers left.

    Parameters
    ----------
    column : Series
        Raw cells.
    positive : str
        The value that means that a customer left; every other one means that they stayed. Without
        it every value must be a flag, see `churn.data.values.FLAGS`.

    Returns
    -------
    left : ndarray of float64, shape (n,)
        1.0, 0.0, or NaN where unknown.
    problems, notes : list of str
        Why the column cannot be read; and how it was read.
    """
    texts = parse_texts(column)
    counts = _counts(column)
    spelling = _spellings(counts)
    problems, notes = [], []
    if positive:
        yes = _meant(label_key(positive), set(spelling))
        if yes is None:
            problems.append(f"{column.name}: nobody has {positive!r}")
        meaning = {key: float(key == yes) for key in spelling}
    else:
        # Any other value has no meaning and is refused, as is a 1 in a column that has a 2.
        meaning = {"1": 1.0, "-1": 0.0} if "-1" in spelling else FLAGS
    merged = _merged(counts, spelling)
    if merged:
        notes.append(f"{column.name}: {merged}")
    values = [meaning.get(label_key(text), np.nan) for text in texts.categories]
    return np.array([*values, np.nan])[texts.codes], problems, notes


def describe_target(frame: "pd.DataFrame | Rows", contract: Contract) -> str:
    """Which value counts as left, and its share: for the end of a run, and for its card.

    Parameters
    ----------
    frame : DataFrame or Rows
        With the target.
    """
    left = labels_of(frame, contract)
    stayed = ", ".join(map(repr, contract.negative))
    return (
        f"{contract.target} = {contract.positive!r} counts as left{contract.within}, "
        f"{stayed} as stayed: "
        f"{int(left.sum()):,} of {len(left):,} customers left ({left.mean():.1%})."
    )


def spellings_note(column: pd.Series) -> str:
    """Which spellings of the target are read as one value; empty where there is one of each."""
    counts = _counts(column)
    return _merged(counts, _spellings(counts))


def _counts(column: pd.Series) -> dict[str, int]:
    counts = pd.Series(parse_texts(column)).value_counts()
    return {str(text): int(count) for text, count in counts.items()}


def _spellings(counts: dict[str, int]) -> dict[str, str]:
    """The most frequent spelling of each value."""
    found: dict[str, str] = {}
    for text in sorted((text for text, count in counts.items() if count), key=lambda t: -counts[t]):
        found.setdefault(label_key(text), text)
    return found


def _merged(counts: dict[str, int], spelling: dict[str, str]) -> str:
    others = [text for text, count in counts.items() if count and text not in spelling.values()]
    return "; ".join(
        f"{plural(counts[text], 'row says', 'rows say')} {text!r}, which is read as "
        f"{spelling[label_key(text)]!r}"
        for text in others
    )


def _pair(keys: set[str]) -> tuple[str, str] | None:
    return next((pair for pair in PAIRS if keys == set(pair)), None)


def _meant(wanted: str, keys: set[str]) -> str | None:
    """The target's value with the same meaning as another spelling: `true` for 1."""
    if wanted in keys:
        return wanted
    side = {place for pair in PAIRS for place, word in enumerate(pair) if word == wanted}
    same = {pair[place] for pair in PAIRS for place in side} & keys
    return same.pop() if len(same) == 1 else None
