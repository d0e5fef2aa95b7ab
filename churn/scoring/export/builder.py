"""Build a program step by step."""

import hashlib
import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from churn.scoring.program import Program

# Functions of one column or two, which several models have in common, such as the nets of a mean
# over seeds: the same step is added once, and evaluated once for a customer.
SHARED = ("constant", "curve", "lookup", "multiply")


class ProgramBuilder:
    """Steps of a program, added one by one; see `churn.scoring.program`.

    Attributes
    ----------
    steps : list of dict
    """

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._places: dict[bytes, int] = {}

    def add(self, op: str, **fields: object) -> int:
        """Append a step, and return its place, by which later steps refer to it.

        A step of `SHARED` that is there already is not appended again.
        """
        if op not in SHARED:
            return self._append(op, fields)
        key = hashlib.sha256(pickle.dumps((op, fields))).digest()
        if key not in self._places:
            self._places[key] = self._append(op, fields)
        return self._places[key]

    def _append(self, op: str, fields: dict[str, object]) -> int:
        self.steps.append({"op": op, **fields})
        return len(self.steps) - 1

    def add_sum(
        self, intercept: float, terms: Sequence[int], weights: Iterable[float] | None = None
    ) -> int:
        """Append intercept + weights @ terms; weights of 1 where none are given."""
        weights = [1.0] * len(terms) if weights is None else list(map(float, weights))
        return self.add("sum", intercept=float(intercept), weights=weights, terms=list(terms))

    def n_levels(self, columns: Sequence[int], levels: np.ndarray) -> np.ndarray:
        """How many levels each column has, a flag taken as a category of two; 0 for a number."""
        flags = np.array([self.steps[column]["op"] == "flag" for column in columns])
        return np.where(flags & (levels == 0), 2, levels)

    def program(self) -> Program:
        """The program, checked; its result is the step that was added last."""
        return Program.parse({"steps": self.steps})
