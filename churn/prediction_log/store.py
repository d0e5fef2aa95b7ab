"""The table of predictions, in SQLite or PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic_core import from_json, to_json
from sqlalchemy import (
    JSON,
    URL,
    Boolean,
    Column,
    DateTime,
    Double,
    Engine,
    MetaData,
    NullPool,
    Select,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    delete,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from churn.errors import ChurnError
from churn.prediction_log.entries import Prediction, customer_text

FETCHED = 1_000
INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
# What keeps two processes from making the table at once.
ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('churn.predictions'))",
}


class UtcTime(TypeDecorator):
    """A time in UTC; as text in SQLite, which has no type for it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else self.impl)

    def process_bind_param(self, value, dialect):
        value = value.astimezone(UTC)
        # All as long as each other, so that they sort by time.
        return value.isoformat(" ", "microseconds") if dialect.name == "sqlite" else value

    def process_result_value(self, value, dialect):
        return datetime.fromisoformat(value) if dialect.name == "sqlite" else value.astimezone(UTC)


METADATA = MetaData()
PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("prediction", Text, primary_key=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("run", Text, nullable=False),
    Column("customer", Text, index=True),
    Column("probability", Double, nullable=False),
    Column("churn", Boolean, nullable=False),
    Column("threshold", Double, nullable=False),
    # JSON, not JSONB, which cannot hold every text that JSON can.
    Column("inputs", JSON, nullable=False),
)
LATEST_FIRST = (PREDICTIONS.c.time.desc(), PREDICTIONS.c.prediction.desc())


class PredictionLog:
    """The predictions in a database; the table is made where it is missing.

    Threads may share one. With `with`, connections are closed at the end. Every method raises a
    ChurnError, which does not show the password, if the database cannot be used.

    Parameters
    ----------
    url : str
        `sqlite:///path` or `postgresql+psycopg://user:password@host:port/database`.

    Attributes
    ----------
    where : str
        The URL without user, password and options.

    Raises
    ------
    ChurnError
        If it is no such URL.
    """

    def __init__(self, url: str):
        self._engine = _engine(url)
        self._made = False
        dialect, url = self._engine.dialect, self._engine.url
        self.where = str(
            URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
        )
        insert = INSERTS[dialect.name](PREDICTIONS).on_conflict_do_nothing()
        self._insert = str(insert.compile(dialect=dialect))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self._engine.dispose()

    def add(self, rows: Sequence[Prediction]) -> None:
        """Add predictions, all or none; those that are there already stay as they are."""
        if not rows:
            return
        dialect, stored = self._engine.dialect, PREDICTIONS.c.time.type.process_bind_param
        values = [
            (row.prediction, stored(row.time, dialect), *row[2:-1], to_json(row.inputs).decode())
            for row in rows
        ]
        with self._connected() as connection:
            # Past SQLAlchemy's own treatment of parameters, which takes as long as the database.
            connection.exec_driver_sql(self._insert, values)

    def find(self, prediction: str) -> Prediction | None:
        """A prediction by its id."""
        found = list(self._read(select(PREDICTIONS).where(PREDICTIONS.c.prediction == prediction)))
        return found[0] if found else None

    def latest(self, limit: int) -> list[Prediction]:
        """The latest predictions, the newest first."""
        return list(self._read(select(PREDICTIONS).order_by(*LATEST_FIRST).limit(limit)))

    def of_customer(self, customer: str | int, limit: int | None = None) -> list[Prediction]:
        """The predictions for one customer, the newest first."""
        query = select(PREDICTIONS).where(_is(customer)).order_by(*LATEST_FIRST).limit(limit)
        return list(self._read(query))

    def between(self, start: datetime, end: datetime) -> Iterator[Prediction]:
        """The predictions from `start` to before `end`, in their order, a chunk at a time.

        Parameters
        ----------
        start, end : datetime
            With a time zone.
        """
        time = PREDICTIONS.c.time
        query = select(PREDICTIONS).where(time >= start, time < end)
        return self._read(query.order_by(time, PREDICTIONS.c.prediction))

    def count(self) -> int:
        """How many predictions there are."""
        with self._connected() as connection:
            return connection.scalar(select(func.count()).select_from(PREDICTIONS))

    def delete_customer(self, customer: str | int) -> int:
        """Delete the predictions for one customer; how many there were."""
        with self._connected() as connection:
            return connection.execute(delete(PREDICTIONS).where(_is(customer))).rowcount

    def keep(self, days: float) -> int:
        """Delete the predictions that are older than so many days; how many there were."""
        old = PREDICTIONS.c.time < datetime.now(UTC) - timedelta(days=days)
        with self._connected() as connection:
            return connection.execute(delete(PREDICTIONS).where(old)).rowcount

    def _read(self, query: Select) -> Iterator[Prediction]:
        with self._connected() as connection:
            rows = connection.execution_options(yield_per=FETCHED).execute(query)
            yield from map(Prediction._make, rows)

    @contextmanager
    def _connected(self):
        try:
            if not self._made:
                self._make()
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self._made = False  # it may be another database when it is back
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise ChurnError(f"Cannot use the prediction log {self.where}:", [reason]) from error

    def _make(self) -> None:
        if self._engine.name == "sqlite":
            path = Path(self._engine.url.database)
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            path.touch(0o600)  # SQLite would let everybody read it
        with self._engine.begin() as connection:
            connection.exec_driver_sql(ALONE[self._engine.name])
            METADATA.create_all(connection)
        self._made = True


def _is(customer: str | int):
    return PREDICTIONS.c.customer == customer_text(customer)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name == "sqlite" and parsed.database not in (None, "", ":memory:"):
            # Connections are not kept, for the file may be replaced.
            options = {"connect_args": {"timeout": 30}, "poolclass": NullPool}
        elif name == "postgresql":
            options = {
                "connect_args": {"connect_timeout": 5},
                "pool_pre_ping": True,
                "paramstyle": "format",
            }
        else:
            raise ValueError
        engine = create_engine(
            parsed,
            hide_parameters=True,  # they are about people, and errors go to log files
            json_deserializer=from_json,
            **options,
        )
    except (SQLAlchemyError, ImportError, ValueError):
        expected = "expected sqlite:///path or postgresql+psycopg://user:password@host/database"
        # Not "from error": its message may hold the password.
        raise ChurnError("The prediction log needs the URL of a database:", [expected]) from None
    if name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA secure_delete = ON")  # who is deleted is not left in free pages
