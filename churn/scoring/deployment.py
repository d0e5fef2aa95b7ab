"""What a server needs of a run, and no more: small, and read without pandas or scikit-learn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from churn.data.contract import Contract
from churn.scoring.explanations import Explainer
from churn.scoring.scorer import Agreement, Scorer


@dataclass(frozen=True)
class Deployment:
    """A model as it is served.

    Attributes
    ----------
    run : str
        `ChurnFlow/<id>`.
    candidate : str
        The name of the candidate that was chosen.
    contract : Contract
        What it may be asked.
    scorer : Scorer
        The model, compiled.
    agreement : Agreement
        How far the scorer's answers are from the model's.
    reasons : Explainer
        Explains an answer.
    metrics : mapping of str to mapping
        For each metric its `value`, and `low` and `high`, the ends of its interval.
    evaluated_on : str
        `hold-out` or `cross-validation`: what the metrics are of.
    reliability : sequence of mapping
        What was promised beside what happened; see `churn.evaluation.metrics.reliability`.
    importances : sequence of mapping
        Of the features, the most important first; see `churn.evaluation.report.importances`.
    lineage : mapping
        What made the run: code, packages, seed, digests of data and contract.
    fingerprint : str
        SHA-256, in hex, over the model's exact probabilities of the rows that judged it.
    customers : int
        How many it was trained on.
    made : datetime
        When, in UTC.
    """

    run: str
    candidate: str
    contract: Contract
    scorer: Scorer
    agreement: Agreement
    reasons: Explainer
    metrics: Mapping
    evaluated_on: str
    reliability: Sequence[Mapping]
    importances: Sequence[Mapping]
    lineage: Mapping
    fingerprint: str
    customers: int
    made: datetime
