"""The offline audit of the dependencies finds what it says it looks for."""

import importlib.metadata

import pytest
from packaging.requirements import Requirement

from deploy import audit


def test_the_present_dependencies_pass(capsys):
    assert audit.main() == 0, capsys.readouterr().out
    assert "Known vulnerabilities were not looked up" in capsys.readouterr().out


def test_a_requirement_needs_its_reason_beside_it():
    text = "# What it is built on.\nflask  # the app\nnumpy\n\nscipy>=1 # too near\n"
    assert audit.without_reason(text) == ["numpy", "scipy>=1 # too near"]


def test_a_lock_is_read_with_markers_and_hashes():
    text = (
        "numpy==1.0 \\\n    --hash=sha256:aa\nflask==3.0\n"
        "colorama==0.4 ; sys_platform == 'win32' \\\n    --hash=sha256:bb\n"
    )
    found = [(str(requirement), hashed) for requirement, hashed in audit.locked(text)]
    assert found == [("numpy==1.0", True), ("flask==3.0", False)]


@pytest.mark.parametrize(
    ("requirement", "hashed", "says"),
    [
        ("numpy==0.1", True, "is installed, not ==0.1"),
        ("no-such-package==1.0", True, "no-such-package: not installed"),
        (f"numpy=={importlib.metadata.version('numpy')}", False, "numpy: no hash"),
    ],
)
def test_a_locked_version_that_is_not_right_is_named(requirement, hashed, says):
    (problem,) = audit.problems_of(Requirement(requirement), hashed)
    assert says in problem
