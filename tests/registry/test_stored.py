"""Artifacts are read without running code, and a fitted model only if its digest matches."""

import io
import os
import pickle

import joblib
import pytest

from churn.errors import ChurnError
from churn.registry.model_file import describe_model, load_model
from churn.registry.plain_pickle import load_plain

PLAIN = {"texts": ["a", "é"], "numbers": (1, 2.5, 10**30, float("inf")), "none": None,
         "bytes": b"\0", "set": {1}, "nested": {"deep": [[{}]]}, True: False}  # fmt: skip


class Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read(protocol):
    values = PLAIN if protocol > 3 else {**PLAIN, "bytes": None, "set": None}
    assert load_plain(pickle.dumps(values, protocol)) == values


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_whatever_names_a_function_is_refused_and_not_run(tmp_path, protocol):
    path = tmp_path / "made"
    content = pickle.dumps({"deep": [Code(path)]}, protocol)
    with pytest.raises(ChurnError, match="not plain values") as caught:
        load_plain(content)
    assert ".mkdir, which is not loaded" in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(PLAIN)[:-5], b"\x80\x04Q."])
def test_what_is_no_pickle_is_refused(content):
    with pytest.raises(ChurnError, match="no pickle of plain values"):
        load_plain(content)


@pytest.fixture
def content():
    file = io.BytesIO()
    joblib.dump({"a": "model"}, file)
    return file.getvalue()


def test_the_model_of_the_document_is_loaded(content):
    assert load_model(content, describe_model(content)) == {"a": "model"}


def test_another_model_is_refused_and_not_run(content, tmp_path):
    path, file = tmp_path / "made", io.BytesIO()
    joblib.dump(Code(path), file)
    with pytest.raises(ChurnError, match="not loaded") as caught:
        load_model(file.getvalue(), describe_model(content), any_version=True)
    assert "it was changed after the run" in str(caught.value)
    assert not path.exists()


def test_a_model_of_another_version_is_refused_unless_it_is_allowed(content):
    described = describe_model(content) | {"scikit_learn": "1.2.3"}
    with pytest.raises(ChurnError, match="not loaded") as caught:
        load_model(content, described)
    assert "install scikit-learn==1.2.3, train again, or set CHURN_ANY_SCIKIT_LEARN=1" in str(
        caught.value
    )
    assert load_model(content, described, any_version=True) == {"a": "model"}
