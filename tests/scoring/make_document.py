"""Write the document of the present schema version that the tests keep.

    PYTHONPATH=.:tests python tests/scoring/make_document.py

To be run once, when `churn.scoring.document.SCHEMA_VERSION` goes up. The documents of earlier
versions stay as they are: a run that was made then must be served by the code of today. The model
is a small stack with every operation of a program in it, and the file has some records with the
probabilities that the fitted model had for them.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.evaluation.metrics import evaluate
from churn.evaluation.retention_costs import RetentionCosts
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import STACK, Candidate
from churn.scoring.deployment import Deployment
from churn.scoring.document import SCHEMA_VERSION
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare, compile_model, records

FOLDER = Path(__file__).with_name("documents")
CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "1", "negative": ["0"],
        "features": {
            "spend": {"kind": "number", "nullable": True},
            "visits": {"kind": "number", "integer": True, "actionable": True},
            "plan": {"kind": "category", "categories": ["a", "b", "c"], "unseen": "flag"},
            "town": {"kind": "category", "categories": [f"t{i}" for i in range(25)]},
            "member": {"kind": "flag", "nullable": True},
        },
        "derived": {"per_visit": "spend / visits", "golden": '(plan == "a") - (town != "t3") * 2',
                    "odd": "-visits * 3 + (member != 1) + (spend >= 10) * (visits < 4)"},
    }
)  # fmt: skip
MEMBERS = (
    Candidate("splines", "splines", {"n_knots": 3}),
    Candidate("pairs", "pairs", {"n_knots": 3, "most": 2, "least_z": 0.0}),
    Candidate("neural net", "neural_net", {"hidden": [3], "alpha": 0.1}),
    Candidate("stumps", "boosting", {"max_leaf_nodes": 2, "max_iter": 5}),
    Candidate("boosting", "boosting", {"max_leaf_nodes": 5, "max_iter": 3}),
    Candidate("oblivious", "oblivious_trees", {"depth": 2, "max_iter": 3}),
    Candidate("extra trees", "extra_trees", {"n_estimators": 2, "min_samples_leaf": 20}),
)
CANDIDATE = Candidate(
    "a little of everything", STACK,
    {"members": MEMBERS, "weights": np.full(len(MEMBERS), 0.15), "intercept": 0.1},
)  # fmt: skip


def make_table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "spend": rng.integers(1, 9, n) * 2.5,
            "visits": rng.integers(1, 9, n).astype(float),
            "plan": rng.choice(["a", "b", "c"], n),
            "town": [f"t{i}" for i in rng.integers(0, 25, n)],
            "member": rng.integers(0, 2, n).astype(float),
        }
    )
    score = (frame["spend"] > 8) * 1.0 + (frame["plan"] == "a") - (frame["visits"] > 4) * 1.0 - 0.5
    frame["left"] = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    frame.loc[::9, "spend"] = np.nan
    frame.loc[::7, "member"] = np.nan
    return frame


def main() -> None:
    frame = make_table(100)
    model = ChurnModel(CONTRACT, CANDIDATE, threshold=0.3).fit(frame)
    scorer = compile_model(model)
    probabilities = model.predict_proba(frame)[:, 1]
    deployment = Deployment(
        run="ChurnFlow/1", candidate=CANDIDATE.name, family=CANDIDATE.family, contract=CONTRACT,
        scorer=scorer, agreement=compare(scorer, model, frame),
        explainer=Explainer.of_model(model), costs=asdict(RetentionCosts()),
        metrics=evaluate(frame["left"].to_numpy(), probabilities), evaluated_on="hold-out",
        reliability=[{"predicted": 0.2, "observed": 0.25}], importances=[{"feature": "spend"}],
        lineage={"code": "unknown", "packages": {"numpy": "2.0"}, "seed": 0, "data": "d" * 64,
                 "contract": CONTRACT.digest},
        fingerprint="f" * 64, customers=len(frame), created_at=datetime(2026, 1, 1, tzinfo=UTC),
        model_file={"sha256": "0" * 64, "scikit_learn": "1.9.1"},
    )  # fmt: skip
    kept = frame.iloc[:20].drop(columns="left")
    values = {
        "document": deployment.to_document(),
        "records": records(kept),
        "probabilities": probabilities[:20].tolist(),
    }
    path = FOLDER / f"v{SCHEMA_VERSION}.json"
    path.write_text(json.dumps(values, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
