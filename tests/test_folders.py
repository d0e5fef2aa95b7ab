"""Folders that another user owns are refused."""

import os
import subprocess
import sys

import pytest

from churn.errors import ChurnError
from churn.feedback.prediction_log import locations
from churn.folders import check_owner, own_folder

NOBODY = 65534


@pytest.fixture
def foreign(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    os.chown(folder, NOBODY, NOBODY)
    return folder


@pytest.mark.parametrize("check", [own_folder, check_owner])
def test_a_folder_of_another_user_is_refused(foreign, check):
    with pytest.raises(ChurnError, match=f"user {NOBODY} owns it"):
        check(foreign)


def test_the_log_is_not_kept_in_a_folder_of_another_user(foreign):
    with pytest.raises(ChurnError, match=f"user {NOBODY} owns it"):
        locations({"CHURN_STATE": str(foreign)})


def test_the_app_does_not_start_on_a_state_of_another_user(foreign):
    environment = os.environ | {"CHURN_STATE": str(foreign), "PORT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "serve"], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"user {NOBODY} owns it" in done.stderr
    assert not list(foreign.iterdir())


def test_a_folder_that_is_not_there_yet_has_no_owner(tmp_path):
    assert check_owner(tmp_path / "state") == tmp_path / "state"


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(ChurnError, match="cannot be made"):
        own_folder(tmp_path / "state")
