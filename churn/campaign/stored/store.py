"""Call lists in a database: written by ScoreFlow, read and worked on in the app."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from churn.campaign.stored.entries import (
    LATER,
    STATES,
    Assignment,
    CallEvent,
    ListedCustomer,
    StoredList,
)
from churn.campaign.stored.query import Changed, NotListed, Page, Query
from churn.campaign.stored.tables import EVENTS, LISTED, LISTS
from churn.data.ids import id_text
from churn.errors import ChurnError
from churn.feedback.prediction_log import new_id
from churn.feedback.prediction_log.database import INSERTS, PATIENCE, Database

CHUNK = 2_000
# A listed customer without the text that is searched.
_COLUMNS = [LISTED.c[name] for name in ListedCustomer._fields]
# What a list of the same day replaces in a row that was worked on.
_WORK = {"list_id", "customer", "agent", "state", "due", "version", "changed_by", "changed_at"}
_ORDER: dict[str, tuple[ColumnElement[object], ...]] = {
    "rank": (LISTED.c.rank,),
    "risk": (LISTED.c.probability.desc(),),
    "customer": (LISTED.c.customer,),
    "changed": (LISTED.c.changed_at.desc().nulls_last(),),
}


class CallListStore(Database):
    """The call lists in a database; see `Database` for its use and its errors.

    Parameters
    ----------
    url : str
        That of the prediction log, see `PredictionLog`.
    patience : float
        See `Database`.
    """

    def __init__(self, url: str, patience: float = PATIENCE):
        super().__init__(url, LISTS, "the call lists in", patience)
        self._insert_for = INSERTS[self.dialect.name]

    def add(self, found: StoredList, customers: Iterable[ListedCustomer]) -> None:
        """Add a day's list, all or nothing.

        A list of the same id is replaced, but for the customers that were worked on: they keep
        their state, agent and history, and stay even if the new list does not have them.
        """
        upsert_list = self._insert_for(LISTS).values(found._asdict())
        upsert_list = upsert_list.on_conflict_do_update(
            index_elements=[LISTS.c.list_id],
            set_={name: value for name, value in found._asdict().items() if name != "list_id"},
        )
        insert = self._insert_for(LISTED)
        fresh = {c.name: insert.excluded[c.name] for c in LISTED.c if c.name not in _WORK}
        upsert = insert.on_conflict_do_update(
            index_elements=[LISTED.c.list_id, LISTED.c.customer], set_=fresh
        )
        untouched = delete(LISTED).where(LISTED.c.list_id == found.list_id, LISTED.c.version == 0)
        rest = iter(customers)
        with self.connected(alone=True) as connection:
            connection.execute(upsert_list)
            connection.execute(untouched)
            while some := list(islice(rest, CHUNK)):
                rows = [row._asdict() | {"searched": row.searched} for row in some]
                connection.execute(upsert, rows)

    def lists(self, limit: int = 60) -> list[StoredList]:
        """The lists, the latest day first."""
        query = select(LISTS).order_by(LISTS.c.as_of.desc(), LISTS.c.created_at.desc()).limit(limit)
        return [StoredList._make(row) for row in self.read(query)]

    def find_list(self, name: str) -> StoredList | None:
        """A list by its id."""
        rows = list(self.read(select(LISTS).where(LISTS.c.list_id == name)))
        return StoredList._make(rows[0]) if rows else None

    def page(self, name: str, asked: Query, limit: int, offset: int = 0) -> Page:
        """Some of the customers to be called, and how many there are in all."""
        where, order = self._where(name, asked), (*_ORDER[asked.sort], LISTED.c.rank)
        rows = select(*_COLUMNS).where(*where).order_by(*order)
        with self.connected() as connection:
            if asked.text:
                # A search looks at each row of the list, so it is made once.
                keys = connection.scalars(
                    select(LISTED.c.customer).where(*where).order_by(*order)
                ).all()
                total, some = len(keys), keys[offset : offset + limit]
                rows = select(*_COLUMNS).where(LISTED.c.list_id == name)
                rows = rows.where(LISTED.c.customer.in_(some)).order_by(*order)
            else:
                count = select(func.count()).select_from(LISTED).where(*where)
                total, rows = connection.scalar(count) or 0, rows.limit(limit).offset(offset)
            return Page([ListedCustomer._make(row) for row in connection.execute(rows)], total)

    def every(self, name: str, asked: Query) -> Iterator[ListedCustomer]:
        """All customers to be called that a query finds, a chunk at a time."""
        query = select(*_COLUMNS).where(*self._where(name, asked))
        rows = self.read(query.order_by(*_ORDER[asked.sort], LISTED.c.rank))
        return map(ListedCustomer._make, rows)

    def counts(self, name: str) -> tuple[dict[str, int], list[str], list[str]]:
        """The customers to be called by state, and the names of their agents and segments."""
        groups = (LISTED.c.state, LISTED.c.agent, LISTED.c.segment)
        query = select(*groups, func.count()).group_by(*groups)
        by_state, agents, segments = dict.fromkeys(STATES, 0), set(), set()
        for state, agent, segment, many in self.read(query.where(*self._where(name, Query()))):
            by_state[state] += many
            agents.add(agent)
            segments.add(segment)
        return by_state, sorted(filter(None, agents)), sorted(filter(None, segments))

    def find(self, name: str, customer: str) -> ListedCustomer | None:
        """A customer on a list, the control group included."""
        query = select(*_COLUMNS).where(LISTED.c.list_id == name, LISTED.c.customer == customer)
        rows = list(self.read(query))
        return ListedCustomer._make(rows[0]) if rows else None

    def of_customer(self, customer: str | int) -> list[tuple[StoredList, ListedCustomer]]:
        """The lists that a customer is on, the latest first, the control group included."""
        query = select(*_COLUMNS).where(LISTED.c.customer == id_text(customer))
        rows = {row.list_id: ListedCustomer._make(row) for row in self.read(query)}
        wanted = select(LISTS).where(LISTS.c.list_id.in_(sorted(rows)))
        lists = map(StoredList._make, self.read(wanted.order_by(LISTS.c.as_of.desc())))
        return [(found, rows[found.list_id]) for found in lists]

    def record(
        self, name: str, customer: str, version: int, state: str, by: str,
        due: date | None = None, note: str = "", at: datetime | None = None,
        cost: float | None = None,
    ) -> ListedCustomer:  # fmt: skip
        """Record what was done about a customer; the row and its history change together.

        Parameters
        ----------
        version : int
            That of the row which the person saw.
        state : str
            One of `STATES`.
        by : str
            The person, whose customer it is from now on if it was nobody's.
        due : date, optional
            Of a later call.
        at : datetime, optional
            When; now, in UTC.
        cost : float, optional
            Money that was spent.

        Returns
        -------
        ListedCustomer
            The row as it is now.

        Raises
        ------
        Changed
            If the row has another version by now; nothing is recorded then.
        NotListed
            If the customer is not to be called on this list.
        """
        if state not in STATES:
            raise ChurnError("Nothing is recorded:", [f"{state!r} is no state of a call"])
        at, due = at or datetime.now(UTC), due if state == LATER else None
        row = (LISTED.c.list_id == name, LISTED.c.customer == customer, LISTED.c.control.is_(False))
        change = update(LISTED).where(*row, LISTED.c.version == version)
        change = change.values(
            state=state, due=due, version=version + 1, changed_by=by, changed_at=at,
            agent=func.coalesce(LISTED.c.agent, by),
        )  # fmt: skip
        with self.connected(alone=True) as connection:
            now = connection.execute(select(*_COLUMNS).where(*row)).first()
            if now is None:
                raise NotListed(f"{customer} is not to be called on the list {name}.")
            before = ListedCustomer._make(now)
            if before.version != version:
                raise Changed(before)
            connection.execute(change)
            event = CallEvent(
                new_id(), name, customer, at, by, before.state, state, due, note, cost
            )
            connection.execute(EVENTS.insert().values(event._asdict()))
        return before._replace(
            state=state, due=due, version=version + 1, changed_by=by, changed_at=at,
            agent=before.agent or by,
        )  # fmt: skip

    def events(self, customer: str | int, limit: int = 100) -> list[CallEvent]:
        """What was done about a customer, the newest first."""
        query = select(EVENTS).where(EVENTS.c.customer == id_text(customer))
        query = query.order_by(EVENTS.c.at.desc(), EVENTS.c.event.desc()).limit(limit)
        return [CallEvent._make(row) for row in self.read(query)]

    def between(self, start: date, end: date) -> Iterator[tuple[StoredList, ListedCustomer]]:
        """The customers on the lists of the days from `start` to before `end`, control included."""
        days = select(LISTS).where(LISTS.c.as_of >= start, LISTS.c.as_of < end)
        lists = [StoredList._make(row) for row in self.read(days.order_by(LISTS.c.as_of))]
        for found in lists:
            query = (
                select(*_COLUMNS).where(LISTED.c.list_id == found.list_id).order_by(LISTED.c.rank)
            )
            for row in self.read(query):
                yield found, ListedCustomer._make(row)

    def assignments(self) -> Iterator[Assignment]:
        """Who was assigned to which group, on all lists, by day; without all else of a row."""
        columns = {column.name: column for column in (*LISTS.c, *LISTED.c)}
        query = select(*(columns[name] for name in Assignment._fields))
        query = query.join_from(LISTED, LISTS, LISTED.c.list_id == LISTS.c.list_id)
        return map(Assignment._make, self.read(query.order_by(LISTS.c.as_of, LISTED.c.rank)))

    def listed_between(self, start: date, end: date, stratum: str = "") -> list[str]:
        """The customers on the lists of the days from `start` to before `end`, sorted.

        Parameters
        ----------
        stratum : str
            Only those of it; of all where it is empty.
        """
        days = select(LISTS.c.list_id).where(LISTS.c.as_of >= start, LISTS.c.as_of < end)
        query = select(LISTED.c.customer).where(LISTED.c.list_id.in_(days)).distinct()
        if stratum:
            query = query.where(LISTED.c.stratum == stratum)
        with self.connected() as connection:
            return sorted(connection.scalars(query))

    def delete_customer(self, customer: str | int) -> int:
        """Delete a customer from all lists and histories, and return the number of list rows."""
        key = id_text(customer)
        with self.connected() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.customer == key))
            return connection.execute(delete(LISTED).where(LISTED.c.customer == key)).rowcount

    def prune(self, days: float) -> int:
        """Delete the lists that are older than so many days, and return their customers' number."""
        before = (datetime.now(UTC) - timedelta(days=days)).date()
        old = select(LISTS.c.list_id).where(LISTS.c.as_of < before).scalar_subquery()
        with self.connected() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.list_id.in_(old)))
            gone = connection.execute(delete(LISTED).where(LISTED.c.list_id.in_(old))).rowcount
            connection.execute(delete(LISTS).where(LISTS.c.as_of < before))
        return gone

    def _where(self, name: str, asked: Query) -> Sequence[ColumnElement[bool]]:
        where: list[ColumnElement[bool]] = [LISTED.c.list_id == name, LISTED.c.control.is_(False)]
        if asked.states:
            where.append(LISTED.c.state.in_(asked.states))
        if asked.due_by is not None:
            due = or_(LISTED.c.due.is_(None), LISTED.c.due <= asked.due_by)
            where.append(or_(LISTED.c.state != LATER, due))
        if asked.agent is not None:
            mine = LISTED.c.agent == asked.agent
            where.append(or_(mine, LISTED.c.agent.is_(None)) if asked.unassigned else mine)
        if asked.segment is not None:
            where.append(LISTED.c.segment == asked.segment)
        if asked.text:
            # Faster than LIKE, and each character stands for itself.
            find = func.instr if self.dialect.name == "sqlite" else func.strpos
            where.append(find(LISTED.c.searched, asked.text.casefold()) > 0)
        return where
