"""A model compiled for one customer at a time: the same probabilities, hundreds of times sooner.

`ChurnModel.predict_proba` pays milliseconds for a data frame and a pipeline, however few the
customers. A scorer is the fitted model written out as one plain Python function over the values of
a record, by `churn.scoring.codegen`. To run it takes neither pandas nor scikit-learn, so that a
server's process stays small and starts at once.
"""

import marshal
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from math import exp, inf, log, nan
from types import CodeType

import numpy as np

from churn.data.values import FLAGS, as_text

# How far a scorer may be from its model, in probability.
TOLERANCE = 1e-9


class Scorer:
    """Scores one record at a time.

    Parameters
    ----------
    text : str
        The function, in Python, written by `churn.scoring.codegen`. It is executed: take it only
        from where a model would be unpickled.
    constants : dict of str to value
        What the function refers to by name.
    threshold : float
        Of the model: from this probability on, a customer is worth a call.
    """

    def __init__(self, text: str, constants: dict, threshold: float):
        self.text = text
        self.constants = constants
        self.threshold = threshold
        self._code = compile(text, "<scorer>", "exec")
        self._score = build(self._code, constants)

    def __call__(self, record: Mapping) -> float:
        """The probability of leaving.

        Parameters
        ----------
        record : mapping of str to value
            By feature: a number, a flag (true or false, 1 or 0), a text for a category; None, NaN
            or no entry where it is missing. Entries that are no features are left alone.

        Returns
        -------
        float
            As `ChurnModel.predict_proba` has it, within `TOLERANCE`.
        """
        return self._score(record)

    def many(self, records: Iterable[Mapping | None]) -> list[float | None]:
        """The probabilities of many; None for None."""
        score = self._score
        return [None if record is None else score(record) for record in records]

    def __getstate__(self):
        # Of hundreds of trees the text takes a second to compile, in which a server would answer
        # nobody; as in a .pyc, the code is good for the Python that wrote it.
        code = (MAGIC_NUMBER, marshal.dumps(self._code))
        return self.__dict__ | {"_score": None, "_code": code}

    def __setstate__(self, state):
        self.__dict__ |= state
        magic, code = state["_code"]
        if magic == MAGIC_NUMBER:
            self._code = marshal.loads(code)
        else:
            self._code = compile(self.text, "<scorer>", "exec")
        self._score = build(self._code, self.constants)


@dataclass(frozen=True)
class Agreement:
    """How a scorer's answers compare to its model's.

    Attributes
    ----------
    customers : int
        On how many they were compared.
    gap : float
        The largest difference in probability.
    decisions : int
        How many got another decision.
    microseconds : float
        What the scorer took for each, on average.
    """

    customers: int
    gap: float
    decisions: int
    microseconds: float

    @property
    def holds(self) -> bool:
        """Whether the scorer may answer for the model."""
        return self.gap <= TOLERANCE and not self.decisions

    def __str__(self) -> str:
        return (
            f"on {self.customers:,} customers the scorer is at most {self.gap:.1g} away from the "
            f"model, with {self.decisions} other decisions, and takes {self.microseconds:.1f} "
            "microseconds for each"
        )


def build(code: CodeType | str, constants: dict):
    """The function of a text that `Source` wrote, compiled or not."""
    scope = _HELPERS | constants
    exec(code, scope)
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
    there = a is not None and b is not None and a == a and b == b
    return 1.0 if there and a != b else 0.0


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
    """The sum of the leaves that a row falls into; see `churn.scoring.codegen.trees`."""
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
    """A row rounded to 32 bits, as forests take it; what is too wide for them is infinite."""
    with np.errstate(over="ignore"):
        return np.array(row, dtype=np.float32).tolist()


_HELPERS = {
    "array": np.array,
    "as_text": as_text,
    "bisect": bisect_right,
    "bisect_left": bisect_left,
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
