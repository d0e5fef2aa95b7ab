"""Customers in bulk: shards validated against the contract, chunk by chunk, ready to be scored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.campaign.shards import CHUNK_ROWS, Shard, Source
from churn.data.contract import Contract
from churn.data.frames import with_columns
from churn.data.parquet import to_frame
from churn.data.parsing import labels, lost_digits, parse_ids
from churn.data.validation import (
    LOST_DIGITS,
    Problems,
    check_rows,
    in_words,
    parse_rows,
    with_unseen,
)
from churn.errors import ChurnError
from churn.words import plural


def repeated_ids(source: Source, shards: list[Shard], name: str) -> np.ndarray:
    """The rows that repeat the id of an earlier row; texts are compared by 64-bit hashes.

    Returns
    -------
    ndarray of int64
        Numbers of rows in the table, from 1.
    """
    found, missing = [], []
    for shard in shards:
        for _, batch in source.chunks(shard, [name], rows=20 * CHUNK_ROWS):
            column = batch[name]
            if isinstance(column, pa.Array) and pa.types.is_signed_integer(column.type):
                numbers = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
                found.append(numbers.astype(np.int64, copy=False))
                missing.append(column.is_null().to_numpy(zero_copy_only=False))
            else:
                texts = parse_ids(column).to_numpy(zero_copy_only=False)
                found.append(pd.util.hash_array(texts, categorize=False).view(np.int64))
                missing.append(pd.isna(texts))
    rows = np.flatnonzero(~np.concatenate(missing))
    keys = np.concatenate(found)[rows]
    # Mostly there is none, which a sort shows in far less time than `duplicated`.
    if _rising(keys) or _rising(np.sort(keys)):
        return np.zeros(0, dtype=np.int64)
    return rows[pd.Series(keys).duplicated().to_numpy()] + 1


def _rising(values: np.ndarray) -> bool:
    return bool((values[1:] > values[:-1]).all())


class TableTerms(Protocol):
    """Costs, or actions, that name columns of the customer table."""

    @property
    def columns(self) -> list[str]:
        """The columns that they name."""

    def unusable(self, frame: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """See `churn.evaluation.retention_costs.RetentionCosts.unusable`."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a shard, validated against the contract.

    Attributes
    ----------
    customers : DataFrame
        The rows that satisfy the contract: typed features, and the columns that the terms name;
        the index is the row number in the table.
    ids : Array of string
        The ids of the customers.
    rejected : DataFrame
        The rejected rows, as they are in the source, and `reason`.
    problems : DataFrame
        See `churn.data.validation.Validation`.
    """

    customers: pd.DataFrame
    ids: pa.Array
    rejected: pd.DataFrame
    problems: pd.DataFrame


def clean_chunks(
    source: Source, shard: Shard, contract: Contract, terms: TableTerms, repeated: np.ndarray
) -> Iterator[Chunk]:
    """Read a shard and reject the rows that break the contract.

    This is what `churn.data.validation.validate_data` does, but the target is not checked.

    Parameters
    ----------
    contract : Contract
        With an id.
    repeated : ndarray of int64
        See `repeated_ids`.
    """
    columns, key = columns_needed(contract, terms), key_of(contract)
    features = contract.model_copy(update={"id": None, "time": None})
    for first, batch in source.chunks(shard, columns):
        ids = parse_ids(batch[key])
        frame = _frame(batch)
        raw = frame.set_axis(pd.RangeIndex(first, first + len(frame)))
        raw = with_columns(raw, {key: ids.to_pandas().set_axis(raw.index)})
        found = Problems(raw)
        found.reject(key, "missing", ids.is_null().to_numpy(zero_copy_only=False))
        found.reject(key, LOST_DIGITS, lost_digits(batch[key]))
        found.reject(key, "an id seen before", raw.index.isin(repeated))
        typed = parse_rows(raw, features, found)
        check_rows(typed, with_unseen(features, typed, found), found)
        # A column that is a feature is read as the contract says, with its decimal mark.
        money = with_columns(raw, {name: typed[name] for name in terms.columns if name in typed})
        for name, rule, bad in terms.unusable(money):
            found.reject(name, f"not {rule}", bad)
        typed = with_columns(
            typed, {name: raw[name] for name in terms.columns if name not in typed}
        )
        keep = ~found.broken
        rejected = with_columns(raw[~keep], {_reason(raw): found.explainer()})
        yield Chunk(typed[keep], ids.filter(pa.array(keep)), rejected, found.table())


def _reason(raw: pd.DataFrame) -> str:
    name = "reason"
    while name in raw:  # the table has a column of this name
        name = f"_{name}"
    return name


def key_of(contract: Contract) -> str:
    """The column with the customer's key, which `listing_contract` makes sure of."""
    if contract.id is None:
        raise ValueError("a contract without a key lists nobody")
    return contract.id


def columns_needed(contract: Contract, terms: TableTerms) -> list[str]:
    """The columns that scoring reads."""
    return list(dict.fromkeys([key_of(contract), *contract.features, *terms.columns]))


def left_already(source: Source, shards: list[Shard], contract: Contract) -> str:
    """A warning if the table has the target: customers who have left should not be on a list."""
    if contract.target_rule or contract.target not in source.columns:
        return ""
    left = sum(
        int(
            labels(
                pd.DataFrame({contract.target: pd.Series(batch[contract.target])}), contract
            ).sum()
        )
        for shard in shards
        for _, batch in source.chunks(shard, [contract.target])
    )
    return (
        f"The table has the target {contract.target!r}: by it "
        f"{plural(left, 'customer has', 'customers have')} left already; they are scored and "
        "listed like the others."
    )


def _frame(batch: pd.DataFrame | pa.RecordBatch) -> pd.DataFrame:
    return batch if isinstance(batch, pd.DataFrame) else to_frame(pa.Table.from_batches([batch]))


def merge_problems(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The problems of several chunks or shards as those of one table."""
    every = pd.concat(tables, ignore_index=True)
    by = every.groupby(["column", "check", "effect"], sort=False, as_index=False)
    merged = by.agg(count=("count", "sum"), examples=("examples", "first"))
    merged = merged.sort_values("effect", key=lambda of: of != "rejected", kind="stable")
    return merged.astype({"count": np.int64}).reset_index(drop=True)


def check_share(problems: pd.DataFrame, rows: int, rejected: int, most: float) -> None:
    """Check that not too many rows are rejected.

    Raises
    ------
    ChurnError
        With every problem of the table, if more than the share `most` were, or all.
    """
    if rejected > most * rows or rejected == rows:
        share = f"{rejected / rows:.1%} of the rows break the contract, at most {most:.1%} may"
        raise ChurnError("The table breaks its contract:", [share, *in_words(problems)])
