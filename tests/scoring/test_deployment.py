"""A deployment is a document of plain values, and one stored earlier stays servable."""

import copy
import json
from pathlib import Path

import pytest

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.scoring.deployment import Deployment
from churn.scoring.document import SCHEMA_VERSION

DOCUMENTS = sorted(Path(__file__).with_name("documents").glob("v*.json"))


@pytest.fixture(scope="module")
def stored():
    return json.loads(DOCUMENTS[-1].read_text())


def refused(document) -> ChurnError:
    with pytest.raises(ChurnError, match="The deployment cannot be used:") as caught:
        Deployment.from_document(document)
    return caught.value


def test_there_is_a_document_of_every_schema_version():
    versions = [int(path.stem.removeprefix("v")) for path in DOCUMENTS]
    assert versions == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_stored_document_is_served_as_it_was(path):
    stored = json.loads(path.read_text())
    deployment = Deployment.from_document(stored["document"])
    found = [deployment.scorer(record) for record in stored["records"]]
    assert found == pytest.approx(stored["probabilities"], abs=1e-9)
    explained = deployment.explainer.explain(deployment.scorer, stored["records"][0])
    assert {one.feature for one in explained} == set(deployment.contract.features)


def test_to_a_document_and_back_nothing_changes(stored):
    deployment = Deployment.from_document(stored["document"])
    document = json.loads(json.dumps(deployment.to_document()))
    assert Deployment.from_document(document).to_document() == document
    # A contract may have got entries since that the stored one has by default.
    assert Contract.parse(document["contract"]) == Contract.parse(stored["document"]["contract"])
    assert document | {"contract": None} == stored["document"] | {"contract": None}
    assert deployment.created_at.isoformat() == stored["document"]["created_at"]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_schema_version_is_refused(stored, version):
    error = refused(stored["document"] | {"schema_version": version})
    assert f"its schema version is {version!r}, and this version of churn reads 1" in str(error)


@pytest.mark.parametrize("what", [None, [], "text", {"run": "ChurnFlow/1"}])
def test_what_is_no_document_is_refused(what):
    assert "it has no schema_version" in str(refused(what))


def test_every_field_that_is_missing_or_malformed_is_named_at_once(stored):
    document = copy.deepcopy(stored["document"])
    del document["fingerprint"], document["costs"]["acceptance"]
    document["customers"] = "many"
    document["metrics"]["log_loss"] = {"value": 0.4}
    document["created_at"] = "2026-01-01"
    document["contract"]["positive"] = "0"
    document["scorer"]["program"]["steps"][0] = {"op": "exec"}
    document["extra"] = 1
    error = refused(document)
    named = {problem.split(":")[0] for problem in error.problems}
    assert named == {
        "fingerprint", "costs.acceptance", "customers", "metrics.log_loss", "created_at",
        "contract", "scorer.program.steps.0", "extra",
    }  # fmt: skip
