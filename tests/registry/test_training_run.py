"""A run of ChurnFlow, read by the names of its artifacts."""

from types import SimpleNamespace

import pytest

from churn.errors import ChurnError
from churn.registry.training_run import TrainingRun
from churn.registry.training_settings import SEARCH_PARAMETERS


def test_every_artifact_that_is_declared_is_there(telco_run):
    run = TrainingRun.open(telco_run.pathspec)
    for name in TrainingRun.__annotations__:
        # Without customers who were called all weigh the same.
        assert getattr(run, name) is not None or name == "weights", name
    assert run.search_parameters.keys() == set(SEARCH_PARAMETERS)
    assert run.search_parameters["folds"] == 5
    assert run.datastore == ["--datastore", "local"]


def test_a_parameter_that_is_newer_than_a_run_keeps_its_default_when_it_is_repeated():
    earlier = SimpleNamespace(folds=5, seed=3)
    assert TrainingRun(earlier).search_parameters == {"folds": 5, "seed": 3}


def test_an_artifact_that_is_not_there_is_named():
    class Bare:
        pass

    with pytest.raises(ChurnError, match="This run cannot be read") as caught:
        _ = TrainingRun(Bare()).model_file
    assert "model" in caught.value.problems[0]


def test_a_name_that_no_run_has_is_a_mistake_of_the_caller():
    with pytest.raises(AttributeError):
        _ = TrainingRun(object()).mode1


def test_a_run_that_is_not_there_is_told(monkeypatch):
    with pytest.raises(ChurnError, match="ChurnFlow/1 cannot be read"):
        TrainingRun.open("ChurnFlow/1")
