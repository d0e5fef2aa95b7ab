"""The document of a deployment: plain values under a schema version, checked field by field.

A stored document outlives the code that wrote it. Its fields change only with `SCHEMA_VERSION`, and
a document of each version is in `tests/scoring/documents` and must stay readable.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.scoring.program import Program

SCHEMA_VERSION = 1
# The maximum number of problems that are named; a document with more is not a deployment at all.
SHOWN = 20


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must have a time zone")
    return text


def _metric(values: dict[str, float]) -> dict[str, float]:
    missing = {"value", "low", "high"} - values.keys()
    if missing:
        raise ValueError(f"must have {', '.join(sorted(missing))}")
    return values


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScorerPart(_Part):
    """The compiled model: see `churn.scoring.program`."""

    program: Program | None  # None of a model that is not compiled
    threshold: float


class AgreementPart(_Part):
    """See `churn.scoring.scorer.Agreement`."""

    customers: int
    gap: float
    decisions: int
    microseconds: float


class ExplanationsPart(_Part):
    """A typical customer, and for each feature the values to try."""

    typical: dict[str, float | str | None]
    grid: dict[str, list[float | str]]


class CostsPart(_Part):
    """See `churn.evaluation.retention_costs.RetentionCosts`: constants, or the names of columns."""

    contact_cost: float | str
    offer_cost: float | str
    acceptance: float | str
    customer_value: float | str


class ModelFilePart(_Part):
    """The fitted model that the scorer was compiled from; see `churn.registry.model_file`."""

    sha256: str = Field(pattern=r"[0-9a-f]{64}")
    scikit_learn: str


class Document(_Part):
    """Version 1."""

    schema_version: int
    run: str
    candidate: str
    family: str
    contract: Contract
    scorer: ScorerPart
    agreement: AgreementPart
    explanations: ExplanationsPart
    costs: CostsPart
    metrics: dict[str, Annotated[dict[str, float], AfterValidator(_metric)]]
    evaluated_on: str
    reliability: list[dict[str, float]]
    importances: list[dict[str, JsonValue]]
    lineage: dict[str, JsonValue]
    fingerprint: str
    customers: int
    created_at: Annotated[str, AfterValidator(_moment)]
    model_file: ModelFilePart | None

    @classmethod
    def parse(cls, values: Any) -> "Document":
        """Check a document.

        Raises
        ------
        ChurnError
            If this code does not support its schema version, or naming every field that is missing
            or malformed.
        """
        if not isinstance(values, Mapping) or "schema_version" not in values:
            problem = "it is no document of a deployment: it has no schema_version"
            raise ChurnError("The deployment cannot be used:", [problem])
        version = values["schema_version"]
        if version != SCHEMA_VERSION:
            problem = (
                f"its schema version is {version!r}, and this version of churn reads "
                f"{SCHEMA_VERSION}: use the version that made it, or train again"
            )
            raise ChurnError("The deployment cannot be used:", [problem])
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems = [f"{_path(item['loc'])}: {item['msg']}" for item in found[:SHOWN]]
            if len(found) > SHOWN:
                problems.append(f"and {len(found) - SHOWN} more")
            raise ChurnError("The deployment cannot be used:", problems) from None


def plain(value: Any) -> Any:
    """A value without numpy's types, with tuples as lists and mappings as dicts."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.item() if hasattr(value, "item") else value


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))
