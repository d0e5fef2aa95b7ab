"""`churn effects` on an experiment's table."""

import numpy as np
import pandas as pd
import pytest

from churn.__main__ import main


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(6)
    n = 1_500
    frame = pd.DataFrame(
        {
            "customer": [f"C{i:05}" for i in range(n)],
            "tenure": rng.integers(0, 72, n),
            "plan": rng.choice(["basic", "plus"], n),
            "arm": rng.choice(["none", "call"], n),
            "risk": rng.random(n).round(3),
        }
    )
    kept = (frame["arm"] == "call") & (frame["plan"] == "plus")
    frame["spend"] = (rng.normal(10, 5, n) + 20 * kept).round(2)
    path = tmp_path_factory.mktemp("effects") / "experiment.csv"
    frame.to_csv(path, index=False)
    return path


SETTINGS = ["--action", "arm", "--none", "none", "--outcome", "spend", "--id", "customer"]


@pytest.mark.slow
def test_it_shows_the_experiment_and_chooses_a_policy(table, capsys):
    arguments = ["--risk", "risk", "--budget", "0.3", "--cost", "call=2"]
    assert main(["effects", str(table), *SETTINGS, *arguments]) == 0
    shown = capsys.readouterr().out
    assert "1,500 customers with a known outcome. The experiment is sound:" in shown
    assert "Use the learned policy: its gain over risk is above zero" in shown


@pytest.mark.slow
def test_without_a_ranking_it_says_what_risk_is(table, capsys):
    assert main(["effects", str(table), *SETTINGS]) == 0
    assert "without --risk, the lowest outcome expected" in capsys.readouterr().out


def test_a_broken_experiment_ends_with_its_faults(table, capsys):
    assert (
        main(["effects", str(table), *SETTINGS, "--share", "none=0.8", "--share", "call=0.2"]) == 1
    )
    shown = capsys.readouterr()
    assert not shown.out
    assert "The experiment is broken" in shown.err
    assert "sample ratio" in shown.err


def test_a_cost_of_an_action_that_is_not_there_is_refused(table, capsys):
    assert main(["effects", str(table), *SETTINGS, "--cost", "mail=1"]) == 1
    assert "--cost mail: there is no such action, only call" in capsys.readouterr().err
