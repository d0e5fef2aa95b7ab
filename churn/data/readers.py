"""Read a customer table: text, Excel, Parquet or a database, local or on S3."""

import csv
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
from pyarrow import fs

from churn.data.delimited import (
    MAX_TITLE_LINES,
    Layout,
    cause,
    column_names,
    decompressed,
    not_utf8,
    read_delimited,
    stream_delimited,
)
from churn.data.parquet import open_dataset, to_frame
from churn.data.source import SourceOptions, add_note
from churn.errors import ChurnError
from churn.words import plural

TELCO = Path(__file__).parent / "telco"
URL = re.compile(r"[A-Za-z][A-Za-z0-9+]+:/|.*://")
TEXT = re.compile(r"\.(csv|tsv|tab|txt|psv)(\.(gz|bz2|zst|xz|zip))?$|\.(gz|bz2|zst|xz|zip)$", re.I)
WORKBOOK = re.compile(r"\.(xlsx|xlsm|xlsb|xls|ods)$", re.I)
PARQUET = re.compile(r"(\.(parquet|pq)|/)$", re.I)
KNOWN = "by its name it is neither a text (.csv, .tsv, .txt), a workbook (.xlsx) nor Parquet"
ASKED = SourceOptions()


def load_csv(path: str | Path, options: SourceOptions = ASKED) -> pd.DataFrame:
    """Read a text file, plain or compressed, local or `s3://`.

    Compression, encoding (UTF-8, or UTF-16 with its mark), separator, a `sep=` line and title
    lines are recognised, and listed in the frame's notes. Every column is read as text and kept
    as it is written; empty cells are missing.

    Returns
    -------
    DataFrame of str

    Raises
    ------
    ChurnError
        If the file does not exist, has no rows, or cannot be read whole: its rows have different
        numbers of cells, or a quote is not closed.
    """
    with _text_file(path) as (unpacked, notes), unpacked() as file:
        frame = read_delimited(file, unpacked, options)
    add_note(frame, *notes)
    return usable(frame, path)


@contextmanager
def stream_csv(
    path: str | Path, options: SourceOptions = ASKED
) -> Iterator[tuple[Layout, list[str], Iterator[pa.RecordBatch]]]:
    """Read a text file some rows at a time; see `load_csv`.

    Yields
    ------
    Layout, list of str, iterator of RecordBatch
        The format, notes for the user, and the rows, every column as text.
    """
    with _text_file(path) as (unpacked, notes):
        with unpacked() as file:
            layout, batches = stream_delimited(file, unpacked, options)
        yield layout, [*layout.notes, *notes], batches


@contextmanager
def _text_file(path: str | Path) -> Iterator[tuple[Callable[[], BinaryIO], list[str]]]:
    """What opens a decompressed text file, and notes; its errors are those of the file."""
    filesystem, inside = locate(path)
    notes: list[str] = []

    def unpacked() -> BinaryIO:
        file, kind = decompressed(lambda: filesystem.open_input_file(inside))
        if kind and not str(path).lower().endswith((".gz", ".bz2", ".zst", ".xz", ".zip")):
            notes[:] = [f"the file is compressed ({kind}), though its name does not say so"]
        return file

    try:
        yield unpacked, notes
    except ChurnError as error:
        problems = error.problems or [error.summary]
        raise ChurnError(f"Cannot read {path} as CSV:", problems) from None
    except (OSError, ValueError, EOFError, csv.Error, lzma.LZMAError, zipfile.BadZipFile,
            zlib.error, LookupError) as error:  # fmt: skip
        reason = _reason(error)
        raise ChurnError(f"Cannot read {path} as CSV:", [reason, *cause(reason)]) from error


