"""A model, customers of different value, and the call list of a table."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns import CONTRACT, settle
from churn.campaign.call_list import everyone_else, listing_contract, make_list
from churn.campaign.chunks import clean_chunks, columns_needed, repeated_ids
from churn.campaign.list_policy import ListPolicy
from churn.campaign.shards import Source
from churn.campaign.shortlist import score_shard
from churn.data.parsing import labels
from churn.data.synthetic import generate_sample_data
from churn.evaluation.calibration import reliability
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare, compile_model


@pytest.fixture(scope="session")
def deployed() -> tuple[Deployment, ChurnModel]:
    """A model of a plain logistic regression, evaluated on customers it has not seen."""
    seen, unseen = generate_sample_data(4_000, seed=1), generate_sample_data(4_000, seed=2)
    model = ChurnModel(CONTRACT, BASELINE).fit(seen)
    scorer, chance = compile_model(model), model.predict_proba(unseen)[:, 1]
    deployment = Deployment(
        run="ChurnFlow/1", candidate="plain", contract=CONTRACT, scorer=scorer,
        agreement=compare(scorer, model, unseen), explainer=Explainer.of_model(model), metrics={},
        evaluated_on="hold-out",
        reliability=reliability(labels(unseen, CONTRACT), chance).to_dict("records"),
        importances=[], lineage={}, fingerprint="", customers=4_000,
        created_at=None, family="", costs={},
    )  # fmt: skip
    return deployment, model


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    """3,000 customers of whom nobody knows yet whether they leave, each worth something else."""
    table = generate_sample_data(3_000, seed=3).drop(columns="churn")
    worth = np.random.default_rng(0).lognormal(5, 1, len(table)).round(2)
    return table.assign(worth=worth)


@pytest.fixture
def listed(deployed, tmp_path):
    """Makes the list of a table, as ScoreFlow does in several processes."""

    def make(
        table, offer=None, do_not_contact=(), shard_rows=10_000, contract=CONTRACT, learned=None,
        resting=(),
        actions=None, **settings,
    ):  # fmt: skip
        deployment, model = deployed
        path = tmp_path / "customers.parquet"
        if isinstance(table, pd.DataFrame):
            pq.write_table(pa.Table.from_pandas(table), path, row_group_size=700)
        campaign, one = settle(offer or {}, **settings)
        offer = actions or one
        contract = listing_contract(contract, named=offer.named)
        source = Source.open(
            str(path) if isinstance(table, pd.DataFrame) else table,
            columns=columns_needed(contract, offer),
        )
        shards = source.shards(shard_rows)
        repeated = repeated_ids(source, shards, contract.id)
        policy = ListPolicy(offer, deployment.reliability, contract, deployment.run, learned)
        parts, scored = zip(
            *(
                score_shard(
                    clean_chunks(source, shard, contract, offer, repeated),
                    model, campaign, policy, do_not_contact, everyone=True, resting=resting,
                )
                for shard in shards
            ),
            strict=True,
        )  # fmt: skip
        found = make_list(parts, deployment, contract, campaign, policy)
        rest = everyone_else(scored, found, campaign)
        return found, pa.concat_tables([found.calls, *rest]).to_pandas()

    return make
