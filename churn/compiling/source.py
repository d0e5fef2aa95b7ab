"""A Python function in the making: its lines, and the constants that it uses."""

from bisect import bisect_right
from math import exp, inf, log, nan

import numpy as np

from churn.data.parsing import FLAGS, as_text


class Source:
    """A function of one record, written line by line.

    Attributes
    ----------
    lines : list of str
    constants : dict of str to value
        What the lines refer to by name; picklable.
    """

    def __init__(self):
        self.lines: list[str] = []
        self.constants: dict = {}
        self._names = 0

    def name(self) -> str:
        """A name that is not taken."""
        self._names += 1
        return f"v{self._names}"

    def add(self, *lines: str) -> None:
        """Append lines, indented as given."""
        self.lines += lines

    def let(self, expression: str) -> str:
        """Give an expression a name, and return it."""
        name = self.name()
        self.add(f"{name} = {expression}")
        return name

    def constant(self, value) -> str:
        """Keep a value for the function, and return its name."""
        name = self.name()
        self.constants[name] = value
        return name

    def text(self, result: str) -> str:
        """The whole function; it returns `result`."""
        body = "".join(f"    {line}\n" for line in (*self.lines, f"return {result}"))
        return f"def score(record):\n{body}"


def build(text: str, constants: dict):
    """The function of a text that `Source` wrote."""
    scope = _HELPERS | constants
    exec(compile(text, "<scorer>", "exec"), scope)
    return scope["score"]


def number(value) -> float:
    """A number's value; NaN where it is missing."""
    if value is None:
        return nan
    if isinstance(value, str):
        raise TypeError(f"{value!r} is a text, not a number")
    return float(value)


def flag(value) -> float:
    """A flag's value, 1.0 or 0.0; NaN where it is missing."""
    if isinstance(value, str):
        return FLAGS[value.strip().lower()]
    return nan if value is None else float(value)


def divide(a: float, b: float) -> float:
    """a / b; NaN where b is 0."""
    return a / b if b else nan


def differ(a, b) -> float:
    """1.0 where two values that are there are not the same."""
    return 1.0 if a is not None and a == a and b == b and a != b else 0.0


def finite(x: float) -> float:
    """x, or NaN where it is infinite."""
    return x if -inf < x < inf else nan


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), of a log odds the probability."""
    return 1.0 / (1.0 + exp(-x)) if x > -700.0 else 0.0


def log_odds(p: float) -> float:
    """ln(p / (1 - p)), infinite at 0 and 1."""
    if 0.0 < p < 1.0:
        return log(p / (1.0 - p))
    return inf if p else -inf


def walk(row: list[float], trees: list[tuple]) -> float:
    """The sum of the leaves that a row falls into; see `churn.compiling.trees`."""
    total = 0.0
    for features, thresholds, lefts, rights, missing_left, values in trees:
        node = 0
        while (feature := features[node]) >= 0:
            x = row[feature]
            if x <= thresholds[node] or (x != x and missing_left[node]):
                node = lefts[node]
            else:
                node = rights[node]
        total += values[node]
    return total


def single(row: list[float]) -> list[float]:
    """A row rounded to 32 bits, as scikit-learn's forests take it."""
    return np.array(row, dtype=np.float32).tolist()


_HELPERS = {
    "array": np.array,
    "as_text": as_text,
    "bisect": bisect_right,
    "differ": differ,
    "divide": divide,
    "finite": finite,
    "flag": flag,
    "log_odds": log_odds,
    "maximum": np.maximum,
    "missing": nan,
    "number": number,
    "sigmoid": sigmoid,
    "single": single,
    "walk": walk,
}
