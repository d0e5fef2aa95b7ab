"""`python -m churn contract`, as a process."""

import os
import subprocess
import sys

from churn.contract import Contract
from churn.data import TELCO
from running import ROOT


def churn(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "churn", *map(str, arguments)],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def test_writes_a_contract_that_can_be_read_again(tmp_path):
    done = churn("contract", "telco", "--id", "customer_id", "--target", "churn", cwd=tmp_path)
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


def test_does_not_overwrite_what_somebody_may_have_edited(tmp_path):
    (tmp_path / "contract.toml").write_text("mine")
    done = churn("contract", "telco", "--target", "churn", cwd=tmp_path)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert (tmp_path / "contract.toml").read_text() == "mine"
    assert churn("contract", "telco", "--target", "churn", "--force", cwd=tmp_path).returncode == 0


def test_names_every_column_that_is_not_there(tmp_path):
    done = churn("contract", "telco", "--id", "key", "--target", "gone", cwd=tmp_path)
    assert done.returncode == 1
    assert "no column 'key'" in done.stderr
    assert "no column 'gone'" in done.stderr
    assert "customer_id, female" in done.stderr
    assert not list(tmp_path.iterdir())


def test_one_column_cannot_have_two_roles(tmp_path):
    done = churn("contract", "telco", "--id", "churn", "--target", "churn", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("these columns have two roles: churn")
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_said(tmp_path):
    where = tmp_path / "no folder" / "contract.toml"
    done = churn("contract", "telco", "--target", "churn", "--output", where, cwd=tmp_path)
    assert done.returncode == 1
    assert "no folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_column_without_dates_is_refused(tmp_path):
    done = churn("contract", "telco", "--target", "churn", "--time", "contract", cwd=tmp_path)
    assert done.returncode == 1
    assert "time: 'contract' holds no dates" in done.stderr
