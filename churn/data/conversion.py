"""Tables that are not Parquet, converted once: the copy that the steps of a run read.

The copy is named by the digest of the table, so that runs on the same table share it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.digest import digest_of
from churn.data.mixed_cells import encode, marked
from churn.data.readers import is_parquet, load_table, locate
from churn.data.source import SourceOptions, notes
from churn.data.stored_table import CHUNK_ROWS, StoredTable
from churn.errors import ChurnError
from churn.files import atomic_write
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
    if not query and is_parquet(source) and (source.startswith("s3://") or not remote):
        return StoredTable.of_parquet(source)
    frame = load_table(source, query, options)
    digest = digest_of(frame)
    location = _write(frame, folder, digest)
    separator = str(frame.attrs.get("separator", ""))
    return StoredTable.of_parquet(location, source, digest, separator).noted(notes(frame))


def prune_tables(folder: Path, keep_days: float, *, dry: bool = False) -> int:
    """Delete copies that no run has read for so many days; return their bytes.

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


def _write(frame: pd.DataFrame, folder: str | Path, digest: str) -> str:
    location = f"{str(folder).rstrip('/')}/{digest}.parquet"
    try:
        with _new_file(location) as file:
            if file is not None:
                pq.write_table(_to_arrow(frame), file, row_group_size=CHUNK_ROWS)
    except (OSError, pa.ArrowException) as error:
        raise ChurnError(f"The table cannot be copied to {location}:", [str(error)]) from error
    return location


@contextmanager
def _new_file(location: str) -> Iterator[IO[bytes] | pa.NativeFile | None]:
    """A file that gets its name when it is whole; None where there is one of this name."""
    if location.startswith("s3://"):
        filesystem, path = locate(location)
        if filesystem.get_file_info(path).size:
            yield None
            return
        with filesystem.open_output_stream(path) as stream:
            yield stream
        return
    own_folder(Path(location).parent)
    if Path(location).exists():
        os.utime(location)  # it is in use, see `prune_tables`
        yield None
        return
    with atomic_write(location) as file:
        yield file


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    fields, arrays = [], []
    for name in frame:
        column = frame[name]
        mixed = column.dtype == object
        array = encode(column) if mixed else pa.array(column, from_pandas=True)
        fields.append(marked(str(name)) if mixed else pa.field(str(name), array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
