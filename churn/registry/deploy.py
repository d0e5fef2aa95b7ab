"""Build the deployment of a run from its parts."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pandas as pd

from churn.data.rows import Rows, rows_of
from churn.evaluation.report import EvaluationReport
from churn.evaluation.retention_costs import RetentionCosts
from churn.modeling.model import ChurnModel
from churn.registry.model_file import describe_model
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import ROWS, compare, compile_model


def deploy(
    run: str,
    model: ChurnModel,
    model_file: bytes,
    report: EvaluationReport,
    train: "pd.DataFrame | Rows",
    holdout: "pd.DataFrame | Rows",
    costs: RetentionCosts,
    lineage: Mapping[str, Any],
) -> Deployment:
    """Compile a fitted model, compare the scorer with it, and describe it.

    Parameters
    ----------
    run : str
        `ChurnFlow/<id>`.
    model : ChurnModel
    model_file : bytes
        The same model; see `churn.registry.model_file`.
    report : EvaluationReport
    train, holdout : DataFrame or Rows
        The scorer is compared with the model on held-out customers, or, where there are none, on
        the training rows.
    costs : RetentionCosts
    lineage : mapping
        The origin of the run; see `churn.registry.lineage`.
    """
    scorer, rows = compile_model(model), rows_of(holdout if len(holdout) else train)
    compared = rows.read(np.arange(min(len(rows), ROWS)))
    return Deployment(
        run=run,
        candidate=model.candidate.name,
        family=model.candidate.family,
        contract=model.contract,
        scorer=scorer,
        agreement=compare(scorer, model, compared),
        explainer=Explainer.of_model(model),
        costs=asdict(costs),
        metrics=report.metrics,
        evaluated_on=report.evaluated_on,
        reliability=_rows(report.reliability),
        importances=_rows(report.importances),
        lineage=lineage,
        fingerprint=report.fingerprint,
        customers=report.train_customers,
        created_at=datetime.now(UTC),
        model_file=describe_model(model_file),
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", table.to_dict("records"))
