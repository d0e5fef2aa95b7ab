"""A customer table in shards: parts that tasks read independently, some rows at a time.

A Parquet table is read in place, by row groups, so that a task needs the memory of a few chunks
however large the table is. Any other source is read once and stored as an artifact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from churn.data.parquet import open_dataset
from churn.data.readers import is_parquet, load_table, locate
from churn.data.source import SourceOptions, notes
from churn.errors import ChurnError

CHUNK_ROWS = 50_000
# Metaflow allows a foreach 100 tasks.
MOST_SHARDS = 90
# By its path, a file of Parquet and the numbers of the row groups that are taken from it.
Taken = dict[str, tuple[pyarrow.dataset.Fragment, list[int]]]


@dataclass(frozen=True)
class Piece:
    """Row groups of a Parquet file, and the properties that identify the same file."""

    path: str
    row_groups: tuple[int, ...]
    stamp: tuple[int, int | None]


@dataclass(frozen=True)
class Shard:
    """Rows of a table that one task scores.

    Attributes
    ----------
    first : int
        The number of its first row in the table, from 1.
    rows : int
    pieces : tuple of Piece
        Where the rows are; empty where the table is not Parquet.
    """

    first: int
    rows: int
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Source:
    """A customer table to be read in parts.

    Attributes
    ----------
    location : str
    frame : DataFrame or None
        The table itself, where it is not Parquet.
    columns : tuple of str
    notes : tuple of str
        What was recognised, for the user.
    """

    location: str
    frame: pd.DataFrame | None = field(repr=False, default=None)
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def open(
        cls, location: str, query: str = "", columns: Sequence[str] = (),
        options: SourceOptions | None = None,
    ) -> "Source":  # fmt: skip
        """Open a table.

        Parameters
        ----------
        location, query : str
            See `churn.data.readers.load_table`.
        columns : sequence of str
            Those it must have.
        options : SourceOptions, optional

        Raises
        ------
        ChurnError
            If it cannot be read, or naming every column that is missing or repeated.
        """
        if query or not is_parquet(location):
            frame = load_table(location, query, options or SourceOptions())
            names = list(frame.columns)
            source = cls(location, frame, tuple(names), tuple(notes(frame)))
        else:
            dataset, skipped = cls(location)._opened()
            names = dataset.schema.names
            source = cls(location, None, tuple(names), tuple(skipped))
        problems = [f"{name}: the column is missing" for name in columns if name not in names]
        problems += [
            f"{name}: two columns have this name" for name in columns if names.count(name) > 1
        ]
        if problems:
            raise ChurnError("These customers cannot be scored:", problems)
        return source

    def shards(self, rows: int) -> list[Shard]:
        """Split the table into shards of about so many rows; Parquet by whole row groups.

        Raises
        ------
        ChurnError
            If the table has no rows.
        """
        if self.frame is not None:
            total = len(self.frame)
            rows = max(rows, -(-total // MOST_SHARDS))
            starts = range(0, total, rows)
            return [Shard(start + 1, min(rows, total - start)) for start in starts]
        groups = [
            (fragment, group)
            for fragment in self._dataset().get_fragments()
            for group in fragment.row_groups
        ]
        total = sum(group.num_rows for _, group in groups)
        if not total:
            raise ChurnError(f"Cannot use {self.location}:", ["it has no rows"])
        rows = max(rows, -(-total // MOST_SHARDS))
        shards: list[Shard] = []
        taken: Taken = {}
        first, size = 1, 0
        for fragment, group in groups:
            taken.setdefault(fragment.path, (fragment, []))[1].append(group.id)
            size += group.num_rows
            if size >= rows:
                shards.append(Shard(first, size, _pieces(taken)))
                first, taken, size = first + size, {}, 0
        return [*shards, Shard(first, size, _pieces(taken))] if size else shards

    def chunks(
        self, shard: Shard, columns: list[str], rows: int = CHUNK_ROWS
    ) -> Iterator[tuple[int, pd.DataFrame | pa.RecordBatch]]:
        """Read a shard, some rows at a time.

        Yields
        ------
        (int, DataFrame or RecordBatch)
            The number of the first row, and the `columns` of at most `rows` rows.

        Raises
        ------
        ChurnError
            If the file is not the one that was split into shards.
        """
        if self.frame is not None:
            end = shard.first - 1 + shard.rows
            for start in range(shard.first - 1, end, rows):
                yield start + 1, self.frame[columns].iloc[start : min(start + rows, end)]
            return
        dataset, first = self._dataset(), shard.first
        fragments = {fragment.path: fragment for fragment in dataset.get_fragments()}
        for piece in shard.pieces:
            fragment = fragments.get(piece.path)
            if fragment is None or _stamp(fragment) != piece.stamp:
                problem = f"{piece.path} is not the file any more that was cut into shards"
                raise ChurnError(f"{self.location} changed during the run:", [problem])
            batches = fragment.subset(row_group_ids=list(piece.row_groups)).to_batches(
                schema=dataset.schema, columns=columns, batch_size=rows,
                batch_readahead=2, fragment_readahead=1, use_threads=False,
            )  # fmt: skip
            for batch in batches:
                yield first, batch
                first += len(batch)

    def _dataset(self) -> pyarrow.dataset.FileSystemDataset:
        return self._opened()[0]

    def _opened(self) -> tuple[pyarrow.dataset.FileSystemDataset, list[str]]:
        try:
            filesystem, path = locate(self.location)
            return open_dataset(path, filesystem)
        except (OSError, pa.ArrowException) as error:
            reason = str(error).strip().splitlines()[0]
            raise ChurnError(f"Cannot read {self.location} as Parquet:", [reason]) from error


def _pieces(taken: Taken) -> tuple[Piece, ...]:
    return tuple(
        Piece(path, tuple(groups), _stamp(fragment)) for path, (fragment, groups) in taken.items()
    )


def _stamp(fragment: pyarrow.dataset.Fragment) -> tuple[int, int | None]:
    info = fragment.filesystem.get_file_info(fragment.path)
    return info.size, info.mtime_ns
