"""The file of a list: whole or not at all, the same bytes."""

import os

import pandas as pd
import pyarrow as pa
import pytest

from churn.campaign.export import write_list
from churn.errors import ChurnError


class TestFile:
    TABLE = pa.table({"id": ["a", "b"], "probability": [0.1 + 0.2, None]})

    @pytest.mark.parametrize("name", ["calls.csv", "calls.csv.gz", "calls.parquet"])
    def test_the_same_list_gives_the_same_bytes(self, tmp_path, name):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            write_list([self.TABLE, self.TABLE], str(tmp_path / folder / name))
        one, two = (tmp_path / folder / name for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        if name.endswith("parquet"):
            read = pd.read_parquet(one)
        else:
            read = pd.read_csv(one, float_precision="round_trip")
        assert read["probability"].tolist()[::2] == [0.1 + 0.2] * 2
        assert os.listdir(tmp_path / "one") == [name]

    def test_what_fails_halfway_leaves_the_old_list(self, tmp_path):
        path = tmp_path / "calls.parquet"
        write_list([self.TABLE], str(path))
        before = path.read_bytes()

        def halfway():
            yield self.TABLE
            raise RuntimeError("as it was told")

        with pytest.raises(RuntimeError):
            write_list(halfway(), str(path))
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["calls.parquet"]

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ChurnError, match="cannot be written"):
            write_list([self.TABLE], str(tmp_path / "none" / "calls.csv"))
