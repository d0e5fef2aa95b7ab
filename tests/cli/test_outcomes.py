"""`python -m churn outcomes …`."""

import pytest

from churn.__main__ import main
from churn.feedback.outcomes import OutcomeStore
from outcomes import written


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("CHURN_LOG", raising=False)


@pytest.mark.usefixtures("here")
def test_a_table_is_added_and_shown(tmp_path, capsys):
    assert main(["outcomes", "show"]) == 0
    assert "No outcomes in sqlite:///" in capsys.readouterr().out
    path = written(tmp_path, "id,date,left\na,2024-05-01,yes\nb,2024-06-01,no\nb,2024-07-01,no\n")
    assert main(["outcomes", "add", path, "--id", "id"]) == 0
    assert "3 new outcomes in sqlite:///" in capsys.readouterr().out
    written(tmp_path, "id,date,left\na,2024-05-01,no\nb,2024-06-01,no\n")
    assert main(["outcomes", "add", path, "--id", "id"]) == 0
    assert "0 new outcomes in sqlite:///" in (said := capsys.readouterr().out)
    assert "1 corrected, 1 as they were" in said
    assert main(["outcomes", "add", path, "--id", "id", "--left", "churned"]) == 1
    assert "churned: the column is missing" in capsys.readouterr().err
    assert main(["outcomes", "show"]) == 0
    said = capsys.readouterr().out
    assert "3 outcomes of 2 customers in sqlite:///" in said
    assert "from 2024-05-01 to 2024-07-01; 0.0% of them say" in said


@pytest.mark.usefixtures("here")
def test_a_customer_who_is_deleted_from_the_log_has_no_outcomes_either(tmp_path, capsys):
    log = ["--log", f"sqlite:///{tmp_path / 'other.db'}"]
    path = written(tmp_path, "customer,date,left\na,2024-05-01,yes\nb,1999-06-01,no\n")
    assert main(["outcomes", "add", path, *log]) == 0
    assert main(["log", "delete", "a", *log]) == 0
    assert "0 predictions for customer 'a' deleted" in (said := capsys.readouterr().out)
    assert "and 1 outcome." in said
    assert main(["log", "delete", "a", *log]) == 1
    assert main(["log", "prune", "--days", "400", *log]) == 0
    assert "1 outcome more than 400 days old deleted" in capsys.readouterr().out
    with OutcomeStore(log[1]) as store:
        assert store.summary().outcomes == 0
