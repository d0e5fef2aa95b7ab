"""A model that is not compiled as a scorer: `predict_proba` of a frame with one customer."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from churn.data.values import Record
from churn.errors import ChurnError

if TYPE_CHECKING:
    from churn.modeling.model import ChurnModel

ADVICE = (
    "a family of one's own is not compiled; ScoreFlow (`--run RUN`) and `churn.load` score by "
    "the fitted model"
)


class FittedScorer:
    """Scores one record at a time by the fitted model, as `churn.scoring.scorer.Scorer` does.

    A document of plain values cannot hold a class of a user's, so a scorer that is read from one
    has no model, and raises a ChurnError when it is asked.

    Parameters
    ----------
    threshold : float
        The model's threshold.
    model : ChurnModel, optional
    """

    program = None

    def __init__(self, threshold: float, model: "ChurnModel | None" = None):
        self.threshold = threshold
        self._model = model

    def __call__(self, record: Record) -> float:
        """The probability of leaving; see `churn.scoring.scorer.Scorer`."""
        (probability,) = self.many([record])
        assert probability is not None
        return probability

    def many(self, records: Iterable[Record | None]) -> list[float | None]:
        """The probabilities of many records; None for None."""
        import pandas as pd

        asked = list(records)
        model, known = self._loaded(), [record for record in asked if record is not None]
        names = list(model.contract.features)
        frame = pd.DataFrame([[record.get(name) for name in names] for record in known])
        frame = frame.set_axis(names, axis=1).astype(object)
        found = iter(model.predict_proba(frame)[:, 1].tolist() if known else [])
        return [None if record is None else next(found) for record in asked]

    def compile(self) -> "FittedScorer":
        """Nothing is compiled; see `Scorer.compile`.

        Raises
        ------
        ChurnError
            If there is no model.
        """
        self._loaded()
        return self

    def _loaded(self) -> "ChurnModel":
        if self._model is None:
            raise ChurnError("The model cannot score single customers here:", [ADVICE])
        return self._model
