"""A run is found by its name, or it is said why not."""

import pytest

from churn.errors import ChurnError
from churn.registry import fetch_run


def test_run_is_found_by_either_name(telco_run):
    run = fetch_run(telco_run.pathspec)
    assert run.run == telco_run.pathspec
    assert run.metrics == telco_run.data.metrics
    assert run.fingerprint == telco_run.data.fingerprint
    assert run.agreement.holds
    assert run.scorer({}) == telco_run.data.scorer({})
    assert fetch_run(telco_run.pathspec.split("/")[1]).run == telco_run.pathspec


@pytest.mark.parametrize("name", ["1", "ChurnFlow/1", "NoSuchFlow/1"])
def test_run_that_is_not_there(telco_run, name):
    with pytest.raises(ChurnError, match="There is no run"):
        fetch_run(name)


@pytest.mark.parametrize("name", ["", "/", "ChurnFlow/", "ChurnFlow/1/end", "../1/2"])
def test_what_names_no_run(name):
    with pytest.raises(ChurnError, match="names no run"):
        fetch_run(name)
