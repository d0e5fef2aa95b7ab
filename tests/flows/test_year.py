"""The whole loop over two months of a simulated business: a short benchmarks/year.py."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from churn.feedback.outcomes import OutcomeStore
from churn.feedback.prediction_log import PredictionLog
from running import ROOT

pytestmark = pytest.mark.scheduled


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """New prices in the first month, a broken column in the second: what was said, the folder."""
    folder = tmp_path_factory.mktemp("year")
    command = [
        sys.executable, ROOT / "benchmarks" / "year.py", "--folder", folder, "--customers", "3000",
        "--months", "2", "--prices", "1", "--broken", "2", "--budget", "80",
        "--picture", folder / "year.svg",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def test_told_month_by_month(year):
    said, _ = year
    by_month, summary, _ = said.split("\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in by_month.splitlines()]
    assert [row[0] for row in rows[2:]] == ["1", "2"]
    for _, ours, theirs, *_, calls, their_calls, _ in rows[2:]:
        assert 0.5 < float(ours) < 1
        assert 0.5 < float(theirs) < 1
        assert 0 < int(calls) <= 80
        assert 0 < int(their_calls) <= 80
    arms = [line.split("|")[1].strip() for line in summary.splitlines()[2:]]
    assert arms == ["true best", "this loop", "by risk", "trained once", "no calls"]


def test_broken_column_is_noticed_in_its_first_month(year):
    said, folder = year
    assert "retrain" in said.split("\n\n")[0].splitlines()[-1]
    printed = (folder / "flows.txt").read_text()
    for column in ("online_security", "tech_support"):
        assert re.search(rf"{column}: No 100.0%.*the column is broken", printed)


def test_everybody_is_in_the_log_of_his_month_and_so_is_what_happened(year):
    _, folder = year
    url = f"sqlite:///{folder / 'state' / 'predictions.db'}"
    with PredictionLog(url) as log, OutcomeStore(url) as outcomes:
        months = [datetime(2025, month, 1, tzinfo=UTC) for month in (2, 3, 4)]
        for start, end in pairwise(months):
            assert len(list(log.between(start, end))) > 2_500
        told = list(outcomes.between(months[0].date(), months[2].date()))
    assert 20 < sum(one.left for one in told) < len(told) / 4


def test_draws_a_picture(year):
    _, folder = year
    assert ElementTree.parse(folder / "year.svg").getroot().tag.endswith("svg")
