"""Tables from CSV, Parquet, S3, SQLite and PostgreSQL, and the errors of each source."""

import gzip
import sqlite3
import traceback
from datetime import UTC, date, datetime

import pandas as pd
import psycopg
import pytest

from churn.data.contract import Contract
from churn.data.copies import content_hash
from churn.data.holdout import holdout_mask
from churn.data.parsing import parse_texts
from churn.data.readers import load_csv, load_table
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.feedback.outcomes.entries import Outcome
from churn.feedback.outcomes.store import OutcomeStore

PASSWORD = "s3cret-Pa55"


def cells(frame):
    """The cells by column, with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("list")


# CSV


def test_a_csv_is_read_as_the_texts_that_stand_in_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,price,plan\n007,1.10,None\n08,1e3,"a, b"\n9, ,"c\nd"\n')
    assert cells(load_csv(path)) == {
        "id": ["007", "08", "9"],
        "price": ["1.10", "1e3", " "],
        "plan": ["None", "a, b", "c\nd"],
    }


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"])
def test_the_usual_spellings_of_not_available_are_missing(tmp_path, cell):
    path = tmp_path / "a.csv"
    path.write_text(f"id,price\n1,{cell}\n2,3\n")
    table = load_csv(path)
    assert cells(table)["price"] == [cell or None, "3"]  # what it means depends on the column
    assert list(parse_texts(table["price"]).codes) == [-1, 0]


def test_the_byte_order_mark_that_excel_writes_is_no_part_of_the_first_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,left\n1,no\n", encoding="utf-8-sig")
    assert list(load_csv(path).columns) == ["id", "left"]


def test_a_zipped_csv_reads_like_a_plain_one(tmp_path):
    (tmp_path / "a.csv").write_text("id,city\n1,Łódź\n2,\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    plain, zipped = load_table(tmp_path / "a.csv"), load_table(tmp_path / "a.csv.gz")
    pd.testing.assert_frame_equal(plain, zipped)
    assert cells(zipped) == {"id": ["1", "2"], "city": ["Łódź", None]}


def test_the_word_telco_names_the_table_that_ships_with_the_project(telco_table):
    assert telco_table.shape == (7043, 21)
    assert telco_table["customer_id"].iloc[0] == "C0001"


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("Telco-Customer-Churn.csv", 7043, 21),
        ("Churn_Modelling.csv", 10001, 14),
        ("internet_service_churn.csv", 72274, 11),
    ],
)
def test_no_row_of_a_real_table_is_lost(shared_data, name, rows, columns):
    assert load_table(shared_data / name).shape == (rows, columns)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Empty CSV file"),
        (b"id,left\n", "no rows"),
        (b"id,left\n1,no\n1,2,3\n", "Row #3: Expected 2 columns, got 3"),
        (b'id,left\n"1,no\n', "Expected 2 columns, got 1"),
        ("id,city\n1,Málaga\n".encode("latin-1"), "utf-8"),
    ],
    ids=["empty", "header only", "a row with a cell too many", "open quote", "not utf-8"],
)
def test_a_csv_that_cannot_be_used_is_named_with_the_reason(tmp_path, content, says):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(ChurnError, match=says) as error:
        load_table(path)
    assert str(path) in str(error.value)


def test_a_row_with_a_cell_too_few_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,spend,left\n1,20,no\n2,30\n3,40,no\n")
    with pytest.raises(ChurnError):
        load_csv(path)


@pytest.mark.parametrize("rows", ["1,20,no\n2,30,no\n", "1,20,\n2,30,\n"], ids=["cell", "comma"])
def test_rows_that_are_all_longer_than_the_header_are_refused(tmp_path, rows):
    path = tmp_path / "a.csv"
    path.write_text(f"id,spend\n{rows}")
    with pytest.raises(ChurnError):
        load_csv(path)


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,spend,spend\n1,20,30\n")
    with pytest.raises(ChurnError, match="spend"):
        load_csv(path)


def test_a_gzip_that_is_cut_short_is_named(tmp_path):
    whole = gzip.compress(b"id,left\n" + b"1,no\n2,yes\n" * 1000)
    (tmp_path / "a.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(ChurnError, match=r"a\.csv\.gz"):
        load_table(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "folder"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(ChurnError, match="There is no file") as error:
        load_table(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


# Parquet


@pytest.fixture
def typed():
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "spend": [1.5, None, 3.25],
            "plan": pd.Categorical(["gold", "basic", None]),
            "member": [True, False, True],
            "day": pd.to_datetime(["2026-01-01", "2026-02-01", None]),
            "city": ["Łódź", None, "Zürich"],
        }
    )


def test_a_parquet_file_keeps_its_types(tmp_path, typed):
    typed.to_parquet(tmp_path / "a.parquet")
    read = load_table(tmp_path / "a.parquet")
    assert cells(read) == cells(typed)
    assert [read[name].dtype.kind for name in ("id", "spend", "member", "day")] == list("ifbM")
    assert isinstance(read["plan"].dtype, pd.CategoricalDtype)


def test_a_folder_of_parquet_files_is_one_table(tmp_path, typed):
    folder = tmp_path / "table"
    folder.mkdir()
    typed.head(2).to_parquet(folder / "part-0.parquet")
    typed.tail(1).to_parquet(folder / "part-1.parquet")
    (folder / "_SUCCESS").touch()  # what Spark leaves beside them
    assert cells(load_table(folder)) == cells(typed)


def test_a_column_that_stands_in_the_names_of_the_folders_is_not_lost(tmp_path, typed):
    typed.astype({"plan": "str"}).to_parquet(tmp_path / "table", partition_cols=["member"])
    read = load_table(tmp_path / "table").sort_values("id")
    assert read["member"].astype(str).str.lower().tolist() == ["true", "false", "true"]


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"id,left\n1,no\n")
    with pytest.raises(ChurnError, match=r"a\.parquet as Parquet"):
        load_table(tmp_path / "a.parquet")


def test_files_of_a_folder_that_do_not_fit_together_are_refused(tmp_path):
    pd.DataFrame({"spend": [1.0]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"spend": ["much"]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ChurnError, match="its files differ"):
        load_table(tmp_path)


def test_a_parquet_table_without_rows_is_refused(tmp_path, typed):
    typed.head(0).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ChurnError, match="no rows"):
        load_table(tmp_path / "a.parquet")


# S3


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_a_file_on_s3_reads_like_a_local_one(bucket, tmp_path, typed, name):
    path = tmp_path / name
    typed.to_parquet(path) if name.endswith("parquet") else typed.to_csv(path, index=False)
    bucket(f"tables/{name}", path)
    pd.testing.assert_frame_equal(load_table(f"s3://customers/tables/{name}"), load_table(path))


def test_a_folder_of_parquet_files_on_s3_is_one_table(bucket, tmp_path, typed):
    for number in range(3):
        path = tmp_path / f"part-{number}.parquet"
        typed.iloc[[number]].to_parquet(path)
        bucket(f"many/{path.name}", path)
    pd.testing.assert_frame_equal(load_table("s3://customers/many"), load_table(tmp_path))


@pytest.mark.parametrize(
    "source",
    [
        "s3://customers/none.csv",
        "s3://customers/none.parquet",
        "s3://nobody/a.csv",
        "s3://nobody/a",
    ],
)
def test_what_is_not_on_s3_is_named(bucket, source):
    with pytest.raises(ChurnError, match=source):
        load_table(source)


# Databases


@pytest.fixture
def sqlite(tmp_path):
    """The URL of a database of three customers."""
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE customers (id TEXT, spend REAL, visits INTEGER, left INT)")
        rows = [("007", 1.5, 3, 0), ("8", None, None, 1), ("9", 2.0, 5, 0)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path / 'crm.db'}"


def test_a_query_chooses_the_rows_of_a_database(sqlite):
    read = load_table(sqlite, "SELECT id, spend FROM customers WHERE visits > 3 OR left = 1")
    assert cells(read) == {"id": ["8", "9"], "spend": [None, 2.0]}


def test_a_database_needs_a_query(sqlite):
    with pytest.raises(ChurnError, match="needs a query"):
        load_table(sqlite)


@pytest.mark.parametrize("source", ["telco.csv", "a.parquet", "s3://customers/a.csv"])
def test_a_file_takes_no_query(source):
    with pytest.raises(ChurnError, match="is a file"):
        load_table(source, "SELECT 1")


@pytest.mark.parametrize(
    "url", ["nosuchdb://host/db", "http://host/table.html", "://", "mysql://host/db"]
)
def test_a_url_that_no_driver_knows_is_refused(url):
    with pytest.raises(ChurnError, match="no database URL"):
        load_table(url, "SELECT 1")


@pytest.mark.parametrize("query", ["SELEC * FROM customers", "SELECT * FROM nobody"])
def test_wrong_sql_is_refused_with_what_the_database_says(sqlite, query):
    with pytest.raises(ChurnError, match=r"syntax error|no such table") as error:
        load_table(sqlite, query)
    assert "crm.db" in str(error.value)


def test_a_database_that_is_not_there_is_refused_and_not_made(tmp_path):
    with pytest.raises(ChurnError, match=r"typo\.db"):
        load_table(f"sqlite:///{tmp_path / 'typo.db'}", "SELECT * FROM customers")
    assert not (tmp_path / "typo.db").exists()


def test_a_statement_that_is_no_select_is_refused_and_changes_nothing(sqlite):
    with pytest.raises(ChurnError):
        load_table(sqlite, "DELETE FROM customers")
    assert len(load_table(sqlite, "SELECT * FROM customers")) == 3


def test_a_query_that_finds_nobody_is_refused(sqlite):
    with pytest.raises(ChurnError, match="no rows"):
        load_table(sqlite, "SELECT * FROM customers WHERE id = 'nobody'")


def test_a_query_with_two_columns_of_one_name_is_refused(sqlite):
    with pytest.raises(ChurnError, match="id"):
        load_table(sqlite, "SELECT a.*, b.id FROM customers a JOIN customers b ON a.id = b.id")


def test_postgresql_types_arrive_as_numbers_texts_and_truth(postgres):
    read = load_table(
        postgres,
        """SELECT '2026-01-31'::date AS day, 1.25::numeric AS spend, TRUE AS member,
                  '007' AS id, NULL::integer AS visits WHERE 'abc' LIKE 'a%'""",
    )
    assert read["spend"].iloc[0] == 1.25
    assert read["member"].iloc[0]
    assert str(read["day"].iloc[0]).startswith("2026-01-31")
    assert read["id"].iloc[0] == "007"
    assert read["visits"].isna().all()


@pytest.fixture
def no_encoding(postgres):
    """A database without an encoding: PostgreSQL hands out the bytes that were stored."""
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS ascii")
        connection.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    return f"{postgres.rpartition('/')[0]}/ascii"


def test_texts_of_a_database_without_an_encoding_are_texts(no_encoding):
    read = load_table(no_encoding, "SELECT 'Müller' AS name, 1 AS left_us")
    assert read["name"].tolist() == ["Müller"]
    left = Outcome("Zoë", date(2026, 1, 31), True, datetime(2026, 2, 1, tzinfo=UTC))
    with OutcomeStore(no_encoding) as store:
        store.add([left])
        assert [*store.between()] == [left]


def test_texts_of_another_encoding_are_refused_with_what_to_do(no_encoding):
    latin = "SELECT convert_from('\\xfc'::bytea, 'SQL_ASCII') AS name"
    with pytest.raises(ChurnError, match="client_encoding=latin1"):
        load_table(no_encoding, latin)
    read = load_table(f"{no_encoding}?client_encoding=latin1", latin)
    assert read["name"].tolist() == ["ü"]


def test_wrong_sql_for_postgresql_is_refused_with_what_it_says(postgres):
    with pytest.raises(ChurnError, match="does not exist"):
        load_table(postgres, "SELECT * FROM nobody")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql+psycopg://crm:{PASSWORD}@127.0.0.1:1/db", id="no server"),
        pytest.param(f"postgresql+psycopg://crm:{PASSWORD}@127.0.0.1:port/db", id="port"),
        pytest.param(
            f"postgresql+psycopg://127.0.0.1:1/db?user=crm&password={PASSWORD}", id="in the query"
        ),
        pytest.param(f"postgresql+psycopg:/crm:{PASSWORD}@127.0.0.1:1/db", id="one slash"),
        pytest.param(f"mysql://crm:{PASSWORD}@127.0.0.1/db", id="no driver"),
        pytest.param(f"nosuchdb://crm:{PASSWORD}@127.0.0.1/db", id="no dialect"),
        pytest.param(f"postgresql+psycopg//crm:{PASSWORD}@127.0.0.1://db", id="misspelt"),
    ],
)
def test_a_password_is_never_shown(url):
    with pytest.raises(ChurnError) as error:
        load_table(url, "SELECT 1")
    assert PASSWORD not in "".join(traceback.format_exception(error.value))


def test_a_wrong_password_is_said_but_not_shown(postgres):
    wrong = "n0t-the-" + PASSWORD
    with pytest.raises(ChurnError, match="password authentication failed") as error:
        load_table(postgres.replace(PASSWORD, wrong), "SELECT 1")
    assert PASSWORD not in "".join(traceback.format_exception(error.value))


def test_the_password_is_not_shown_when_the_sql_is_wrong(postgres):
    with pytest.raises(ChurnError) as error:
        load_table(postgres, "SELECT * FROM nobody")
    assert PASSWORD not in "".join(traceback.format_exception(error.value))


# One table, five places


@pytest.fixture(scope="module")
def everywhere(telco_table, postgres, bucket, tmp_path_factory):
    """A thousand Telco customers at five places, texts in one and types in the others."""
    from sqlalchemy import create_engine

    folder = tmp_path_factory.mktemp("everywhere")
    telco_table.head(1000).to_csv(folder / "telco.csv", index=False)
    typed = pd.read_csv(folder / "telco.csv")
    typed.to_parquet(folder / "telco.parquet")
    bucket("telco.parquet", folder / "telco.parquet")
    databases = [f"sqlite:///{folder / 'telco.db'}", postgres]
    for url in databases:
        engine = create_engine(url)
        typed.to_sql("telco", engine, index=False, if_exists="replace")
        engine.dispose()
    return [
        (str(folder / "telco.csv"), None),
        (str(folder / "telco.parquet"), None),
        ("s3://customers/telco.parquet", None),
        *((url, "SELECT * FROM telco ORDER BY customer_id") for url in databases),
    ]


@pytest.mark.parametrize("place", range(1, 5), ids=["parquet", "s3", "sqlite", "postgresql"])
def test_the_same_customers_come_from_every_place(everywhere, telco_contract: Contract, place):
    csv = validate_data(load_table(everywhere[0][0]), telco_contract).frame
    other = validate_data(load_table(*everywhere[place]), telco_contract).frame
    pd.testing.assert_frame_equal(csv, other)
    assert (content_hash(csv, telco_contract) == content_hash(other, telco_contract)).all()
    held = [holdout_mask(frame, telco_contract, 0.2) for frame in (csv, other)]
    assert (held[0] == held[1]).all()