def load_table(source: str | Path, query: str = "", options: SourceOptions = ASKED) -> pd.DataFrame:
    """Read a customer table.

    Parameters
    ----------
    source : str or Path
        `telco` (the table that ships with the project); a text file (`.csv`, `.tsv`, `.txt`, also
        compressed); a workbook (`.xlsx`); a Parquet file, or a folder of them; any of these on
        `s3://`; or a database URL of SQLAlchemy (`sqlite:///crm.db`,
        `postgresql+psycopg://host/crm`), with `query`.
    query : str, optional
        The SELECT to run, with a database URL only.
    options : SourceOptions, optional
        The format of a file, where it cannot be recognised.

    Returns
    -------
    DataFrame
        One row per customer, with the columns as they are in the source. Whole numbers stay whole
        where some are missing. What was recognised is in `churn.data.source.notes`.

    Raises
    ------
    ChurnError
        If the source does not exist, cannot be read whole, has no rows, or repeats a column name.
    """
    source = str(source)
    if source == "telco":
        return load_csv(TELCO / "telco.csv")
    if is_database(source):
        return _load_sql(source, query)
    if query:
        problem = f"{public_name(source)} is a file"
        raise ChurnError("A query needs a database URL as its source.", [problem])
    if WORKBOOK.search(source):
        return _load_workbook(source, options)
    if TEXT.search(source):
        return load_csv(source, options)
    return _load_parquet(source)


def is_database(source: str) -> bool:
    """Whether a source is a database's URL."""
    return bool(URL.match(source)) and not source.startswith("s3://")


def is_parquet(source: str) -> bool:
    """Whether a source is Parquet, which can be read in parts."""
    patterns = (WORKBOOK, TEXT)
    return source != "telco" and not is_database(source) and not any(
        pattern.search(source) for pattern in patterns
    )  # fmt: skip


def public_name(source: str) -> str:
    """The source of a table as it may be shown: without user, password and options."""
    if source.startswith("s3://") or not (URL.match(source) or "@" in source):
        return source
    scheme, slashes, rest = source.split("?")[0].partition("/")
    return f"{scheme}{slashes}…{rest.rpartition('@')[2]}" if "@" in source else source.split("?")[0]


def open_parquet(source: str) -> tuple[pyarrow.dataset.FileSystemDataset, list[str]]:
    """Open a Parquet file or a folder of them; see `churn.data.parquet.open_dataset`.

    Raises
    ------
    ChurnError
        If there is none, or it cannot be read.
    """
    filesystem, inside = locate(source)
    try:
        return open_dataset(inside, filesystem)
    except (OSError, pa.ArrowException) as error:
        raise cannot_read(source, error) from error
    except ChurnError as error:
        raise ChurnError(f"Cannot use {source}:", error.problems) from None


def cannot_read(source: str, error: Exception) -> ChurnError:
    """An error of the file system or of pyarrow as one of Parquet that cannot be read."""
    hint = [] if PARQUET.search(source) else [KNOWN]
    return ChurnError(f"Cannot read {source} as Parquet:", [_reason(error), *hint])


def _load_parquet(source: str) -> pd.DataFrame:
    dataset, notes = open_parquet(source)
    try:
        frame = to_frame(dataset.to_table())
    except (OSError, pa.ArrowException) as error:
        raise cannot_read(source, error) from error
    except ChurnError as error:
        raise ChurnError(f"Cannot use {source}:", error.problems) from None
    add_note(frame, *notes)
    return usable(frame, source)


def _load_workbook(source: str, options: SourceOptions) -> pd.DataFrame:
    filesystem, inside = locate(source)
    try:
        with (
            filesystem.open_input_file(inside) as file,
            pd.ExcelFile(file, engine="calamine") as book,
        ):
            sheet = options.sheet or _only_sheet(book)
            if sheet not in book.sheet_names:
                there = _listed(map(str, book.sheet_names))
                raise ChurnError("", [f"no sheet {sheet!r}; there are {there}"])
            cells = book.parse(sheet, header=None, dtype=object)
    except ChurnError as error:
        raise ChurnError(f"Cannot use {source}:", error.problems) from None
    except Exception as error:  # calamine has errors of its own, without a common class
        raise ChurnError(f"Cannot read {source} as a workbook:", [_reason(error)]) from error
    cells, skipped = cells.dropna(how="all"), []
    if cells.empty:
        raise ChurnError(f"Cannot use {source}:", ["it has no rows"])
    # A title is one filled cell; the header has several, where rows have.
    filled = cells.notna().sum(axis=1).to_numpy()
    title = int(np.argmax(filled[:MAX_TITLE_LINES] > 1)) if (filled > 1).sum() > 1 else 0
    if title:
        above = str(cells.iloc[0].dropna().iloc[0])[:60]
        lines = plural(title, "line above the header is", "lines above the header are")
        skipped = [f"{lines} skipped: {above!r}"]
        cells = cells.iloc[title:].dropna(axis=1, how="all")
    header = ["" if pd.isna(name) else str(name) for name in cells.iloc[0]]
    names, changed = column_names(header)
    frame = cells.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)
    add_note(frame, f"the sheet {sheet!r} is read", *skipped, *changed)
    return usable(frame, source)


