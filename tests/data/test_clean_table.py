"""A table by reference: the same rows, decisions and digest as in memory, and no other table."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from churn.data import stored_table
from churn.data.clean_table import validate_table
from churn.data.contract import Contract
from churn.data.conversion import prune_tables, store_table
from churn.data.copies import content_hash
from churn.data.digest import digest_of
from churn.data.holdout import holdout_mask, split_customers
from churn.data.inference import infer_contract
from churn.data.leakage import find_leaks
from churn.data.parsing import labels
from churn.data.readers import load_table
from churn.data.rows import Part, column_of, labels_of
from churn.data.source import SourceOptions
from churn.data.stored_table import StoredTable
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.modeling.sample import draw_refit_rows, draw_search_sample

CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "yes", "negative": ["no"], "id": "id",
        "features": {
            "age": {"kind": "number", "min": 0, "max": 120, "integer": True},
            "spend": {"kind": "number", "nullable": True},
            "plan": {"kind": "category", "categories": ["a", "b"]},
            "town": {"kind": "category", "categories": ["x", "y"], "unseen": "flag"},
            "member": {"kind": "flag", "nullable": True},
            "since": {"kind": "date", "nullable": True},
        },
        "as_of": "2026-01-01",
    }
)  # fmt: skip
# By column, cells that break the contract, that are only noted, and that are spelled otherwise.
ODD = {
    "id": ["1", "", "c7", "1.23E+15"],
    "age": ["-3", "40.5", "old", "", "1e999", " 7 "],
    "spend": ["", "n/a", "much", "inf", "1,234.50"],
    "plan": ["c", "NA", "", " a"],
    "town": ["z", "q", "NA"],
    "member": ["maybe", "", "T"],
    "since": ["2025-02-30", "0000-00-00", "2025-03", ""],
    "left": ["", "Yes", "perhaps", "no "],
}


def texts(rows: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    table = pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(rows)],
            "age": rng.integers(18, 90, rows).astype(str),
            "spend": rng.normal(50, 9, rows).round(2).astype(str),
            "plan": rng.choice(["a", "b"], rows),
            "town": rng.choice(["x", "y"], rows),
            "member": rng.choice(["yes", "no"], rows),
            "since": rng.choice(["2025-01-05", "2024-12-31"], rows),
            "left": rng.choice(["yes", "no"], rows),
            "note": "n",
        }
    )
    return table.astype("str")


def stored(table: pd.DataFrame, folder: Path, group: int) -> StoredTable:
    """The table as Parquet in row groups of so many rows."""
    path = folder / f"{group}.parquet"
    table.to_parquet(path, row_group_size=group, index=False)
    return StoredTable.of_parquet(str(path))


@pytest.fixture
def chunks_of(monkeypatch):
    return lambda rows: monkeypatch.setattr(stored_table, "CHUNK_ROWS", rows)


cells = st.lists(
    st.tuples(st.integers(0, 149), st.sampled_from(sorted(ODD)), st.integers(0, 5)), max_size=25
)


def decided(table: pd.DataFrame, most: float, by_parts: StoredTable | None = None):
    """What is decided on a table, or the problems that stop it."""
    try:
        if by_parts is None:
            whole = validate_data(table, CONTRACT, most)
            return whole.frame, whole.problems, whole.rejected
        found = validate_table(by_parts, CONTRACT, most)
        assert (found.labels == labels(found.clean.read(), CONTRACT)).all()
        return found.clean.read(), found.problems, found.rejected
    except ChurnError as error:
        return (pd.DataFrame({"problem": error.problems}),)


@pytest.mark.slow
@settings(max_examples=10, phases=(Phase.explicit, Phase.generate))  # examples are readable
@given(cells, st.integers(20, 200), st.integers(20, 200), st.sampled_from([0.02, 0.3, 1.0]))
def test_parts_of_a_table_are_decided_as_the_whole_is(
    tmp_path_factory, changes, group, chunk, most
):
    table = texts()
    for row, column, place in changes:
        table.loc[row, column] = ODD[column][place % len(ODD[column])]
    parts = stored(table, tmp_path_factory.mktemp("table"), group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_table, "CHUNK_ROWS", chunk)
        found = decided(table, most, parts)
    for part, whole in zip(found, decided(table, most), strict=True):
        pd.testing.assert_frame_equal(part, whole)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Customers in memory, and as Parquet of several row groups."""
    table = generate_sample_data(3_000, seed=3)
    table.loc[[5, 2_500], "total_charges"] = np.nan
    table["visits"] = pd.array([None if i % 97 == 96 else i % 5 for i in range(3_000)], "Int32")
    table["app"] = np.array([None if i > 2_900 else i % 3 == 0 for i in range(3_000)], object)
    path = tmp_path_factory.mktemp("generated") / "customers.parquet"
    table.to_parquet(path, row_group_size=700)
    return load_table(path), path


