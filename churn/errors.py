"""The one error that a user can correct: it names every problem at once."""

from collections.abc import Iterable


class ChurnError(ValueError):
    """Input that cannot be used.

    Parameters
    ----------
    summary : str
        What could not be done, in one sentence.
    problems : iterable of str
        Every reason, one line each: which column, which row, what was expected.
    """

    def __init__(self, summary: str, problems: Iterable[str] = ()):
        self.summary = summary
        self.problems = list(problems)
        super().__init__(summary, self.problems)

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  - {problem}" for problem in self.problems)])
