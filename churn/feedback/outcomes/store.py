"""The table of outcomes, in the database of the prediction log."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    MetaData,
    Select,
    Table,
    Text,
    case,
    delete,
    func,
    select,
)

from churn.data.ids import id_text
from churn.feedback.outcomes.entries import Added, Outcome
from churn.feedback.prediction_log.database import PATIENCE, Database, UtcTime

OUTCOMES = Table(
    "outcomes",
    MetaData(),
    Column("customer", Text, primary_key=True),
    Column("date", Date, primary_key=True, index=True),
    Column("left", Boolean, nullable=False),
    Column("recorded", UtcTime, nullable=False),
)
CUSTOMER, DATE, LEFT, RECORDED = OUTCOMES.c
# The number of outcomes, or of customers, in one query.
CHUNK = 2_000


class Summary(NamedTuple):
    """A summary of the stored outcomes.

    Attributes
    ----------
    outcomes, customers : int
        The number of outcomes, and of customers.
    first, last : date or None
        The first and the last day; None where there is no outcome.
    left : float or None
        The share of the outcomes in which the customer had left.
    """

    outcomes: int
    customers: int
    first: date | None
    last: date | None
    left: float | None


class OutcomeStore(Database):
    """The outcomes in a database; see `Database` for its use and its errors.

    Parameters
    ----------
    url : str
        That of the prediction log, see `PredictionLog`.
    patience : float
        See `Database`.
    """

    def __init__(self, url: str, patience: float = PATIENCE):
        super().__init__(url, OUTCOMES, "the outcomes in", patience)
        insert = self.insert()
        self._put = insert.on_conflict_do_update(
            index_elements=[CUSTOMER, DATE],
            set_={"left": insert.excluded.left, "recorded": insert.excluded.recorded},
        )

    def add(self, rows: Iterable[Outcome]) -> Added:
        """Add outcomes, all or none.

        Of two outcomes of a customer's day the one with the later `recorded` is kept, and of two
        with the same `recorded` the one with `left`. So the same outcomes result in the same table,
        in whatever order and however often they are added.
        """
        added, rest = Added(0, 0, 0), iter(rows)
        # Exclusive, so that the stored outcomes do not change between reading and writing.
        with self.connected(alone=True) as connection:
            while some := list(islice(rest, CHUNK)):
                more = self._add(connection, some)
                added = Added(*(sum(pair) for pair in zip(added, more, strict=True)))
        return added

    def of(self, customers: Iterable[str | int]) -> Iterator[Outcome]:
        """The outcomes of customers, a chunk at a time; those of one customer ordered by day."""
        rest = iter(customers)
        while some := {id_text(customer) for customer in islice(rest, CHUNK)}:
            query = select(OUTCOMES).where(CUSTOMER.in_(sorted(some)))
            yield from self._read(query.order_by(CUSTOMER, DATE))

    def between(self, start: date | None = None, end: date | None = None) -> Iterator[Outcome]:
        """The outcomes of the days from `start` to before `end`, ordered, a chunk at a time.

        Parameters
        ----------
        start, end : date, optional
            By default, the first day and the last.
        """
        query = select(OUTCOMES)
        if start is not None:
            query = query.where(start <= DATE)
        if end is not None:
            query = query.where(end > DATE)
        return self._read(query.order_by(DATE, CUSTOMER))

    def summary(self) -> Summary:
        """A summary of the stored outcomes."""
        query = select(
            func.count(),
            func.count(CUSTOMER.distinct()),
            func.min(DATE),
            func.max(DATE),
            func.avg(case((LEFT, 1.0), else_=0.0)),
        )
        with self.connected() as connection:
            outcomes, customers, first, last, left = connection.execute(query).one()
        share = None if left is None else float(left)
        return Summary(outcomes, customers, first, last, share)

    def delete_customer(self, customer: str | int) -> int:
        """Delete the outcomes of one customer, and return their number."""
        with self.connected() as connection:
            gone = delete(OUTCOMES).where(OUTCOMES.c.customer == id_text(customer))
            return connection.execute(gone).rowcount

    def prune(self, days: float) -> int:
        """Delete the outcomes that are older than so many days, and return their number."""
        first = (datetime.now(UTC) - timedelta(days=days)).date()
        with self.connected() as connection:
            return connection.execute(delete(OUTCOMES).where(first > DATE)).rowcount

    def _add(self, connection: Connection, rows: Sequence[Outcome]) -> Added:
        rows = [row._replace(customer=id_text(row.customer) or "") for row in rows]
        days = [row.date for row in rows]
        query = select(OUTCOMES).where(
            CUSTOMER.in_({row.customer for row in rows}), DATE.between(min(days), max(days))
        )
        known = {row[:2]: Outcome._make(row) for row in connection.execute(query)}
        new = corrected = 0
        fresh = {}
        for row in rows:
            before = known.get(row[:2])
            if before is None:
                new += 1
            elif (row.recorded, row.left) <= (before.recorded, before.left):
                continue
            elif row.left != before.left:
                corrected += 1
            known[row[:2]] = fresh[row[:2]] = row
        if fresh:
            connection.execute(self._put, [row._asdict() for row in fresh.values()])
        return Added(new, corrected, len(rows) - new - corrected)

    def _read(self, query: Select[*tuple[Any, ...]]) -> Iterator[Outcome]:
        return map(Outcome._make, self.read(query))
