"""What the numeric parameters of the project's own estimators may be."""

from dataclasses import dataclass
from math import inf
from numbers import Integral, Real
from typing import Any


@dataclass(frozen=True)
class Number:
    """A range of numbers.

    Attributes
    ----------
    low, high : float
    whole : bool
        Only whole numbers.
    above : bool
        Without `low` itself.
    """

    low: float
    high: float = inf
    whole: bool = False
    above: bool = False

    def __contains__(self, value: object) -> bool:
        kind = Integral if self.whole else Real
        if not isinstance(value, kind) or isinstance(value, bool):
            return False
        number = float(value)
        return (number > self.low if self.above else number >= self.low) and number <= self.high

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.high < inf:
            return f"{kind} from {self.low:g} to {self.high:g}"
        return f"{kind} {'above' if self.above else 'of at least'} {self.low:g}"


def range_problems(estimator: object, ranges: dict[str, Number]) -> list[str]:
    """A sentence for each parameter of `ranges` that is no number of its range."""
    values: dict[str, Any] = {name: getattr(estimator, name) for name in ranges}
    return [
        f"{name} must be {ranges[name]}, not {value!r}"
        for name, value in values.items()
        if value not in ranges[name]
    ]
