"""A raw customer table by reference: where its Parquet lies, its digest, and parts of it read.

Steps pass the reference on, and each reads the columns and rows that it needs, some rows at a time.
A table that changes or vanishes while it is in use is an error that names it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from churn.data.digest import TableDigest
from churn.data.parquet import to_frame
from churn.data.readers import cannot_read, open_parquet, public_name
from churn.errors import ChurnError

__all__ = ["CHUNK_ROWS", "ColumnwiseTable", "StoredTable"]

# Rows that are read at once; of a table of up to so many rows, all.
CHUNK_ROWS = 131_072


@dataclass(frozen=True)
class _File:
    """A file of a table, and what tells that it is the same one."""

    path: str
    size: int
    modified: int | None


@dataclass(frozen=True)
class StoredTable:
    """A raw customer table that lies in Parquet.

    Attributes
    ----------
    source : str
        As the user named it, without passwords.
    location : str
        Of the Parquet file, or of a folder of them.
    digest : str
        See `churn.data.digest`.
    rows : int
    columns : tuple of str
    with_missing : frozenset of str
        The columns with missing cells.
    files : tuple
        What the location consisted of.
    notes : tuple of str
        What was recognised when it was read, a sentence each; see `churn.data.source.notes`.
    separator : str
        Of a text file's cells, or empty.
    """

    source: str
    location: str
    digest: str
    rows: int
    columns: tuple[str, ...]
    with_missing: frozenset[str]
    files: tuple[_File, ...]
    notes: tuple[str, ...] = ()
    separator: str = ""

    @classmethod
    def of_parquet(
        cls, location: str, source: str = "", digest: str = "", separator: str = ""
    ) -> "StoredTable":
        """Refer to Parquet where it lies.

        Parameters
        ----------
        location : str
            A file or a folder, local or `s3://`.
        source : str
            What it was made from, if not itself.
        digest : str
            If it is known; else every cell is read once.
        separator : str

        Raises
        ------
        ChurnError
            If it cannot be read, has no rows, or repeats a column name.
        """
        dataset, notes = open_parquet(location)
        names = dataset.schema.names
        problems = [
            f"{name}: two columns have this name" for name in names if names.count(name) > 1
        ]
        fragments = list(dataset.get_fragments())
        rows = sum(fragment.count_rows() for fragment in fragments)
        if not rows:
            problems.append("it has no rows")
        if problems:
            raise ChurnError(f"Cannot use {location}:", sorted(set(problems)))
        table = cls(
            source=public_name(source or location), location=location, digest=digest, rows=rows,
            columns=tuple(names), with_missing=frozenset(_with_missing(dataset, fragments)),
            files=tuple(map(_file, fragments)), notes=tuple(notes), separator=separator,
        )  # fmt: skip
        return table if digest else replace(table, digest=table._read_digest())

    def __len__(self) -> int:
        return self.rows

    def noted(self, notes: Iterable[str]) -> "StoredTable":
        """The same table with these notes."""
        return replace(self, notes=tuple(notes))

    def columnwise(self) -> pd.DataFrame:
        """The table as a frame whose columns are read when they are asked for.

        It is a frame for inference only, see `ColumnwiseTable`.
        """
        return cast("pd.DataFrame", ColumnwiseTable(self))

    def chunks(
        self, columns: Sequence[str] | None = None, rows: int | None = None
    ) -> Iterator[tuple[int, pd.DataFrame]]:
        """Read the table, some rows at a time.

        Yields
        ------
        (int, DataFrame)
            The position of the first row, from 0, and `columns` of at most `rows` rows as they are
            in the source; the index is the row number, from 1.

        Raises
        ------
        ChurnError
            If the table changed since it was read first, or is gone.
        """
        names, first, size = list(self.columns if columns is None else columns), 0, 0
        rows = rows or CHUNK_ROWS
        held: list[pa.RecordBatch] = []
        for batch in self._batches(names, rows):
            if held and size + len(batch) > rows:
                yield first, self._frame(held, first)
                held, first, size = [], first + size, 0
            held.append(batch)
            size += len(batch)
        if held:
            yield first, self._frame(held, first)

    def parts(self) -> Iterator[tuple[pd.DataFrame, pa.Table]]:
        """All rows, some at a time, as a frame and as they are stored."""
        for batch in self._batches(list(self.columns), CHUNK_ROWS):
            yield self._frame([batch], 0), pa.Table.from_batches([batch])

    def take(self, rows: np.ndarray, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read some rows.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
            Positions, from 0, ascending.
        columns : sequence of str, optional

        Returns
        -------
        DataFrame
            As they are in the source; the index is the row number, from 1.

        Raises
        ------
        ChurnError
            See `chunks`.
        """
        names = list(self.columns if columns is None else columns)

        def wanted(start: int, end: int) -> bool:
            low, high = np.searchsorted(rows, (start, end))
            return bool(high > low)

        taken, start = [], 0
        for batch in self._batches(names, CHUNK_ROWS, wanted):
            low, high = np.searchsorted(rows, (start, start + len(batch)))
            if high > low:
                taken.append(batch.take(pa.array(rows[low:high] - start)))
            start += len(batch)
        frame = self._frame(taken, 0) if taken else next(self.chunks(names))[1].head(0)
        return frame.set_axis(pd.Index(rows + 1), axis=0)

    def column(self, name: str) -> pd.Series:
        """One column of all rows, as it is in the source."""
        batches = list(self._batches([name], CHUNK_ROWS))
        return self._frame(batches, 0)[name].set_axis(pd.RangeIndex(self.rows))

    def _frame(self, batches: list[pa.RecordBatch], first: int) -> pd.DataFrame:
        table = pa.Table.from_batches(batches).unify_dictionaries()
        frame = to_frame(table, self.with_missing)
        return frame.set_axis(pd.RangeIndex(first + 1, first + 1 + len(frame)))

    def _batches(
        self, columns: list[str], rows: int, wanted: Callable[[int, int], bool] = lambda *_: True
    ) -> Iterator[pa.RecordBatch]:
        """All rows in order; of row groups that are not wanted batches without any column.

        `wanted` takes the position of the first row of a row group and that behind its last.
        """
        dataset, start = self._unchanged(), 0
        try:
            for fragment in dataset.get_fragments():
                groups = []
                for group in fragment.row_groups:
                    end = start + group.num_rows
                    if wanted(start, end):
                        groups.append(group.id)
                    else:
                        yield from _read(dataset, fragment, columns, groups, rows)
                        groups = []
                        yield _nothing(group.num_rows)
                    start = end
                yield from _read(dataset, fragment, columns, groups, rows)
        except (OSError, pa.ArrowException) as error:
            raise cannot_read(self.location, error) from error

    def _unchanged(self) -> pyarrow.dataset.FileSystemDataset:
        """The dataset, if it has the cells that it had."""
        if not self.location.startswith("s3://") and not Path(self.location).exists():
            raise self._lost(["there is no such file"])
        try:
            dataset, _ = open_parquet(self.location)
        except ChurnError as error:
            raise self._lost(error.problems or [error.summary]) from error
        now = tuple(map(_file, dataset.get_fragments()))
        if now == self.files or _checked.get(now) == self.digest:
            return dataset
        found = StoredTable.of_parquet(self.location).digest
        _checked[now] = found
        if found != self.digest:
            raise self._lost([f"its digest is {found} now"])
        return dataset

    def _lost(self, problems: list[str]) -> ChurnError:
        of = "" if self.source == self.location else f", made from {self.source},"
        what = f"The run has read the table {self.location}{of} with the digest {self.digest}"
        hint = "restore it, and `resume`; or start another run"
        return ChurnError(f"{what}, and it is not that any more:", [*problems, hint])

    def _read_digest(self) -> str:
        digest = TableDigest(self.columns)
        for _, rows in self.chunks():
            digest.add(rows)
        return digest.hexdigest()


