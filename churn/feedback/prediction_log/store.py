"""The table of predictions."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    delete,
    func,
    select,
)

from churn.data.ids import id_text
from churn.feedback.prediction_log.database import PATIENCE, Database, UtcTime
from churn.feedback.prediction_log.entries import Prediction

PREDICTIONS = Table(
    "predictions",
    MetaData(),
    Column("prediction", Text, primary_key=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("run", Text, nullable=False),
    Column("customer", Text, index=True),
    Column("probability", Double, nullable=False),
    Column("churn", Boolean, nullable=False),
    Column("threshold", Double, nullable=False),
    # JSON, not JSONB, which cannot store every text of JSON.
    Column("inputs", JSON, nullable=False),
)
LATEST_FIRST = (PREDICTIONS.c.time.desc(), PREDICTIONS.c.prediction.desc())


class PredictionLog(Database):
    """The predictions in a database; see `Database` for its use and its errors.

    Parameters
    ----------
    url : str
        `sqlite:///path` or `postgresql+psycopg://user:password@host:port/database`.
    patience : float
        See `Database`.
    """

    def __init__(self, url: str, patience: float = PATIENCE):
        super().__init__(url, PREDICTIONS, "the prediction log", patience)
        insert = self.insert().on_conflict_do_nothing()
        self._insert = str(insert.compile(dialect=self.dialect))

    def add(self, rows: Sequence[Prediction]) -> None:
        """Add predictions, all or none; those that are stored already stay as they are."""
        if not rows:
            return
        dialect, stored = self.dialect, UtcTime().process_bind_param
        values = [
            (row.prediction, stored(row.time, dialect), *row[2:-1], to_json(row.inputs).decode())
            for row in rows
        ]
        with self.connected() as connection:
            # Bypasses SQLAlchemy's processing of parameters, which takes as long as the database.
            connection.exec_driver_sql(self._insert, values)

    def find(self, prediction: str) -> Prediction | None:
        """A prediction by its id."""
        found = list(self._read(select(PREDICTIONS).where(PREDICTIONS.c.prediction == prediction)))
        return found[0] if found else None

    def find_prefix(self, prefix: str) -> list[Prediction]:
        """At most two predictions whose ids have this prefix: two show that it is ambiguous."""
        ids = PREDICTIONS.c.prediction
        query = select(PREDICTIONS).where(ids.startswith(prefix, autoescape=True))
        return list(self._read(query.order_by(ids).limit(2)))

    def latest(self, limit: int) -> list[Prediction]:
        """The latest predictions, the newest first."""
        return list(self._read(select(PREDICTIONS).order_by(*LATEST_FIRST).limit(limit)))

    def of_customer(self, customer: str | int, limit: int | None = None) -> list[Prediction]:
        """The predictions for one customer, the newest first."""
        query = select(PREDICTIONS).where(_is(customer)).order_by(*LATEST_FIRST).limit(limit)
        return list(self._read(query))

    def between(self, start: datetime, end: datetime) -> Iterator[Prediction]:
        """The predictions from `start` to before `end`, ordered, a chunk at a time.

        Parameters
        ----------
        start, end : datetime
            With a time zone.
        """
        time = PREDICTIONS.c.time
        query = select(PREDICTIONS).where(time >= start, time < end)
        return self._read(query.order_by(time, PREDICTIONS.c.prediction))

    def runs(self, start: datetime | None = None, end: datetime | None = None) -> set[str]:
        """The runs with predictions from `start` to before `end`; by default of any time."""
        query = select(PREDICTIONS.c.run).distinct()
        if start is not None:
            query = query.where(PREDICTIONS.c.time >= start)
        if end is not None:
            query = query.where(PREDICTIONS.c.time < end)
        with self.connected() as connection:
            return set(connection.scalars(query))

    def histogram(self, at: datetime, run: str, bins: int) -> list[tuple[int, float]]:
        """The predictions of a run at a moment, as those of a whole table have, by probability.

        Returns
        -------
        list of (int, float)
            The number and the mean probability of each bin of equal width that is not empty.
        """
        probability = PREDICTIONS.c.probability
        place: ColumnElement[Any] = probability * bins
        if self.dialect.name != "sqlite":  # where a cast cuts off; elsewhere it rounds
            place = func.floor(place)
        query = select(func.count(), func.avg(probability)).where(
            PREDICTIONS.c.time == at, PREDICTIONS.c.run == run
        )
        query = query.group_by(cast(place, Integer))
        with self.connected() as connection:
            return [(many, float(mean)) for many, mean in connection.execute(query)]

    def count(self) -> int:
        """The number of predictions."""
        with self.connected() as connection:
            return connection.scalar(select(func.count()).select_from(PREDICTIONS)) or 0

    def delete_customer(self, customer: str | int) -> int:
        """Delete the predictions for one customer, and return their number."""
        with self.connected() as connection:
            return connection.execute(delete(PREDICTIONS).where(_is(customer))).rowcount

    def prune(self, days: float) -> int:
        """Delete the predictions that are older than so many days, and return their number."""
        old = PREDICTIONS.c.time < datetime.now(UTC) - timedelta(days=days)
        with self.connected() as connection:
            return connection.execute(delete(PREDICTIONS).where(old)).rowcount

    def _read(self, query: Select[*tuple[Any, ...]]) -> Iterator[Prediction]:
        return map(Prediction._make, self.read(query))


def _is(customer: str | int) -> ColumnElement[bool]:
    return PREDICTIONS.c.customer == id_text(customer)
