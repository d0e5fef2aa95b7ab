"""`python -m churn`: its commands in this process, and each kind once as a process."""

import os
import re
import subprocess
import sys
from contextlib import suppress

import metaflow
import pytest

from churn.__main__ import main
from churn.data.contract import Contract
from churn.data.readers import TELCO
from running import ROOT, reading_from
from tiny import copy_store, environment, tiny_runs


def command(*arguments, cwd, environment):
    return subprocess.run(
        [sys.executable, "-m", "churn", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture
def churn(tmp_path, monkeypatch, capsys):
    """Run a command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = 2
        with suppress(SystemExit):  # argparse has printed why
            code = main(list(map(str, arguments)))
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run


@pytest.mark.slow
def test_writes_a_contract_that_can_be_read_again(tmp_path):
    arguments = "contract", "telco", "--id", "customer_id", "--target", "churn"
    done = command(*arguments, cwd=tmp_path, environment=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert "19 features of 7,043 customers" in done.stdout
    inferred, shipped = (
        Contract.read(tmp_path / "contract.toml"),
        Contract.read(TELCO / "contract.toml"),
    )
    assert {k: f.kind for k, f in inferred.features.items()} == {
        k: f.kind for k, f in shipped.features.items()
    }
    assert (inferred.positive, inferred.negative) == ("Yes", ("No",))


def test_does_not_overwrite_what_somebody_may_have_edited(churn, tmp_path):
    (tmp_path / "contract.toml").write_text("mine")
    done = churn("contract", "telco", "--target", "churn")
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert (tmp_path / "contract.toml").read_text() == "mine"
    assert churn("contract", "telco", "--target", "churn", "--force").returncode == 0


def test_names_every_column_that_is_not_there(churn, tmp_path):
    done = churn("contract", "telco", "--id", "key", "--target", "gone")
    assert done.returncode == 1
    assert "no column 'key'" in done.stderr
    assert "no column 'gone'" in done.stderr
    assert "'customer_id', 'female'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_one_column_cannot_have_two_roles(churn):
    done = churn("contract", "telco", "--id", "churn", "--target", "churn")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("these columns have two roles: churn")
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_said(churn, tmp_path):
    where = tmp_path / "no folder" / "contract.toml"
    done = churn("contract", "telco", "--target", "churn", "--output", where)
    assert done.returncode == 1
    assert "no folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_column_without_dates_is_refused(churn):
    done = churn("contract", "telco", "--target", "churn", "--time", "contract")
    assert done.returncode == 1
    assert "time: 'contract' holds no dates" in done.stderr


@pytest.fixture
def store(runs, tmp_path):
    """A store of finished, failed and killed runs, of which the commands are."""
    with reading_from(copy_store(tmp_path)):
        yield tmp_path


@pytest.fixture(scope="session")
def runs():
    return tiny_runs()


def on_models(store, *arguments):
    """A command as a process, in an environment as bare as a container's, without a user."""
    bare = environment(store)
    del bare["METAFLOW_USER"]
    return command(*arguments, cwd=store, environment=bare)


def lines(done):
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


class TestModels:
    @pytest.mark.slow
    def test_a_model_is_promoted_taken_back_and_told_of(self, store, runs):
        good, better = runs["good"], runs["better"]
        done = on_models(store, "history")
        assert done.stdout == "No run was promoted yet.\n"
        done = on_models(store, "promote", good, "--why", "the first")
        assert done.stdout == f"{good} is the champion now (promotion 1).\n"
        done = on_models(store, "promote", better.split("/")[1], "--why", "fewer\ncomplaints")
        assert done.stdout == f"{better} is the champion now (promotion 2).\n"
        done = on_models(store, "rollback", "--why", "more complaints")
        assert done.stdout == f"{good} is the champion now (promotion 3, taking up 1 again).\n"
        head, *told = lines(on_models(store, "history"))
        assert head == ["run", "project", "at", "(UTC)", "why"]
        assert [[line[0], line[1], " ".join(line[5:])] for line in told] == [
            ["3", good, "rollback to 1 more complaints"],
            ["2", better, "promoted fewer complaints"],
            ["1", good, "promoted the first"],
        ]

    def test_the_list_shows_figures_the_champion_and_what_went_wrong(self, churn, store, runs):
        assert churn("promote", runs["good"], "--why", "best").returncode == 0
        done = churn("models")
        text = {line[3:].split()[0]: line for line in done.stdout.splitlines()}
        assert text[runs["good"]].startswith(f"*  {runs['good']}  left     20")
        assert text[runs["good"]].endswith(
            "1,000    0.5000  0.8000 (0.7000 to 0.8500)  hold-out      the good one (champion)"
        )
        assert text[runs["better"]].startswith(f"   {runs['better']}  left     20")
        assert text[runs["better"]].endswith("the better one")
        assert "failed in end" in text[runs["fails"]]
        assert "running, or killed" in text[runs["killed"]]
        assert "it has no deployment" in text[runs["bare"]]
        assert "0.1 away from the model" in text[runs["disagrees"]]
        assert len({line.index(" 20") for line in text.values() if " 20" in line}) == 1

    def test_unreadable_tags_are_listed_and_count_for_nothing(self, churn, store, runs):
        assert churn("promote", runs["good"], "--why", "best").returncode == 0
        metaflow.Run(runs["good"]).add_tags(["champion:0", "promotion:9 at noon: mine"])
        _, first, *bad = lines(churn("history"))
        assert first[:2] == ["1", runs["good"]]
        assert [" ".join(line[1:4]) for line in bad] == [
            "unreadable champion:0 (no",
            "unreadable promotion:9 at",
        ]

    def test_a_second_business_needs_a_word(self, churn, store, runs):
        assert churn("promote", runs["good"], "--why", "best").returncode == 0
        done = churn("promote", runs["bank"], "--why", "other")
        assert done.returncode == 1
        assert "of the project 'exited', and the champions here are of 'left'" in done.stderr
        done = churn("promote", runs["bank"], "--why", "other", "--force")
        assert done.returncode == 0, done.stderr
        text = churn("models").stdout
        assert text.count("(champion)") == 2
        done = churn("compare", "champion", runs["good"])
        assert "name one of champion:exited, champion:left" in done.stderr
        assert churn("compare", "champion:left", runs["good"]).returncode == 0

    def test_the_list_can_be_short(self, churn, store, runs):
        assert len(lines(churn("models", "--last", "2"))) == 4
        assert len(lines(churn("models", "--last", "0"))) == 1 + len(runs)
        done = churn("models", "--last", "-1")
        assert done.returncode == 2
        assert "'-1' is no whole number" in done.stderr

    def test_two_models_are_shown_side_by_side(self, churn, store, runs):
        good, other = runs["good"], runs["other data"]
        found = churn("compare", good, other)
        rows = [re.split(r"\s{2,}", line) for line in found.stdout.splitlines()]
        cells = {label: values for label, *values in rows}
        assert cells["Log loss"] == ["0.5000 (0.4000 to 0.6000)", "0.6000 (0.5000 to 0.7000)"]
        assert cells["Calibration slope"] == ["-", "-"]
        assert cells["data"] == ["a" * 12, "b" * 12]
        assert cells["contract"][1] == "the same"
        assert cells["code"] == ["c0dec0dec0de", "c0dec0dec0de+"]
        assert "evaluated on different customers" in found.stdout.splitlines()[-1]
        again = churn("compare", good, runs["better"])
        assert "numpy" in again.stdout
        assert "different customers" not in again.stdout

    def test_what_cannot_be_done_is_said_without_a_traceback(self, churn, store, runs):
        for arguments, problem in (
            (["promote", runs["fails"], "--why", "why not"], "failed in end"),
            (["promote", runs["good"], "--why", " "], "A reason is needed"),
            (["rollback", "--why", "worse"], "There is no champion yet"),
            (["compare", runs["good"], "champion"], "There is no champion yet"),
        ):
            done = churn(*arguments)
            assert done.returncode == 1
            assert problem in done.stderr
            assert "Traceback" not in done.stderr
            assert done.stdout == ""

    @pytest.mark.slow
    def test_where_nothing_ran_the_list_says_how_to_begin(self, tmp_path):
        assert "make run" in on_models(tmp_path, "models").stdout


@pytest.mark.slow
def test_help_waits_for_no_library():
    script = (
        "import sys; from churn.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(len({'metaflow', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("contract", "models", "compare", "promote", "rollback", "history", "log"):
        assert command in done.stdout
