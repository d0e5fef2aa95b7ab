"""The rows of a stored table that satisfy its contract: decided once, typed when they are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data import stored_table
from churn.data.contract import Contract
from churn.data.parsing import (
    labels,
    observation_days,
    parse_feature,
    parse_ids,
    parse_target,
    parse_times,
)
from churn.data.stored_table import StoredTable
from churn.data.target_rule import settle_rule, with_target
from churn.data.validation import Checks, key_hashes, repeated_keys, settle_categories

__all__ = ["CleanTable", "ValidTable", "validate_table"]


@dataclass(frozen=True)
class CleanTable:
    """The rows of a stored table that satisfy its contract.

    Attributes
    ----------
    stored : StoredTable
    contract : Contract
        That the table was validated against.
    kept : bytes
        A bit for each row of the table: whether it satisfies the contract.
    """

    stored: StoredTable
    contract: Contract
    kept: bytes

    def __len__(self) -> int:
        return int(self._mask().sum())

    @property
    def columns(self) -> list[str]:
        """The columns of a clean row, in their order."""
        contract = self.contract
        keys = [name for name in (contract.id, contract.time) if name is not None]
        return [*keys, *contract.features, contract.target]

    def read(
        self, rows: np.ndarray | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Read clean rows, typed as `churn.data.validation.validate_data` returns them.

        Parameters
        ----------
        rows : ndarray, optional
            Positions among the clean rows, in any order; or a mask of bool, (n,). All by default.
        columns : sequence of str, optional

        Returns
        -------
        DataFrame
            The index is the row number in the source, from 1.

        Raises
        ------
        ChurnError
            If the table changed since it was validated.
        """
        if rows is None:
            rows = np.arange(len(self))
        elif rows.dtype == bool:
            rows = np.flatnonzero(rows)
        ascending = bool((rows[1:] > rows[:-1]).all())
        places = rows if ascending else np.unique(rows)
        mask = self._mask()
        stored = places if mask.all() else np.flatnonzero(mask)[places]
        # Cells are typed some rows at a time: raw ones take several times the memory.
        size = stored_table.CHUNK_ROWS
        starts = range(0, len(stored), size) or [0]
        parts = [self._take(stored[start : start + size], columns) for start in starts]
        frame = parts[0] if len(parts) == 1 else pd.concat(parts)
        return frame if ascending else frame.iloc[np.searchsorted(places, rows)]

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pd.DataFrame]]:
        """Read all clean rows, some at a time.

        Yields
        ------
        (int, DataFrame)
            The position of the first row among the clean rows, and the rows, see `read`.
        """
        mask, place = self._mask(), 0
        for first, raw in self.stored.chunks(self._raw(columns)):
            keep = mask[first : first + len(raw)]
            typed = self._typed(raw if keep.all() else raw[keep], columns)
            yield place, typed
            place += len(typed)

    def _take(self, stored: np.ndarray, columns: Sequence[str] | None) -> pd.DataFrame:
        return self._typed(self.stored.take(stored, self._raw(columns)), columns)

    def _mask(self) -> np.ndarray:
        bits = np.frombuffer(self.kept, dtype=np.uint8)
        return np.unpackbits(bits, count=len(self.stored)).astype(bool)

    def _raw(self, columns: Sequence[str] | None) -> list[str]:
        """The columns of the source that typed ones are made of."""
        contract, wanted = self.contract, set(self.columns if columns is None else columns)
        dates = any(contract.features[n].kind == "date" for n in wanted & set(contract.features))
        if dates and contract.time:
            wanted.add(contract.time)
        if contract.target_rule and contract.target in wanted:
            wanted = wanted - {contract.target} | {contract.target_rule.column}
        return [name for name in self.stored.columns if name in wanted]

    def _typed(self, raw: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
        return type_rows(raw, self.contract, self.columns if columns is None else columns)


def type_rows(raw: pd.DataFrame, contract: Contract, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of rows that satisfy a contract, typed.

    Parameters
    ----------
    raw : DataFrame
        As in the source, with the columns that these are made of.
    contract : Contract
    columns : sequence of str
        Of the contract.
    """
    if contract.target in columns:
        raw = with_target(raw, contract.target, contract.target_rule)
    typed: dict[str, object] = {}
    observed = observation_days(raw, contract)
    for name in columns:
        if name == contract.id:
            typed[name] = parse_ids(raw[name]).to_pandas().astype("str").array
        elif name == contract.time:
            typed[name] = parse_times(raw[name], contract.time_order)[0]
        elif name == contract.target:
            typed[name] = parse_target(raw[name], contract)
        else:
            typed[name] = parse_feature(raw[name], contract.features[name], observed)[0]
    return settle_categories(pd.DataFrame(typed, index=raw.index, copy=False), contract)


@dataclass(frozen=True)
class ValidTable:
    """A stored table validated against its contract.

    Attributes
    ----------
    clean : CleanTable
    labels : ndarray of int8, shape (n,)
        Whether the clean rows' customers left.
    rejected : DataFrame
        See `churn.data.validation.Validation`.
    problems : DataFrame
    """

    clean: CleanTable
    labels: np.ndarray
    rejected: pd.DataFrame
    problems: pd.DataFrame


def validate_table(
    stored: StoredTable, contract: Contract, max_rejected: float = 0.05
) -> ValidTable:
    """Validate a stored table, some rows at a time; see `churn.data.validation.validate_data`.

    Raises
    ------
    ChurnError
    """
    contract = settle_rule(stored.columnwise(), contract)
    columns = [*stored.columns, *([contract.target] if contract.target_rule else [])]
    repeated = None
    if contract.id in stored.columns:
        parts = [key_hashes(rows[contract.id]) for _, rows in stored.chunks([contract.id])]
        repeated = repeated_keys(*map(np.concatenate, zip(*parts, strict=True)))
    checks = Checks(contract, columns, len(stored), max_rejected, repeated)
    needed, left = [name for name in stored.columns if name in contract.columns], []
    for _, raw in stored.chunks(needed):
        clean = checks.add(with_target(raw, contract.target, contract.target_rule))
        if contract.target in clean:
            left.append(labels(clean, contract))
    problems = checks.finish()
    broken = np.concatenate(checks.broken)
    return ValidTable(
        clean=CleanTable(stored, contract, np.packbits(~broken).tobytes()),
        labels=np.concatenate(left),
        rejected=checks.reject(stored.take(np.flatnonzero(broken))),
        problems=problems,
    )
