"""The part of a run that a server needs: small, and read without pandas or scikit-learn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.scoring.document import SCHEMA_VERSION, Document, ScorerPart, plain
from churn.scoring.explanations import Explainer
from churn.scoring.fitted import ADVICE, FittedScorer
from churn.scoring.scorer import Agreement, Scorer


@dataclass(frozen=True)
class Deployment:
    """A model as it is served.

    Attributes
    ----------
    run : str
        `ChurnFlow/<id>`.
    candidate, family : str
        The name of the candidate that was chosen, and its family.
    contract : Contract
        The columns of a request.
    scorer : Scorer or FittedScorer
        The model, compiled; a FittedScorer of a family that cannot be compiled.
    agreement : Agreement
        The differences between the scorer's probabilities and the model's.
    explainer : Explainer
        Explains a probability.
    costs : mapping of str to float or str
        The costs of retention of the run; see `churn.evaluation.retention_costs.RetentionCosts`.
    metrics : mapping of str to mapping
        For each metric its `value`, and `low` and `high`, the ends of its interval.
    evaluated_on : str
        `hold-out` or `cross-validation`: the predictions that the metrics are of.
    reliability : sequence of mapping
        Predicted and observed churn rates; see `churn.evaluation.calibration.reliability`.
    importances : sequence of mapping
        Of the features, the most important first; see `churn.evaluation.report.importances`.
    lineage : mapping
        The origin of the run: code, packages, seed, digests of data and contract.
    fingerprint : str
        SHA-256, in hex, over the model's exact probabilities of the rows it was evaluated on.
    customers : int
        The number of customers the model was trained on.
    created_at : datetime
        In UTC.
    model_file : mapping or None
        The digest of the fitted model, and the version of scikit-learn that fitted it.
    """

    run: str
    candidate: str
    family: str
    contract: Contract
    scorer: Scorer | FittedScorer
    agreement: Agreement
    explainer: Explainer
    costs: Mapping[str, float | str]
    metrics: Mapping[str, Mapping[str, float]]
    evaluated_on: str
    reliability: Sequence[Mapping[str, float]]
    importances: Sequence[Mapping[str, Any]]
    lineage: Mapping[str, Any]
    fingerprint: str
    customers: int
    created_at: datetime
    model_file: Mapping[str, str] | None = None

    @property
    def compiled(self) -> bool:
        """Whether the scorer is compiled, which the app needs."""
        return self.scorer.program is not None

    def require_compiled(self) -> None:
        """Raise a ChurnError unless it is compiled: the app unpickles no model of anybody's."""
        if not self.compiled:
            raise ChurnError(f"{self.run} cannot be served:", [f"{self.family}: {ADVICE}"])

    def to_document(self) -> dict[str, Any]:
        """The deployment as a document of plain values; see `churn.scoring.document`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self.run,
            "candidate": self.candidate,
            "family": self.family,
            "contract": self.contract.model_dump(mode="json"),
            "scorer": {
                "program": self.scorer.program and self.scorer.program.to_plain(),
                "threshold": plain(self.scorer.threshold),
            },
            "agreement": plain(asdict(self.agreement)),
            "explanations": {
                "typical": plain(self.explainer.typical),
                "grid": plain(self.explainer.grid),
            },
            "costs": plain(self.costs),
            "metrics": plain(self.metrics),
            "evaluated_on": self.evaluated_on,
            "reliability": plain(self.reliability),
            "importances": plain(self.importances),
            "lineage": plain(self.lineage),
            "fingerprint": self.fingerprint,
            "customers": plain(self.customers),
            "created_at": self.created_at.isoformat(),
            "model_file": plain(self.model_file),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Deployment":
        """Read a document.

        Raises
        ------
        ChurnError
            See `Document.parse`.
        """
        read = Document.parse(document)
        typical, grid = read.explanations.typical, read.explanations.grid
        return cls(
            run=read.run,
            candidate=read.candidate,
            family=read.family,
            contract=read.contract,
            scorer=_scorer(read.scorer),
            agreement=Agreement(**vars(read.agreement)),
            explainer=Explainer(read.contract, typical, grid),
            costs=vars(read.costs),
            metrics=read.metrics,
            evaluated_on=read.evaluated_on,
            reliability=read.reliability,
            importances=read.importances,
            lineage=read.lineage,
            fingerprint=read.fingerprint,
            customers=read.customers,
            created_at=datetime.fromisoformat(read.created_at),
            model_file=vars(read.model_file) if read.model_file else None,
        )

    def __reduce__(self) -> tuple[Callable[..., "Deployment"], tuple[dict[str, Any]]]:
        # The document is stored between the steps of a flow too.
        return Deployment.from_document, (self.to_document(),)


def _scorer(part: ScorerPart) -> Scorer | FittedScorer:
    if part.program is None:
        return FittedScorer(part.threshold)
    return Scorer(part.program, part.threshold)
