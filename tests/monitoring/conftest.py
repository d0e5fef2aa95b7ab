"""A model in use, its reference, a month of predictions, and the verdict on a period."""

import pandas as pd
import pytest

from churn.data.parsing import labels, parse_features
from churn.data.synthetic import generate_sample_data
from churn.evaluation.metrics import evaluate
from churn.evaluation.retention_costs import RetentionCosts
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.monitoring import verdict
from churn.monitoring.cohorts import evaluate_cohorts
from churn.monitoring.drift import Reference, compare
from churn.monitoring.predictions import ScoredCustomers
from churn.monitoring.profit_drift import appraise
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare as hold_to
from churn.scoring.export.models import compile_model
from watching import APRIL, CONTRACT, JANUARY, NOBODY, answered, happened, score


@pytest.fixture(scope="session")
def watched() -> tuple[Deployment, Reference]:
    """A plain model, and customers it was evaluated on."""
    seen, known = generate_sample_data(4_000, seed=1), generate_sample_data(4_000, seed=2)
    model = ChurnModel(CONTRACT, BASELINE).fit(seen)
    chance = model.predict_proba(known)[:, 1]
    scorer = compile_model(model)
    deployment = Deployment(
        run="ChurnFlow/1", candidate="plain", contract=CONTRACT, scorer=scorer,
        agreement=hold_to(scorer, model, known.head(100)), explainer=Explainer.of_model(model),
        metrics=evaluate(labels(known, CONTRACT), chance), evaluated_on="hold-out", reliability=[],
        importances=[], lineage={}, fingerprint="", customers=4_000,
        created_at=None, family="", costs={},
    )  # fmt: skip
    return deployment, Reference(parse_features(known, CONTRACT), chance)


@pytest.fixture(scope="session")
def january(watched):
    """2,000 customers asked about in January, and who of them left."""
    deployment, _ = watched
    table, truth = generate_sample_data(2_000, seed=30, return_probability=True)
    typed = parse_features(table, CONTRACT)
    ids = [f"c{number}" for number in range(len(table))]
    asked = answered(ids, [JANUARY] * len(ids), score(deployment, typed), typed)
    return asked, labels(table, CONTRACT), truth


@pytest.fixture(scope="session")
def judged(watched, january):
    """The verdict on a period, all else being well."""
    deployment, reference = watched
    asked, left, _ = january
    quality = evaluate_cohorts(asked, deployment, happened(asked, left), NOBODY, APRIL)

    def judge(table: pd.DataFrame, quality=quality, unreadable=None):
        typed = parse_features(table, CONTRACT)
        chance = score(deployment, typed)
        period = ScoredCustomers(pd.DataFrame(), typed, unreadable or {}, len(typed), 3)
        drift = compare(reference, typed, chance, CONTRACT)
        money = appraise(reference, typed, chance, CONTRACT, RetentionCosts())
        found = verdict.judge(deployment.run, period, drift, money, quality)
        return found, drift, money, quality

    return judge
