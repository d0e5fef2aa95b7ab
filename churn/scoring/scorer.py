"""A model compiled for one customer at a time: the same probabilities, hundreds of times faster.

`ChurnModel.predict_proba` takes milliseconds for a data frame and a pipeline, however few the
customers. A scorer is the fitted model as one plain Python function over the values of a record,
compiled from the program that `churn.scoring.export` writes. It needs neither pandas nor
scikit-learn, so that a server process is small and starts at once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from churn.data.values import Record
from churn.scoring.compiler import compile_program
from churn.scoring.program import Program
from churn.words import plural

# The largest allowed difference between a scorer and its model, in probability.
TOLERANCE = 1e-9


class Scorer:
    """Scores one record at a time.

    Parameters
    ----------
    program : Program
    threshold : float
        The model's threshold: from this probability on, a call pays.
    """

    def __init__(self, program: Program, threshold: float):
        self.program = program
        self.threshold = threshold
        self._score: Callable[[Record], float] = self._compile_first

    def __call__(self, record: Record) -> float:
        """The probability of leaving.

        Parameters
        ----------
        record : mapping of str to value
            By feature: a number, a flag (true or false, 1 or 0), a text for a category; None, NaN
            or no entry where it is missing. Entries that are no features are ignored.

        Returns
        -------
        float
            That of `ChurnModel.predict_proba`, within `TOLERANCE`.
        """
        return self._score(record)

    def many(self, records: Iterable[Record | None]) -> list[float | None]:
        """The probabilities of many records; None for None."""
        score = self.compile()._score
        return [None if record is None else score(record) for record in records]

    def compile(self) -> "Scorer":
        """Compile the function now rather than at the first call, which would take a second."""
        if self._score == self._compile_first:
            self._score = compile_program(self.program)
        return self

    def _compile_first(self, record: Record) -> float:
        return self.compile()._score(record)

    def __reduce__(self) -> tuple[Callable[..., "Scorer"], tuple[dict[str, Any], float]]:
        return Scorer.of_plain, (self.program.to_plain(), self.threshold)

    @classmethod
    def of_plain(cls, program: Mapping[str, Any], threshold: float) -> "Scorer":
        """A scorer of a program of plain values; see `Program.parse`."""
        return cls(Program.parse(program), threshold)


@dataclass(frozen=True)
class Agreement:
    """The comparison of a scorer's probabilities with its model's.

    Attributes
    ----------
    customers : int
        The number of customers they were compared on.
    gap : float
        The largest difference in probability.
    decisions : int
        The number of customers with another decision.
    microseconds : float
        The scorer's mean time per customer.
    """

    customers: int
    gap: float
    decisions: int
    microseconds: float

    @property
    def holds(self) -> bool:
        """Whether the scorer may replace the model."""
        return self.gap <= TOLERANCE and not self.decisions

    def __str__(self) -> str:
        return (
            f"on {plural(self.customers, 'customer')} the scorer is at most {self.gap:.1g} away "
            f"from the model, with {plural(self.decisions, 'other decision')}, and takes "
            f"{self.microseconds:.1f} microseconds for each"
        )
