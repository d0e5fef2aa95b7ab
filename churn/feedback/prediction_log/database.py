"""A table in SQLite or PostgreSQL: connections, creation of the table, and queries."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from pydantic_core import from_json
from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    NullPool,
    Row,
    Select,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from churn.errors import ChurnError

FETCHED = 1_000
PATIENCE = 30.0
INSERTS: dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
# The first statement of a transaction that excludes others of this kind.
ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('churn.{table}'))",
}


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC; as text in SQLite, which has no type for it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        own = DateTime(timezone=True)
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else own)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | datetime:
        time: datetime = value.astimezone(UTC)
        # All of the same length, so that they sort by time.
        return time.isoformat(" ", "microseconds") if dialect.name == "sqlite" else time

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime:
        time = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return time if dialect.name == "sqlite" else time.astimezone(UTC)


class Database:
    """A table, and those beside it, in the database of the log; made where they are missing.

    Threads may share one. As a context manager it closes its connections at the end. Every method
    raises a ChurnError, which does not show the password, if the database cannot be used.

    Parameters
    ----------
    url : str
        `sqlite:///path` or `postgresql+psycopg://user:password@host:port/database`.
    table : Table
        With the others of its `MetaData`.
    named : str
        Its name in error messages.
    patience : float
        How many seconds to wait for a lock of another process, or for a connection.

    Attributes
    ----------
    where : str
        The URL without user, password and options.
    dialect : Dialect

    Raises
    ------
    ChurnError
        If it is no such URL.
    """

    def __init__(self, url: str, table: Table, named: str, patience: float = PATIENCE):
        self._engine = _engine(url, patience)
        self._patience = patience
        self._table = table
        self._named = named
        self._made = False
        self.dialect, at = self._engine.dialect, self._engine.url
        self.where = str(
            URL.create(at.drivername, host=at.host, port=at.port, database=at.database)
        )
        self._alone = ALONE[self.dialect.name].format(table=table.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def insert(self) -> postgresql.Insert | sqlite.Insert:
        """An INSERT with an ON CONFLICT clause, in the database's dialect."""
        return INSERTS[self.dialect.name](self._table)

    @contextmanager
    def connected(self, *, alone: bool = False) -> Iterator[Connection]:
        """A transaction: it is committed as a whole, or rolled back.

        Parameters
        ----------
        alone : bool
            Wait until no other such transaction on this table is open, and exclude others.
        """
        try:
            if not self._made:
                self._make()
            with self._transaction() as connection:
                if alone:
                    connection.exec_driver_sql(self._alone)
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            self._made = False  # after a reconnection it may be another database
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise ChurnError(f"Cannot use {self._named} {self.where}:", [reason]) from error

    def read(self, query: Select[*tuple[Any, ...]]) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows of a query, a chunk at a time."""
        with self.connected() as connection:
            yield from connection.execution_options(yield_per=FETCHED).execute(query)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if self.dialect.name == "postgresql":  # SQLite's wait is the connection's
                wait = round(self._patience * 1000)
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait}")
            yield connection

    def _make(self) -> None:
        if self._engine.name == "sqlite":
            _make_file(Path(str(self._engine.url.database)))
        with self._transaction() as connection:
            connection.exec_driver_sql(self._alone)  # else two processes may create it at once
            self._table.metadata.create_all(connection)
        self._made = True


def _engine(url: str, patience: float) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name == "sqlite" and parsed.database not in (None, "", ":memory:"):
            # Connections are not pooled, since the file may be replaced.
            options: dict[str, Any] = {"connect_args": {"timeout": patience}, "poolclass": NullPool}
        elif name == "postgresql":
            options = {
                # Of a database without an encoding (SQL_ASCII) texts would be bytes otherwise.
                "connect_args": {"connect_timeout": 5, "client_encoding": "utf8"},
                "pool_pre_ping": True,
                "paramstyle": "format",
            }
        else:
            raise ValueError
        engine = create_engine(
            parsed,
            hide_parameters=True,  # they are personal data, and errors go to log files
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


def _make_file(path: Path) -> None:
    """Make an SQLite file that only its owner can read and that readers do not lock (WAL).

    It appears whole, since SQLite does not wait for locks while it switches a file to WAL: of
    several connections at that moment some would fail.
    """
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    if path.exists():
        return
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        fresh = Path(folder, path.name)
        fresh.touch(0o600)
        with closing(sqlite3.connect(fresh)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with suppress(FileExistsError):  # another process was faster
            path.hardlink_to(fresh)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # deleted rows do not stay in free pages