class TestParts:
    def test_have_the_digest_of_the_whole(self, generated, chunks_of):
        table, path = generated
        chunks_of(400)
        assert StoredTable.of_parquet(str(path)).digest == digest_of(table)

    @pytest.mark.slow
    def test_make_the_contract_the_split_and_the_sample_of_the_whole(self, generated, chunks_of):
        table, path = generated
        parts = StoredTable.of_parquet(str(path))
        chunks_of(400)
        contract = infer_contract(table, "churn", "customer_id")
        assert infer_contract(parts.columnwise(), "churn", "customer_id") == contract
        frame = validate_data(table, contract).frame
        clean = validate_table(parts, contract).clean
        assert len(clean) == len(frame)
        held = holdout_mask(frame, contract, 0.2)
        assert (holdout_mask(clean, contract, 0.2) == held).all()
        assert (content_hash(clean, contract) == content_hash(frame, contract)).all()
        split = split_customers(frame, contract, held)
        assert (split_customers(clean, contract, held) == split).all()
        seen = Part(clean, ~held)
        leaks = find_leaks(frame[~held], labels(frame[~held], contract), contract)
        assert find_leaks(seen, labels_of(seen, contract), contract) == leaks
        train = split == "train"
        here, there = (
            draw_search_sample(rows, contract, 5, 1_000, 0)
            for rows in (frame[train], Part(clean, train))
        )
        np.testing.assert_array_equal(here.matrix, there.matrix)
        np.testing.assert_array_equal(here.fold, there.fold)

    def test_are_read_in_any_order(self, generated, chunks_of):
        table, path = generated
        contract = infer_contract(table, "churn", "customer_id")
        frame = validate_data(table, contract).frame
        clean = validate_table(StoredTable.of_parquet(str(path)), contract).clean
        chunks_of(300)
        rows = np.random.default_rng(0).permutation(len(frame))[:1_000]
        pd.testing.assert_frame_equal(clean.read(rows), frame.iloc[rows])
        pd.testing.assert_frame_equal(clean.read(rows[:0]), frame.iloc[:0])
        assert column_of(clean, "tenure").equals(frame["tenure"])