def _only_sheet(book: pd.ExcelFile) -> str:
    filled = [str(name) for name in book.sheet_names if not book.parse(name, header=None).empty]
    if len(filled) > 1:
        raise ChurnError("", [f"say which sheet (--sheet): {_listed(filled)}"])
    return filled[0] if filled else str(book.sheet_names[0])


def _load_sql(url: str, query: str) -> pd.DataFrame:
    from sqlalchemy import create_engine, event, text
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
    if engine.driver == "psycopg":
        event.listen(engine, "do_connect", _decode)
    path = engine.url.database or ":memory:"
    if engine.name == "sqlite" and not path.startswith((":", "file:")) and not Path(path).exists():
        raise ChurnError(f"Cannot read from {where}:", [f"there is no file {path}"])
    try:
        with engine.connect() as connection:
            result = connection.execute(text(query))
            if not result.returns_rows:
                raise ChurnError(f"Cannot read from {where}:", ["the query returns no rows"])
            names, changed = column_names(list(result.keys()))
            frame = pd.DataFrame(result.fetchall(), columns=names, dtype=object)
    except SQLAlchemyError as error:
        reason = _reason(error.__cause__ or error)
        if "byte sequence" in reason:
            reason += "; add the encoding of its texts to the URL, as in ?client_encoding=latin1"
        raise ChurnError(f"Cannot read from {where}:", [reason]) from error
    finally:
        engine.dispose()
    frame = usable(frame, where).apply(_typed)
    add_note(frame, *changed)
    return frame


def _decode(dialect: object, record: object, args: object, options: dict[str, Any]) -> None:
    """Have texts decoded: of a database without an encoding (SQL_ASCII) they would be bytes."""
    options.setdefault("client_encoding", "utf8")


def _typed(column: pd.Series) -> pd.Series:
    """A column of a database's values: whole numbers stay whole where some are missing."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    missing = column.isna().any()
    if kind == "integer":
        whole = [abs(value) < 2**63 for value in column.dropna()]
        return column.astype("Int64" if missing else "int64") if all(whole) else column
    if kind == "boolean":
        return column if missing else column.astype(bool)
    if kind == "floating":
        return column.astype("float64")
    if kind == "string":
        return column.astype("str")
    if kind in ("datetime", "datetime64"):
        return pd.to_datetime(column, utc=any(value.tzinfo for value in column.dropna()))
    return column


def usable(frame: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """The frame, if it has rows, and no two columns of one name.

    Raises
    ------
    ChurnError
    """
    problems = [
        f"{name}: two columns have this name"
        for name in frame.columns[frame.columns.duplicated()].unique()
    ]
    if frame.empty:
        problems.append("it has no rows")
    if problems:
        raise ChurnError(f"Cannot use {source}:", problems)
    return frame


def locate(path: str | Path) -> tuple[fs.FileSystem, str]:
    """The file system of a path, and the path within it.

    Raises
    ------
    ChurnError
        If there is no such file.
    """
    path = str(path)
    if path.startswith("s3://"):
        filesystem, inside = fs.FileSystem.from_uri(path + _endpoint())
        return filesystem, inside
    if not Path(path).exists():
        hint = "give a path, an s3:// or database URL"
        raise ChurnError(f"There is no file {public_name(path)}.", [hint])
    return fs.LocalFileSystem(), str(Path(path).resolve())


def _endpoint() -> str:
    """The S3 server of Metaflow's datastore, where the environment names no other one."""
    named = os.environ.get("METAFLOW_S3_ENDPOINT_URL", "")
    if not named or "AWS_ENDPOINT_URL" in os.environ or "AWS_ENDPOINT_URL_S3" in os.environ:
        return ""
    scheme, _, host = named.rstrip("/").partition("://")
    return f"?scheme={scheme}&endpoint_override={host}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _reason(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in text:
        return not_utf8(text.replace("UTF8", "utf-8"))
    return text
