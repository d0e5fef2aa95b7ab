"""How much time a search may take: `default`, or `high`, which buys accuracy with it."""

from dataclasses import dataclass

from churn.modeling.search_space import DEFAULT_CANDIDATES, HIGH_CANDIDATES, Candidate
from churn.words import plural


@dataclass(frozen=True)
class Effort:
    """An amount of time, and what it is spent on.

    Attributes
    ----------
    candidates : tuple of Candidate
        The built-in ones; those of a search file take their place.
    repeats : int
        How often a candidate is cross-validated, each time with other folds and seeds; a candidate
        that is random is then fitted as often to all rows.
    times : float
        The factor of `--budget-seconds`.
    """

    candidates: tuple[Candidate, ...]
    repeats: int
    times: float

    def budget(self, seconds: float) -> float:
        """The CPU seconds of one cross-validation of all candidates."""
        return seconds * self.times / self.repeats

    def describe(self, candidates: int, seconds: float) -> str:
        """What was done beyond the default, and the wall time that it took; empty for the default.

        Parameters
        ----------
        candidates : int
        seconds : float
            Of the tasks of all candidates, one after another.
        """
        if self.repeats == 1:
            return ""
        return (
            f"High effort: {plural(candidates, 'candidate')}, cross-validated {self.repeats} times "
            f"with other folds and seeds, took {seconds:,.0f} s in all; one that is random is the "
            f"mean of {self.repeats} fits."
        )


EFFORTS = {
    "default": Effort(DEFAULT_CANDIDATES, repeats=1, times=1.0),
    "high": Effort(HIGH_CANDIDATES, repeats=3, times=10.0),
}
