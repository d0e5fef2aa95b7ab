"""A run whose model is a stack of four, whatever the flow itself chooses on Telco.

    python benchmarks/serving/stack_flow.py run

The four are a linear model and boosting of few, some and many leaves.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("METAFLOW_USER", "churn")

from metaflow import FlowSpec, current, step

MEMBERS = [
    {"family": "splines", "params": {"n_knots": 9, "C": 0.1}},
    {"family": "boosting", "params": {"max_leaf_nodes": 4, "learning_rate": 0.15}},
    {"family": "boosting", "params": {"max_leaf_nodes": 15, "learning_rate": 0.08}},
    {"family": "boosting", "params": {"max_leaf_nodes": 63, "learning_rate": 0.06}},
]


class ChurnFlow(FlowSpec):
    @step
    def start(self):
        """Do nothing."""
        self.next(self.end)

    @step
    def end(self):
        """Stack the four, and store the deployment."""
        from dataclasses import asdict
        from datetime import UTC, datetime

        from churn.data.holdout import holdout_mask
        from churn.data.inference import settle_contract
        from churn.data.readers import load_table
        from churn.data.validation import validate_data
        from churn.evaluation.retention_costs import RetentionCosts
        from churn.modeling.cross_validation import cross_validate
        from churn.modeling.model import ChurnModel
        from churn.modeling.sample import draw_search_sample
        from churn.modeling.search_file import parse_candidates
        from churn.modeling.stacking import stack
        from churn.registry.model_file import describe_model, dump_model
        from churn.scoring.deployment import Deployment
        from churn.scoring.explanations import Explainer
        from churn.scoring.export.models import compare, compile_model

        table = load_table("telco")
        contract = settle_contract(table, "telco", {})
        frame = validate_data(table, contract, 0.05).frame
        held = holdout_mask(frame, contract, 0.2)
        train, holdout = frame[~held], frame[held]
        sample = draw_search_sample(train, contract, n_folds=5, max_rows=20_000, seed=0)
        trials = [cross_validate(candidate, sample) for candidate in parse_candidates(MEMBERS)]
        (four,) = [t for t in stack(trials, sample) if t.candidate.name == "stack of 4"]
        candidate = sample.rescale(four.candidate, len(train))
        model = ChurnModel(contract, candidate, 0, 1 / 6).fit(train)
        self.model_file = dump_model(model)
        scorer = compile_model(model)
        self.agreement = compare(scorer, model, holdout)
        self.deployment = Deployment(
            run=f"{current.flow_name}/{current.run_id}", candidate=candidate.name,
            family=candidate.family, costs=asdict(RetentionCosts()),
            contract=contract, scorer=scorer, agreement=self.agreement,
            explainer=Explainer.of_model(model), metrics={}, evaluated_on="hold-out",
            reliability=[], importances=[], lineage={}, fingerprint="", customers=len(train),
            created_at=datetime.now(UTC), model_file=describe_model(self.model_file),
        ).to_document()  # fmt: skip


if __name__ == "__main__":
    ChurnFlow()
