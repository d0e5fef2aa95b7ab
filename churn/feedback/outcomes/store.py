"""The table of outcomes, in the database of the prediction log."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    MetaData,
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
# Outcomes that are looked up, and customers that are asked about, at once.
CHUNK = 2_000


class Summary(NamedTuple):
    """What there is.

    Attributes
    ----------
    outcomes, customers : int
        How many, and of how many customers.
    first, last : date or None
        From when to when; None where there is no outcome.
    left : float or None
        The share of the outcomes that say that a customer had left.
    """

    outcomes: int
    customers: int
    first: date | None
    last: date | None
    left: float | None


class OutcomeStore(Database):
    """The outcomes in a database; how it is used, and what it raises, see `Database`.

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

        Of those about a customer's day the one with the later `recorded` holds, of two that were
        recorded at the same moment the one that says left: whoever adds the same outcomes, in
        whatever order and however often, ends with the same table.
        """
        added, rest = Added(0, 0, 0), iter(rows)
        # Alone: what is known now shall be what is known when it is written.
        with self.connected(alone=True) as connection:
            while some := list(islice(rest, CHUNK)):
                more = self._add(connection, some)
                added = Added(*(sum(pair) for pair in zip(added, more, strict=True)))
        return added

    def of(self, customers: Iterable[str | int]) -> Iterator[Outcome]:
        """The outcomes of customers, a chunk at a time; each one's in the order of the days."""
        rest = iter(customers)
        while some := {id_text(customer) for customer in islice(rest, CHUNK)}:
            query = select(OUTCOMES).where(CUSTOMER.in_(sorted(some)))
            yield from self._read(query.order_by(CUSTOMER, DATE))

    def between(self, start: date | None = None, end: date | None = None) -> Iterator[Outcome]:
        """The outcomes of the days from `start` to before `end`, in their order, a chunk at a time.

        Parameters
        ----------
        start, end : date, optional
            Without one, from the first day on, or to the last.
        """
        query = select(OUTCOMES)
        if start is not None:
            query = query.where(start <= DATE)
        if end is not None:
            query = query.where(end > DATE)
        return self._read(query.order_by(DATE, CUSTOMER))

    def summary(self) -> Summary:
        """What there is."""
        query = select(
            func.count(),
            func.count(CUSTOMER.distinct()),
            func.min(DATE),
            func.max(DATE),
            func.avg(case((LEFT, 1.0), else_=0.0)),
        )
        with self.connected() as connection:
            *found, left = connection.execute(query).one()
        return Summary(*found, None if left is None else float(left))

    def delete_customer(self, customer: str | int) -> int:
        """Delete the outcomes of one customer; how many there were."""
        with self.connected() as connection:
            gone = delete(OUTCOMES).where(id_text(customer) == CUSTOMER)
            return connection.execute(gone).rowcount

    def prune(self, days: float) -> int:
        """Delete the outcomes of days that are longer ago than so many; how many there were."""
        first = (datetime.now(UTC) - timedelta(days=days)).date()
        with self.connected() as connection:
            return connection.execute(delete(OUTCOMES).where(first > DATE)).rowcount

    def _add(self, connection: Connection, rows: Sequence[Outcome]) -> Added:
        rows = [row._replace(customer=id_text(row.customer)) for row in rows]
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

    def _read(self, query) -> Iterator[Outcome]:
        return map(Outcome._make, self.read(query))