class TestConversion:
    @pytest.mark.parametrize("source", ["telco", "sheet.xlsx", "cells.csv"])
    def test_what_is_no_parquet_is_copied_with_its_cells(self, tmp_path, source):
        table = pd.DataFrame(
            {
                "id": ["a1", "007", "c"],
                "seen": pd.to_datetime(["2026-01-02", None, "2025-03-04"]),
                "mixed": [1, "two", 2.5], "yes": [True, None, False],
            }
        )  # fmt: skip
        path = tmp_path / source
        if source.endswith(".xlsx"):
            table.to_excel(path, index=False)
        elif source.endswith(".csv"):
            table.to_csv(path, index=False)
        else:
            path = "telco"
        whole = load_table(path)
        copy = store_table(str(path), "", SourceOptions(), tmp_path / "tables")
        assert copy.digest == digest_of(whole)
        ((_, read),) = copy.chunks()
        cells = [column.where(column.notna(), None) for _, column in whole.items()]
        pd.testing.assert_frame_equal(read.reset_index(drop=True), pd.concat(cells, axis=1))
        again = store_table(str(path), "", SourceOptions(), tmp_path / "tables")
        assert again.location == copy.location
        assert len(list((tmp_path / "tables").iterdir())) == 1

    @pytest.mark.parametrize("text", ["a,b\n1,2\n3\n", "a,b\n", "", "a,b\n1,\xff\n", 'a,b\n1,"2\n'])
    def test_what_cannot_be_read_is_refused_as_in_memory_and_leaves_no_file(self, tmp_path, text):
        path = tmp_path / "cells.csv"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ChurnError) as whole:
            load_table(path)
        with pytest.raises(ChurnError) as parts:
            store_table(str(path), "", SourceOptions(), tmp_path / "tables")
        assert str(parts.value) == str(whole.value)
        assert not list((tmp_path / "tables").glob("*"))

    def test_a_text_file_is_read_some_rows_at_a_time(self, tmp_path, monkeypatch):
        """Blocks of a megabyte, so more than one of them."""
        path = tmp_path / "cells.csv"
        whole = pd.DataFrame({"id": map(str, range(60_000)), "text": "x" * 40}).astype("str")
        whole.to_csv(path, index=False)
        monkeypatch.delattr("churn.data.conversion.load_table")
        copy = store_table(str(path), "", SourceOptions(), tmp_path / "tables")
        assert copy.digest == digest_of(whole)
        assert len(copy) == 60_000

    def test_a_copy_outlives_its_source(self, tmp_path):
        path = tmp_path / "cells.csv"
        texts().to_csv(path, index=False)
        copy = store_table(str(path), "", SourceOptions(), tmp_path / "tables")
        path.unlink()
        assert len(validate_table(copy, CONTRACT).clean.read()) == 150

    def test_copies_that_nobody_reads_are_pruned(self, tmp_path):
        copy = store_table("telco", "", SourceOptions(), tmp_path)
        size = Path(copy.location).stat().st_size
        assert prune_tables(tmp_path, keep_days=30) == 0
        os.utime(copy.location, (0, 0))
        assert prune_tables(tmp_path, keep_days=30, dry=True) == size
        assert Path(copy.location).exists()
        assert prune_tables(tmp_path, keep_days=30) == size
        assert not Path(copy.location).exists()


def test_a_table_of_this_machine_is_copied_to_a_remote_store(bucket, generated, monkeypatch):
    """In its columns' types: a task on another machine reads it from there."""
    # Metaflow's setting alone names the server.
    monkeypatch.setenv("METAFLOW_S3_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    s3_folder, (_, path) = "s3://customers/metaflow/churn-tables", generated
    here = StoredTable.of_parquet(str(path))
    copy = store_table(str(path), "", SourceOptions(), s3_folder)
    assert copy.location == f"{s3_folder}/{here.digest}.parquet"
    assert (copy.digest, copy.with_missing) == (here.digest, here.with_missing)
    assert StoredTable.of_parquet(copy.location).digest == here.digest
    assert store_table(copy.location, "", SourceOptions(), s3_folder).location == copy.location
    telco = store_table("telco", "", SourceOptions(), s3_folder)
    assert telco.location.startswith(s3_folder)
    assert len(next(telco.chunks())[1]) == 7043


class TestChanges:
    def test_another_table_in_its_place_is_an_error_with_both_digests(self, tmp_path):
        clean = validate_table(stored(texts(), tmp_path, 40), CONTRACT).clean
        other = stored(texts(151), tmp_path, 40)
        with pytest.raises(ChurnError) as error:
            clean.read()
        assert clean.stored.location in str(error.value)
        assert clean.stored.digest in str(error.value)
        assert other.digest in str(error.value)

    def test_a_table_that_is_gone_is_an_error_with_its_name_and_digest(self, tmp_path):
        table = stored(texts(), tmp_path, 40)
        Path(table.location).unlink()
        with pytest.raises(ChurnError) as error:
            next(table.chunks())
        assert table.location in str(error.value)
        assert table.digest in str(error.value)

    def test_the_same_table_written_again_is_the_same(self, tmp_path):
        table = stored(texts(), tmp_path, 40)
        os.utime(table.location, (0, 0))
        assert len(next(table.chunks())[1]) == 150


def test_refit_rows_are_all_or_so_many_in_order():
    assert (draw_refit_rows(5, 10, 0) == np.arange(5)).all()
    some = draw_refit_rows(1_000, 10, 0)
    assert len(some) == 10
    assert (np.diff(some) > 0).all()
    assert (some == draw_refit_rows(1_000, 10, 0)).all()
    assert (some != draw_refit_rows(1_000, 10, 1)).any()
