"""The settings of the app: from the environment, within bounds, every problem in one error."""

import pytest

from churn.errors import ChurnError
from serve import create_app
from serve.logs import read_setting
from serve.settings import Settings

KEY = "a-key-of-some-length"


def problems_of(given=None) -> list[str]:
    with pytest.raises(ChurnError) as caught:
        Settings.read(given)
    return caught.value.problems


def test_the_environment_sets_every_one(monkeypatch, tmp_path):
    (tmp_path / "keys").write_text(f"\n{KEY}-2\n")
    values = {
        "CHURN_RUN": " champion ", "CHURN_LOG": "off", "CHURN_STATE": str(tmp_path),
        "CHURN_KEYS": f"{KEY}, {KEY}-1", "CHURN_KEYS_FILE": str(tmp_path / "keys"),
        "CHURN_TRUSTED_HOSTS": "a.example,.b.example", "CHURN_MAX_BATCH": "7",
        "CHURN_MAX_CONTENT_LENGTH": "99", "CHURN_BODY_SECONDS": "1.5", "HOST": "::1",
        "PORT": "81", "CHURN_WORKERS": "3", "CHURN_LOGGING": "JSON, warning",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    found = Settings.read()
    assert found.run == "champion"
    assert (found.log, found.state) == ("off", tmp_path)
    assert [*found.keys, *found.keys_file] == [KEY, f"{KEY}-1", f"{KEY}-2"]
    assert found.accepted_hosts == ["a.example", ".b.example"]
    assert (found.max_batch, found.max_content_length, found.body_seconds) == (7, 99, 1.5)
    assert (found.host, found.port, found.workers) == ("::1", 81, 3)
    assert read_setting(found.logging) == ("warning", "json")


def test_what_is_empty_is_the_default(monkeypatch):
    for name in ("CHURN_MAX_BATCH", "CHURN_KEYS", "PORT", "HOST", "CHURN_WORKERS"):
        monkeypatch.setenv(name, "")
    found = Settings.read()
    assert (found.max_batch, found.keys, found.port, found.workers) == (10_000, [], 8000, None)


def test_what_is_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("CHURN_MAX_BATCH", "7")
    monkeypatch.setenv("CHURN_RUN", "champion")
    found = Settings.read({"MAX_BATCH": 8, "RUN": None})
    assert (found.max_batch, found.run) == (8, "")


def test_every_problem_is_in_one_error_by_the_name_of_the_variable(monkeypatch):
    values = {"PORT": "http", "CHURN_WORKERS": "0", "CHURN_MAX_BATCH": "many",
              "CHURN_BODY_SECONDS": "0", "CHURN_KEYS": "short",
              "CHURN_LOGGING": "info,debug"}  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    problems = sorted(problems_of())
    assert problems == [
        "CHURN_BODY_SECONDS must be a number from 0.1 to 3600, not '0'",
        "CHURN_KEYS must be keys of at least 16 printable ASCII characters",
        "CHURN_LOGGING must be one of debug, info, warning, error, and text or json, separated by "
        "a comma, not 'info,debug'",
        "CHURN_MAX_BATCH must be a whole number of at least 1, not 'many'",
        "CHURN_WORKERS must be a whole number from 1 to 1024, not '0'",
        "PORT must be a whole number from 1 to 65535, not 'http'",
    ]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"short", b"\xff" * 20, None])
def test_file_of_keys_that_cannot_be_used(tmp_path, content):
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems_of({"KEYS_FILE": path})
    assert problem.startswith("CHURN_KEYS_FILE must be")
    assert "short" not in problem


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "churn.example"])
def test_off_the_loopback_any_host_is_trusted_unless_told(host):
    assert Settings.read({"HOST": host}).accepted_hosts is None


def test_keys_are_not_left_in_the_configuration_of_the_app():
    app = create_app({"KEYS": KEY, "LOG": "off"})
    assert KEY not in str(dict(app.config))
