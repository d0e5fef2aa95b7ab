"""Tables in shards and chunks: rows that break the contract, ids, files that change."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns import BY_VALUE, CONTRACT
from churn.campaign.chunks import repeated_ids
from churn.campaign.shards import Source
from churn.data.contract import Contract
from churn.data.ids import id_text
from churn.data.parsing import parse_ids
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError


class TestTable:
    @pytest.mark.slow
    def test_broken_rows_are_set_aside_and_told(self, customers, listed, tmp_path):
        table = customers.astype(object)
        table.loc[3, "tenure"] = "long"
        table.loc[5, "customer_id"] = None
        table.loc[2_000, "customer_id"] = 8
        table.loc[9, "contract"] = "forever"
        table.loc[10, "worth"] = -1
        table.to_csv(tmp_path / "broken.csv", index=False)
        found, everyone = listed(str(tmp_path / "broken.csv"), BY_VALUE, shard_rows=600)
        assert found.counts["rejected"] == 5
        assert found.rejected.index.tolist() == [4, 6, 10, 11, 2001]
        assert found.rejected["reason"].tolist() == [
            "tenure: not a number", "customer_id: missing", "contract: a category never seen",
            "worth: not a number of 0 or more", "customer_id: an id seen before",
        ]  # fmt: skip
        problems = found.problems.set_index("check")
        assert problems.loc["not a number", "examples"] == "row 4: 'long'"
        assert problems["count"].tolist() == [1] * 5
        assert len(everyone) == 2_995

    @pytest.mark.heavy
    def test_too_many_broken_rows_stop_the_run_with_every_problem(self, customers, listed):
        table = customers.assign(tenure=500).astype({"contract": object})
        table.loc[:9, "contract"] = "forever"
        with pytest.raises(ChurnError, match=r"100\.0% of the rows break the contract") as caught:
            listed(table, shard_rows=700)
        assert "tenure: above 120 (3,000 rows; row 1: '500'" in str(caught.value)
        assert "contract: a category never seen (10 rows; row 1: 'forever'" in str(caught.value)

    def test_columns_that_are_missing_are_all_named(self, customers, listed):
        with pytest.raises(ChurnError) as caught:
            listed(customers.drop(columns=["tenure", "partner"]), {"customer_value": "lifetime"})
        named = {problem.split(":")[0] for problem in caught.value.problems}
        assert named == {"tenure", "partner", "lifetime"}

    def test_a_category_that_may_be_new_is_scored_as_the_app_does(self, deployed, listed):
        values = CONTRACT.model_dump()
        values["features"]["payment_method"]["unseen"] = "flag"
        table = generate_sample_data(200, seed=4).astype({"payment_method": object})
        table.loc[:4, "payment_method"] = "Shells"
        found, everyone = listed(table, contract=Contract.parse(values))
        assert found.counts["rejected"] == 0
        assert found.problems["check"].tolist() == ["a category never seen, taken as unknown"]
        first = everyone[everyone["customer_id"] == "1"]["probability"].item()
        record = table.iloc[0].to_dict()
        assert first == pytest.approx(deployed[0].scorer(record), abs=1e-9)

    def test_a_file_that_is_replaced_during_the_run_stops_it(self, customers, tmp_path):
        path = tmp_path / "customers.parquet"
        customers.to_parquet(path)
        source = Source.open(str(path))
        (shard,) = source.shards(10_000)
        customers.head(1_000).to_parquet(path)
        with pytest.raises(ChurnError, match="changed during the run"):
            list(source.chunks(shard, ["tenure"]))

    @pytest.mark.slow
    def test_a_folder_is_one_table_of_at_most_as_many_shards_as_a_run_may_have(self, tmp_path):
        for number in range(120):
            table = pa.table({"id": [2 * number, 2 * number + 1]})
            folder = tmp_path / f"month={number % 2}"
            folder.mkdir(exist_ok=True)
            pq.write_table(table, folder / f"{number:03d}.parquet")
        source = Source.open(str(tmp_path), columns=["id", "month"])
        shards = source.shards(1)
        assert len(shards) <= 90
        read = [
            (first, batch.to_pandas()) for s in shards for first, batch in source.chunks(s, ["id"])
        ]
        assert [first for first, _ in read] == sorted(first for first, _ in read)
        assert sorted(pd.concat([rows for _, rows in read])["id"]) == list(range(240))
        assert repeated_ids(source, shards, "month").tolist() == [
            row for row in range(1, 241) if row not in (1, 121)
        ]

    @pytest.mark.parametrize(
        "cells",
        [
            pd.Series([7, 12, 2**62 + 1]),
            pd.Series([7.0, 12.5, np.nan]),
            pd.Series(["7", " 8 ", "9.0", "NA", "", "Zoë", "a.b", None], dtype="str"),
            pd.Series(["7", "C-8", "x_9"], dtype="str"),
            pd.Series(["7", "nan", "x_9"], dtype="str"),
            pd.Series([7, "7", 8.0, None, True], dtype=object),
            pd.Series(["b", "a", None], dtype="category"),
        ],
    )
    def test_ids_are_read_as_everywhere(self, cells):
        wanted = [id_text(cell) for cell in cells.tolist()]
        assert parse_ids(cells).to_pylist() == wanted
        if cells.dtype != object:
            assert parse_ids(pa.array(cells)).to_pylist() == wanted

    def test_ids_that_come_twice_are_found_from_the_second_on(self, tmp_path):
        ids = ["a", "b", "a ", None, "b", None, "a"]
        pq.write_table(pa.table({"id": ids}), tmp_path / "t.parquet", row_group_size=2)
        source = Source.open(str(tmp_path / "t.parquet"))
        assert repeated_ids(source, source.shards(2), "id").tolist() == [3, 5, 7]

    def test_an_id_of_zero_is_not_the_one_of_who_has_none(self, tmp_path):
        path = tmp_path / "customers.parquet"
        pd.DataFrame({"id": pd.array([None, 0, 2, 1, None, 2, 0], "Int64")}).to_parquet(path)
        source = Source.open(str(path), columns=["id"])
        assert repeated_ids(source, source.shards(100), "id").tolist() == [6, 7]
