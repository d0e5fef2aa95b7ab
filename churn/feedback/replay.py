"""Recompute a logged prediction from its inputs, with the run that made it."""

from dataclasses import dataclass

import pandas as pd
from pydantic_core import to_json

from churn.errors import ChurnError
from churn.feedback.prediction_log import Prediction
from churn.registry.runs import fetch_model
from churn.scoring.json_body import InvalidRequest
from churn.scoring.request_schema import RequestSchema
from churn.scoring.scorer import TOLERANCE


@dataclass(frozen=True)
class Score:
    """A probability, and whether it reached the threshold."""

    probability: float
    churn: bool
    threshold: float


@dataclass(frozen=True)
class Replay:
    """A logged prediction, and the recomputed ones.

    Attributes
    ----------
    prediction : Prediction
        As it was logged.
    candidate : str
        The name of the run's model.
    scores : dict of str to Score
        `logged`; `scorer`, of the compiled model, which made the prediction; and `model`, of the
        model it is compiled from.
    """

    prediction: Prediction
    candidate: str
    scores: dict[str, Score]

    @property
    def differences(self) -> list[str]:
        """The differences to the log: probabilities by more than `TOLERANCE`, and decisions."""
        logged, *others = self.scores.items()
        found = []
        for name, score in others:
            gap = score.probability - logged[1].probability
            if not abs(gap) <= TOLERANCE:  # true for NaN too
                found.append(f"the {name}'s probability is {gap:+.3g} away")
            if score.churn != logged[1].churn:
                found.append(f"the {name}'s decision is the other one")
        return found


def replay(prediction: Prediction) -> Replay:
    """Recompute a prediction.

    Raises
    ------
    ChurnError
        If the run cannot be read any more, see `churn.registry.runs.fetch_run`, or does not accept
        the inputs.
    """
    deployment, model = fetch_model(prediction.run)
    try:
        # Dates count days to the day of the prediction.
        schema = RequestSchema(deployment.contract, 1, today=prediction.time.date)
        record = schema.read_record(to_json(prediction.inputs))
    except InvalidRequest as error:
        summary = f"{deployment.run} does not take the inputs of {prediction.prediction}:"
        raise ChurnError(summary, error.problems) from error
    customer = pd.DataFrame([record], columns=list(deployment.contract.features))
    logged = Score(prediction.probability, prediction.churn, prediction.threshold)
    scores = {
        "logged": logged,
        "scorer": _score(deployment.scorer(record), deployment.scorer.threshold),
        "model": _score(float(model.predict_proba(customer)[0, 1]), model.threshold),
    }
    return Replay(prediction, deployment.candidate, scores)


def _score(probability: float, threshold: float) -> Score:
    return Score(probability, probability >= threshold, threshold)
