"""Read a customer table from where it lies: CSV, Parquet or a database, local or on S3."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
from pyarrow import fs

from churn.data.values import MISSING
from churn.errors import ChurnError

TELCO = Path(__file__).parent / "telco"
URL = re.compile(r"[A-Za-z][A-Za-z0-9+]+:/|.*://")


def load_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV file, plain or compressed (by its ending), local or `s3://`.

    Every column is read as text and kept as it is typed, so that an id keeps its leading zeros
    and nothing is lost before the contract has judged it; cells of `MISSING` are missing.

    Returns
    -------
    DataFrame of str

    Raises
    ------
    ChurnError
        If the file is not there, has no rows, or its rows have different numbers of cells.
    """
    filesystem, inside = _locate(path)
    try:
        with filesystem.open_input_stream(inside, compression="detect") as stream:
            names = next(csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline="")), [])
        with filesystem.open_input_stream(inside, compression="detect") as stream:
            table = pyarrow.csv.read_csv(
                stream,
                # On one thread errors name the row.
                read_options=pyarrow.csv.ReadOptions(use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=list(MISSING),
                    strings_can_be_null=True,
                ),
            )
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's own errors are ValueErrors
        raise ChurnError(f"Cannot read {path} as CSV:", [_first_line(error)]) from error
    return _usable(table.to_pandas(), path)


def load_table(source: str | Path, query: str = "") -> pd.DataFrame:
    """Read a customer table.

    Parameters
    ----------
    source : str or Path
        `telco` (the table that ships with the project); a `.csv` or `.csv.gz` file; a Parquet
        file, or a folder of them; any of these on `s3://`; or a database URL of SQLAlchemy
        (`sqlite:///crm.db`, `postgresql+psycopg://host/crm`), with `query`.
    query : str, optional
        The SELECT to run, with a database URL only.

    Returns
    -------
    DataFrame
        One row per customer, with the columns as they are in the source.

    Raises
    ------
    ChurnError
        If the source is not there, cannot be read, has no rows, or two columns of one name.
    """
    source = str(source)
    if source == "telco":
        return load_csv(TELCO / "telco.csv")
    if URL.match(source) and not source.startswith("s3://"):
        return _load_sql(source, query)
    if query:
        problem = f"{public_name(source)} is a file"
        raise ChurnError("A query needs a database URL as its source.", [problem])
    if source.lower().endswith((".csv", ".csv.gz")):
        return load_csv(source)
    return _load_parquet(source)


def public_name(source: str) -> str:
    """The source of a table as it may be shown: without user, password and options."""
    if source.startswith("s3://") or not (URL.match(source) or "@" in source):
        return source
    scheme, slashes, rest = source.split("?")[0].partition("/")
    return f"{scheme}{slashes}…{rest.rpartition('@')[2]}" if "@" in source else source.split("?")[0]


def _load_parquet(source: str) -> pd.DataFrame:
    filesystem, inside = _locate(source)
    try:
        table = pyarrow.dataset.dataset(
            inside, filesystem=filesystem, format="parquet", partitioning="hive"
        ).to_table()
    except (OSError, pa.ArrowException) as error:
        raise ChurnError(f"Cannot read {source} as Parquet:", [_first_line(error)]) from error
    return _usable(table.to_pandas(split_blocks=True, self_destruct=True), source)


def _load_sql(url: str, query: str) -> pd.DataFrame:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    if not query:
        raise ChurnError("A database needs a query.", ["say which rows: SELECT … FROM …"])
    where = public_name(url)
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError, ValueError):
        expected = "expected dialect+driver://user:password@host:port/database, driver installed"
        # Not "from error": its message may hold the password.
        raise ChurnError(f"{where} is no database URL:", [expected]) from None
    path = engine.url.database or ":memory:"
    if engine.name == "sqlite" and not path.startswith((":", "file:")) and not Path(path).exists():
        raise ChurnError(f"Cannot read from {where}:", [f"there is no file {path}"])
    try:
        with engine.connect() as connection:
            return _usable(pd.read_sql_query(text(query), connection), where)
    except (SQLAlchemyError, pd.errors.DatabaseError) as error:
        reason = _first_line(error.__cause__ or error)
        raise ChurnError(f"Cannot read from {where}:", [reason]) from error
    finally:
        engine.dispose()


def _usable(frame: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    problems = [
        f"{name}: two columns have this name" for name in frame.columns[frame.columns.duplicated()]
    ]
    if frame.empty:
        problems.append("it has no rows")
    if problems:
        raise ChurnError(f"Cannot use {source}:", problems)
    return frame


def _locate(path: str | Path) -> tuple[fs.FileSystem, str]:
    path = str(path)
    if path.startswith("s3://"):
        return fs.FileSystem.from_uri(path)
    if not Path(path).exists():
        hint = "give a path, an s3:// or database URL"
        raise ChurnError(f"There is no file {public_name(path)}.", [hint])
    return fs.LocalFileSystem(), str(Path(path).resolve())


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
