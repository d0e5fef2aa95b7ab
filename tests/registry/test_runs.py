"""A run is found by its name, or the error has the reason."""

import shutil

import pytest

import tiny
from churn.errors import ChurnError
from churn.registry.comparison import compare_models, list_models
from churn.registry.runs import fetch_run, promote
from running import reading_from
from tiny import copy_store, tiny_runs


def test_run_is_found_by_either_name(telco_run):
    run = fetch_run(telco_run.pathspec)
    assert run.run == telco_run.pathspec
    assert run.metrics == telco_run.data.metrics
    assert run.fingerprint == telco_run.data.fingerprint
    assert run.agreement.holds
    assert run.to_document() == telco_run.data.deployment
    assert fetch_run(telco_run.pathspec.split("/")[1]).run == telco_run.pathspec


@pytest.mark.parametrize("name", ["1", "ChurnFlow/1", "NoSuchFlow/1"])
def test_run_that_is_not_there(telco_run, name):
    with pytest.raises(ChurnError, match="There is no run"):
        fetch_run(name)


@pytest.mark.parametrize("name", ["", "/", "ChurnFlow/", "ChurnFlow/1/end", "../1/2"])
def test_what_names_no_run(name):
    with pytest.raises(ChurnError, match="names no run"):
        fetch_run(name)


@pytest.fixture
def runs(tmp_path):
    """A run of each kind, in a store of their own."""
    with reading_from(copy_store(tmp_path)):
        yield tiny_runs()


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("fails", "failed in end"), ("killed", "running, or killed")],
)
def test_run_that_has_not_finished(runs, kind, problem):
    with pytest.raises(ChurnError, match="has not finished") as caught:
        fetch_run(runs[kind])
    assert problem in str(caught.value)


def test_run_whose_artifacts_are_gone(runs, tmp_path):
    """A store that was moved: Metaflow finds the run there, and its artifacts nowhere."""
    end = tmp_path / ".metaflow" / runs["good"] / "end"
    whole = end.resolve()
    end.unlink()
    shutil.copytree(whole, end)
    for path in end.glob("*/_meta/*_artifact_deployment.json"):
        path.write_text(path.read_text().replace(str(tiny.STORE), "/moved"))
    with pytest.raises(ChurnError, match=f"{runs['good']} cannot be read"):
        fetch_run(runs["good"])


def test_run_whose_deployment_is_a_class_is_refused_and_not_unpickled(runs):
    """As runs were stored before deployments were documents, or as an attacker would store one."""
    with pytest.raises(ChurnError, match=f"{runs['code']} cannot be used") as caught:
        fetch_run(runs["code"])
    assert "made by another version of churn" in str(caught.value)
    assert not (tiny.STORE / "unpickled").exists()


class TestList:
    def test_has_every_run_with_what_it_deploys_or_why_it_deploys_nothing(self, runs):
        listed = {model.run: model for model in list_models()}
        assert listed.keys() == set(runs.values())
        assert listed[runs["good"]].deployment.candidate == "the good one"
        assert listed[runs["good"]].problem == ""
        for kind, problem in (
            ("bare", "no deployment"), ("disagrees", "0.1 away"), ("fails", "failed in end"),
            ("killed", "running, or killed"),
        ):  # fmt: skip
            assert listed[runs[kind]].deployment is None
            assert problem in listed[runs[kind]].problem
        assert not any(model.champion for model in listed.values())

    def test_has_the_newest_first_whatever_was_tagged_since(self, runs):
        promote(runs["good"], "the oldest")
        listed = list_models()
        assert [model.started for model in listed] == sorted(
            (model.started for model in listed), reverse=True
        )
        assert listed[-1].run == runs["good"]
        assert [model.run for model in listed if model.champion] == [runs["good"]]

    def test_has_the_champion_however_old_it_is(self, runs):
        newest = [model.run for model in list_models(last=2)]
        promote(runs["good"], "the oldest")
        assert [model.run for model in list_models(last=2)] == [*newest, runs["good"]]
        assert len(newest) == 2


class TestComparison:
    def test_says_what_is_the_same_and_what_is_not(self, runs):
        found = compare_models(runs["good"], runs["better"])
        assert (found.first.run, found.second.run) == (runs["good"], runs["better"])
        assert found.same == {"data": True, "contract": True, "code": True, "answers": False}
        assert found.differences == {"numpy": ("2.0", "2.1")}
        other = compare_models(runs["good"], runs["other data"])
        assert other.same["data"] is False
        assert other.same["code"] is False
        assert other.differences["data"] == ("a" * 64, "b" * 64)
        assert compare_models(runs["good"], runs["good"]).same["answers"]

    def test_of_code_that_was_not_committed_nothing_is_known(self, runs):
        assert compare_models(runs["other data"], runs["other data"]).same["code"] is None

    def test_takes_the_champion_by_that_name(self, runs):
        promote(runs["better"], "better")
        assert compare_models("champion", runs["good"]).first.run == runs["better"]

    def test_names_all_that_cannot_be_compared(self, runs):
        with pytest.raises(ChurnError, match="cannot be compared") as caught:
            compare_models(runs["fails"], "champion")
        assert len(caught.value.problems) == 2
        assert "failed in end" in str(caught.value)
        assert "There is no champion yet" in str(caught.value)
