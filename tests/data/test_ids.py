"""An id is the same text from every source: tables, lists, outcomes, requests and the log."""

import json
import sqlite3
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.campaign.do_not_contact import read_ids
from churn.data.ids import id_text
from churn.data.parsing import lost_digits, parse_ids
from churn.data.readers import load_table
from churn.feedback.outcomes import OutcomeStore, read_body, read_table
from churn.feedback.outcomes.entries import Outcome
from churn.feedback.prediction_log.entries import entry, read_entry


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("000548", "000548"),
        (" C1\u00a0", "C1"),
        ("7.0", "7"),
        ("7.00", "7.00"),
        ("007.0", "007.0"),
        ("1000.1", "1000.1"),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (2**63, "9223372036854775808"),
        (np.uint64(2**63), "9223372036854775808"),
        (np.int32(7), "7"),
        (np.float32(16777216), "16777216"),
        (Decimal("7.00"), "7"),
        (Decimal("1E+20"), "1" + 20 * "0"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"C1", "C1"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("a\0b", "a␀b"),
        *[(missing, None) for missing in (None, float("nan"), pd.NaT, "", " ", "NA", "\\N")],
    ],
)
def test_the_text_of_an_id(value, text):
    assert id_text(value) == text


def test_ids_that_a_float_cannot_hold_are_found():
    ids = pd.Series([1.0, 2.0**53 - 1, 2.0**53, np.nan])
    assert lost_digits(ids).tolist() == [False, False, True, False]
    assert lost_digits(pa.array(ids)).tolist() == [False, False, True, False]
    assert not lost_digits(pd.Series([2**62])).any()


# Ids as people have them: what a text file can hold in a cell without quotes around it.
TEXTS = st.one_of(
    st.from_regex(r"\A0{0,3}[1-9][0-9]{0,17}(\.[0-9]{1,2})?\Z"),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"], exclude_characters='",'),
        min_size=1, max_size=12,
    ),
).filter(lambda text: id_text(text) and not text.strip().startswith(("#", "sep=")))  # fmt: skip
NUMBERS = st.integers(0, 2**63 - 1)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(ids=st.lists(st.one_of(TEXTS), min_size=2, max_size=5, unique_by=id_text))
def test_every_reader_of_texts_gives_the_same_ids(ids, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ids")
    padded = [f" {text} " for text in ids]
    wanted = [id_text(text) for text in ids]
    frame = pd.DataFrame({"customer": padded, "date": "2025-01-31", "left": "no"})
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    frame.set_index("customer").to_parquet(folder / "index.parquet")
    with sqlite3.connect(folder / "t.db") as connection:
        frame.to_sql("t", connection, index=False)
    connection.close()
    for source in ("t.csv", "t.parquet", "index.parquet"):
        assert parse_ids(load_table(folder / source)["customer"]).to_pylist() == wanted
    table = load_table(f"sqlite:///{folder / 't.db'}", "SELECT * FROM t")
    assert parse_ids(table["customer"]).to_pylist() == wanted
    (folder / "dnc.txt").write_text("\n".join(padded), "utf-8")
    assert set(read_ids(str(folder / "dnc.txt"))) >= set(wanted)
    assert read_table(str(folder / "t.csv"))["customer"].tolist() == wanted
    frame[["customer", "left"]].to_csv(folder / "two.csv", index=False)
    two = read_table(str(folder / "two.csv"), dated=False)
    assert two["customer"].tolist() == wanted
    body = [{"customer": text, "date": "2025-01-31", "left": False} for text in padded]
    rows = read_body(json.dumps({"outcomes": body}).encode(), 10)
    with OutcomeStore(f"sqlite:///{folder / 'log.db'}") as store:
        store.add(rows)
        assert {row.customer for row in store.of(ids)} == set(wanted)
    for text, wants in zip(padded, wanted, strict=True):
        sent = json.dumps({"customer": text}).encode()
        logged = read_entry(entry("p", 0.0, "R/1", 0.5, [0.1], sent, key="customer"))
        assert [row.customer for row in logged] == [wants]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(ids=st.lists(NUMBERS, min_size=2, max_size=5, unique=True))
def test_whole_numbers_stay_whole_where_one_is_missing(ids, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    cells, wanted = [*ids, None], [*map(str, ids), None]
    pq.write_table(pa.table({"customer": pa.array(cells, pa.int64())}), folder / "t.parquet")
    pq.write_table(pa.table({"customer": pa.array(cells, pa.uint64())}), folder / "u.parquet")
    with sqlite3.connect(folder / "t.db") as connection:
        connection.execute("CREATE TABLE t (customer INTEGER)")
        connection.executemany("INSERT INTO t VALUES (?)", [(cell,) for cell in cells])
    connection.close()
    for source in ("t.parquet", "u.parquet"):
        assert parse_ids(load_table(folder / source)["customer"]).to_pylist() == wanted
    table = load_table(f"sqlite:///{folder / 't.db'}", "SELECT * FROM t")
    assert parse_ids(table["customer"]).to_pylist() == wanted
    with OutcomeStore(f"sqlite:///{folder / 'log.db'}") as store:
        now = datetime(2025, 2, 1, tzinfo=UTC)
        store.add(Outcome(number, now.date(), False, now) for number in ids)
        assert {row.customer for row in store.of(ids)} == set(wanted) - {None}


@given(TEXTS)
def test_an_id_is_read_once_and_for_all(text):
    once = id_text(text)
    assert unicodedata.is_normalized("NFC", once)
    assert id_text(once) in (once, id_text(once.removesuffix(".0")))


def test_ids_that_a_spreadsheet_has_rounded_are_found():
    column = pd.Series(["1.23457E+15", "12E5", "1.5", "123456789012345"], dtype="str")
    assert lost_digits(column).tolist() == [True, False, False, False]
    assert lost_digits(pa.array(column)).tolist() == [True, False, False, False]
