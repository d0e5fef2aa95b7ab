"""Read a customer table from where it lies: CSV, Parquet or a database, local or on S3."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from churn.errors import ChurnError

TELCO = Path(__file__).parent / "telco"

# An empty cell and the usual spellings of "not available". "None" is not among them:
# it is a category of its own in many tables.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")


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
        If the file is not there, is empty, or its rows have different numbers of cells.
    """
    filesystem, inside = _locate(path)
    try:
        with filesystem.open_input_stream(inside, compression="detect") as stream:
            frame = pd.read_csv(
                stream, dtype=str, keep_default_na=False, na_values=MISSING, low_memory=False
            )
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise ChurnError(f"Cannot read {path} as CSV:", [_first_line(error)]) from error
    if len(set(frame.columns)) < len(frame.columns) or not len(frame):
        raise ChurnError(f"Cannot use {path}:", ["it has no rows below its header"])
    return frame


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
        If the source is not there or cannot be read.
    """
    source = str(source)
    if source == "telco":
        return load_csv(TELCO / "telco.csv")
    if "://" in source and not source.startswith("s3://"):
        return _load_sql(source, query)
    if query:
        raise ChurnError("A query needs a database URL as its source.", [f"{source} is a file"])
    if source.endswith((".csv", ".csv.gz")):
        return load_csv(source)
    return _load_parquet(source)


def _load_parquet(source: str) -> pd.DataFrame:
    filesystem, inside = _locate(source)
    try:
        table = ds.dataset(inside, filesystem=filesystem, format="parquet").to_table()
    except (OSError, pa.ArrowException) as error:
        raise ChurnError(f"Cannot read {source} as Parquet:", [_first_line(error)]) from error
    if not table.num_rows:
        raise ChurnError(f"Cannot use {source}:", ["it has no rows"])
    return table.to_pandas(split_blocks=True, self_destruct=True)


def _load_sql(url: str, query: str) -> pd.DataFrame:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    if not query:
        raise ChurnError("A database needs a query.", ["say which rows: SELECT … FROM …"])
    try:
        engine = create_engine(url)
    except (ArgumentError, SQLAlchemyError, ImportError) as error:
        raise ChurnError("This is no database URL:", [_first_line(error)]) from error
    try:
        with engine.connect() as connection:
            return pd.read_sql_query(text(query), connection)
    except SQLAlchemyError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise ChurnError(f"Cannot read from {where}:", [_first_line(error)]) from error
    finally:
        engine.dispose()


def _locate(path: str | Path) -> tuple[fs.FileSystem, str]:
    path = str(path)
    if path.startswith("s3://"):
        return fs.FileSystem.from_uri(path)
    if not Path(path).exists():
        raise ChurnError(f"There is no file {path}.", ["give a path, an s3:// or database URL"])
    return fs.LocalFileSystem(), str(Path(path).resolve())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