# The digests of files that were read again because they look changed.
_checked: dict[tuple[_File, ...], str] = {}


class ColumnwiseTable:
    """A stored table with those properties of a frame that inference needs.

    Parameters
    ----------
    table : StoredTable
    added : dict of str to Series, optional
        More columns.
    """

    def __init__(self, table: StoredTable, added: dict[str, pd.Series] | None = None):
        self._table = table
        self._added = added or {}
        self._last: pd.Series | None = None
        self.attrs: dict[str, object] = {"notes": list(table.notes)}
        if table.separator:
            self.attrs["separator"] = table.separator

    @cached_property
    def columns(self) -> pd.Index:
        """The names of the columns."""
        names = [name for name in self._table.columns if name not in self._added]
        return pd.Index([*names, *self._added])

    @property
    def index(self) -> pd.RangeIndex:
        """The positions of the rows."""
        return pd.RangeIndex(len(self._table))

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, name: object) -> bool:
        return name in self._added or name in self._table.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> pd.Series:
        if name in self._added:
            return self._added[name]
        if name not in self._table.columns:
            raise KeyError(name)
        if self._last is None or self._last.name != name:
            self._last = None  # before the next one is read
            self._last = self._table.column(name)
        return self._last

    def with_columns(self, columns: Mapping[str, pd.Series]) -> "ColumnwiseTable":
        """The table with more columns."""
        return ColumnwiseTable(self._table, {**self._added, **columns})


def _file(fragment: pyarrow.dataset.Fragment) -> _File:
    info = fragment.filesystem.get_file_info(fragment.path)
    return _File(fragment.path, info.size, info.mtime_ns)


def _read(
    dataset: pyarrow.dataset.Dataset, fragment: pyarrow.dataset.Fragment, columns: list[str],
    groups: list[int], rows: int,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    if groups:
        yield from fragment.subset(row_group_ids=groups).to_batches(
            schema=dataset.schema, columns=columns, batch_size=rows,
            batch_readahead=1, fragment_readahead=1, use_threads=False,
        )  # fmt: skip


def _nothing(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], ["nothing"])


def _with_missing(
    dataset: pyarrow.dataset.Dataset, fragments: list[pyarrow.dataset.Fragment]
) -> set[str]:
    """The columns with missing cells: by the statistics of the files, or else by their cells."""
    found: set[str] = set()
    unknown: set[str] = set()
    for fragment in fragments:
        metadata, there = fragment.metadata, set(fragment.physical_schema.names)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            for place in range(group.num_columns):
                column = group.column(place)
                name, statistics = column.path_in_schema, column.statistics
                if statistics is None or not statistics.has_null_count:
                    unknown.add(name)
                elif statistics.null_count:
                    found.add(name)
        # A folder's column is in no file, and never missing.
        folders = set(pyarrow.dataset.get_partition_keys(fragment.partition_expression))
        found |= {name for name in dataset.schema.names if name not in there | folders}
    for name in sorted(unknown & set(dataset.schema.names) - found):
        batches = dataset.to_batches(columns=[name], batch_size=CHUNK_ROWS)
        if any(batch.column(0).null_count for batch in batches):
            found.add(name)
    return found & set(dataset.schema.names)
