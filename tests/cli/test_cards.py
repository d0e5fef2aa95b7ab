"""The command that writes the cards of runs."""

import re
import subprocess
import sys

import pytest

from card_pages import check_cards
from churn.__main__ import main
from tiny import environment


def test_the_cards_of_a_run_are_written(telco_run, tmp_path, capsys):
    assert main(["cards", telco_run.pathspec, "--to", str(tmp_path / "cards")]) == 0
    names = ["data.html", "leaderboard.html", "model.html"]
    assert sorted(path.name for path in (tmp_path / "cards").iterdir()) == names
    page = (tmp_path / "cards" / "model.html").read_text()
    assert "<html" in page
    assert not re.search(r"@import\s*.https?://", page)  # a page asks no other host for anything
    assert capsys.readouterr().out.count(telco_run.pathspec) == 3


def test_the_cards_of_a_training_can_be_read_on_any_screen(telco_run, chromium, tmp_path):
    names = {"data", "leaderboard", "model"}
    check_cards(telco_run.pathspec, chromium, tmp_path / "cards", names)


def test_what_has_no_cards_is_said_in_our_words(capsys):
    assert main(["cards", "ChurnFlow/1"]) == 1
    assert "ChurnFlow/1 cannot be read:" in capsys.readouterr().err
    assert main(["cards", "OtherFlow/1"]) == 1
    assert "OtherFlow/1 has no cards." in capsys.readouterr().err


@pytest.mark.slow
def test_where_nothing_ran_it_says_how_to_begin(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "churn", "cards"], cwd=tmp_path, env=environment(tmp_path),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr
