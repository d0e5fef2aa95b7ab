"""Tables that are not Parquet, converted once: the copy that the steps of a run read.

The copy is named by the digest of the table, so that runs on the same table share it. A text file
is converted some rows at a time; a workbook, and what a query returns, is read whole.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.digest import TableDigest
from churn.data.mixed_cells import encode, marked
from churn.data.parquet import to_frame
from churn.data.readers import (
    TELCO,
    TEXT,
    is_database,
    is_parquet,
    load_table,
    locate,
    stream_csv,
)
from churn.data.source import SourceOptions, notes
from churn.data.stored_table import CHUNK_ROWS, StoredTable
from churn.errors import ChurnError
from churn.files import PARTIAL
from churn.folders import own_folder

__all__ = ["prune_tables", "store_table"]

DAY = 86_400


def store_table(source: str, query: str, options: SourceOptions, folder: str | Path) -> StoredTable:
    """Refer to a customer table by Parquet: where it lies, or else in a copy.

    Parameters
    ----------
    source, query, options
        See `churn.data.readers.load_table`.
    folder : str or Path
        For the copy, local or `s3://`. Parquet is not copied, unless `folder` is remote and the
        table is not: a task on another machine could not read it.

    Raises
    ------
    ChurnError
        If the table cannot be read, see `load_table`, or the copy cannot be written.
    """
    remote = str(folder).startswith("s3://")
    if not query and is_parquet(source):
        table = StoredTable.of_parquet(source)
        if source.startswith("s3://") or not remote:
            return table
        found, separator = list(table.notes), ""
        copied = _copy(list(table.columns), table.parts(), folder)
    elif not query and (source == "telco" or (TEXT.search(source) and not is_database(source))):
        path = TELCO / "telco.csv" if source == "telco" else source
        with stream_csv(path, options) as (layout, found, rows):
            copied = _copy(layout.names, map(_text_rows, rows), folder)
        separator = layout.separator
    else:
        frame = load_table(source, query, options)
        copied = _copy(list(map(str, frame)), [(frame, _to_arrow(frame))], folder)
        found, separator = notes(frame), ""
    if copied is None:
        raise ChurnError(f"Cannot use {source}:", ["it has no rows"])
    location, digest = copied
    return StoredTable.of_parquet(location, source, digest, separator).noted(found)


def prune_tables(folder: Path, keep_days: float, *, dry: bool = False) -> int:
    """Delete copies that no run has used for so many days; return their bytes.

    A copy is made again from its source by the next run on it.
    """
    before, freed = time.time() - keep_days * DAY, 0
    for path in folder.glob("*.parquet"):
        found = path.stat()
        if found.st_mtime < before:
            freed += found.st_size
            if not dry:
                path.unlink(missing_ok=True)
    return freed


def _text_rows(batch: pa.RecordBatch) -> tuple[pd.DataFrame, pa.Table]:
    table = pa.Table.from_batches([batch])
    return to_frame(table), table


def _copy(
    names: list[str], parts: Iterable[tuple[pd.DataFrame, pa.Table]], folder: str | Path
) -> tuple[str, str] | None:
    """Write the parts of a table, each as a frame and as what is stored of it.

    Returns
    -------
    location, digest : str
        None where there are no rows.
    """
    digest, rows, writer = TableDigest(names), 0, None
    with _temporary(folder) as path:
        for frame, table in parts:
            digest.add(frame)
            rows += len(frame)
            with _writing(folder):
                writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                writer.write_table(table, row_group_size=CHUNK_ROWS)
        if writer is None or not rows:
            return None
        location = f"{str(folder).rstrip('/')}/{digest.hexdigest()}.parquet"
        with _writing(folder):
            writer.close()
            _place(path, location)
    return location, digest.hexdigest()


@contextmanager
def _temporary(folder: str | Path) -> Iterator[Path]:
    """A file to write to, beside where it will be if that is a local folder."""
    local = None if str(folder).startswith("s3://") else own_folder(folder)
    handle, name = tempfile.mkstemp(PARTIAL, ".table.", local)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _writing(folder: str | Path) -> Iterator[None]:
    """Errors of the file system, apart from those of the source that is read."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ChurnError(f"The table cannot be copied to {folder}:", [str(error)]) from error


def _place(path: Path, location: str) -> None:
    """Give a file that is whole its name; one of this name has the same content already."""
    if location.startswith("s3://"):
        filesystem, inside = locate(location)
        if not filesystem.get_file_info(inside).size:
            with path.open("rb") as whole, filesystem.open_output_stream(inside) as stream:
                shutil.copyfileobj(whole, stream)
    elif Path(location).exists():
        os.utime(location)  # it is in use, see `prune_tables`
    else:
        with path.open("rb") as whole:
            os.fsync(whole.fileno())
        path.replace(location)


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    fields, arrays = [], []
    for name in frame:
        column = frame[name]
        mixed = column.dtype == object
        array = encode(column) if mixed else pa.array(column, from_pandas=True)
        fields.append(marked(str(name)) if mixed else pa.field(str(name), array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
