"""Today: the list of the day, what was done about each customer, and the list as a file."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, render_template, request, url_for

from churn.campaign.stored import (
    LATER,
    NOT_REACHED,
    OPEN,
    SORTS,
    STATES,
    Changed,
    ListedCustomer,
    NotListed,
    Query,
    StoredList,
)
from churn.scoring.json_body import Problem
from serve.desk import list_file
from serve.desk.access import Answer, blueprint, page, person
from serve.desk.stores import stores
from serve.people import MANAGER
from serve.problem_details import Refused
from serve.request_checks import query_number

PAGE = 50
MOST_PAGES = 1_000_000
LONGEST_NOTE = 500
TO_DO, ALL = "to-do", "all"
MINE, EVERYBODY = "mine", "everybody"
FILTERS = ("list", "state", "agent", "segment", "q", "sort", "page")
FILES = {"csv": list_file.csv_file, "xlsx": list_file.excel_file}


@dataclass(frozen=True)
class Asked:
    """What the query of a request asks for, with its defaults filled in."""

    found: StoredList
    query: Query
    values: dict[str, str]

    def link(self, **other: Any) -> str:
        """The query of the same page with other values."""
        return "?" + urlencode({k: v for k, v in (self.values | other).items() if v != ""})


@page("/calls", query=FILTERS)
def calls() -> Answer:
    """The list of the day."""
    return _page(_read_query())


@page("/calls/<list_id>/<customer>", query=FILTERS, methods=["POST"])
def record(list_id: str, customer: str) -> Answer:
    """Record what was done about a customer; by script the answer is the customer's row alone."""
    state, due, note, version = _read_form()
    by_script = request.headers.get("X-Part") == "row"
    try:
        row = stores().calls.record(list_id, customer, version, state, person().name, due, note)
    except Changed as error:
        message = f"{error.summary} Yours was not recorded: look again."
        if by_script:
            return _row(error.now, message, wrong=True), 409
        return _page(_read_query(), message), 409
    except NotListed as error:
        raise Refused(404, error.summary) from error
    if by_script:
        return _row(row, f"Recorded: {STATES[state]}.")
    back = request.query_string.decode()
    return redirect(url_for("desk.calls") + (f"?{back}" if back else "") + f"#c-{customer}", 303)


@page("/calls/download/<ending>", query=FILTERS)
def download(ending: str) -> Answer:
    """The customers that the filters find, as a file for a spreadsheet."""
    if ending not in FILES:
        raise Refused(404, f"There is no such file; there are {', '.join(FILES)}.")
    asked = _read_query()
    rows = stores().calls.every(asked.found.list_id, asked.query)
    body, media_type = FILES[ending](asked.found, rows)
    name = f"calls-{asked.found.as_of}.{ending}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, content_type=media_type, headers=disposition)


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()


def _read_query() -> Asked:
    lists = stores().calls.lists(1)
    name = request.args.get("list", "")
    found = stores().calls.find_list(name) if name else (lists[0] if lists else None)
    if found is None:
        if name:
            raise Refused(404, "There is no such list.")
        raise NoList
    default = EVERYBODY if person().may(MANAGER) else MINE
    values = {
        "list": name, "state": request.args.get("state", TO_DO),
        "agent": request.args.get("agent", default), "segment": request.args.get("segment", ""),
        "q": request.args.get("q", "").strip()[:100], "sort": request.args.get("sort", "rank"),
    }  # fmt: skip
    state, agent, sort = values["state"], values["agent"], values["sort"]
    states: tuple[str, ...] = () if state == ALL else (state,)
    if state == TO_DO:
        states = (OPEN, NOT_REACHED, LATER)
    if sort not in SORTS or not set(states) <= set(STATES):
        wrong = Problem("the query", "an order and a state of this page", f"{sort}, {state}"[:80])
        raise Refused(422, "The query cannot be understood.", [wrong])
    query = Query(
        states=states,
        agent={MINE: person().name, EVERYBODY: None}.get(agent, agent),
        unassigned=agent == MINE,
        due_by=today() if state == TO_DO else None,
        segment=values["segment"] or None,
        text=values["q"],
        sort=sort,
    )
    return Asked(found, query, values)


class NoList(Exception):
    """No list is in the database yet."""


@blueprint.errorhandler(NoList)
def _no_list(_: NoList) -> tuple[str, int]:
    return render_template("desk/no_list.html"), 404 if request.method == "POST" else 200


def _page(asked: Asked, alert: str = "") -> str:
    number = query_number("page", 1, MOST_PAGES)
    store, found = stores().calls, asked.found
    page_of = store.page(found.list_id, asked.query, PAGE, (number - 1) * PAGE)
    by_state, agents, segments = store.counts(found.list_id)
    total = sum(by_state.values())
    return render_template(
        "desk/calls.html", asked=asked, found=found, customers=page_of.customers,
        total=page_of.total, alert=alert, by_state=by_state, states=STATES,
        agents=[name for name in agents if name != person().name], segments=segments,
        lists=store.lists(), sorts=SORTS, number=number, first=(number - 1) * PAGE + 1,
        pages=-(-page_of.total // PAGE), done=total - by_state[OPEN], everyone=total,
        tomorrow=today() + timedelta(days=1), today=today(),
    )  # fmt: skip


def _row(row: ListedCustomer, message: str, *, wrong: bool = False) -> str:
    found = stores().calls.find_list(row.list_id)
    return render_template(
        "desk/row.html", row=row, found=found, message=message, wrong=wrong, states=STATES,
        asked=None, tomorrow=today() + timedelta(days=1), today=today(),
    )  # fmt: skip


def _read_form() -> tuple[str, date | None, str, int]:
    """The state, the day of a later call, the note, and the version of the row that was seen."""
    problems = []
    state, version = request.form.get("state", ""), request.form.get("version", "")
    if state not in STATES:
        problems.append(Problem("state", f"one of: {', '.join(STATES)}", state[:80]))
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        problems.append(Problem("version", "a whole number", version[:80]))
    due = None
    text = request.form.get("due", "")
    if state == LATER:
        try:
            due = date.fromisoformat(text)
        except ValueError:
            problems.append(Problem("due", "the day to call again", text[:80] or "nothing"))
    note = " ".join(request.form.get("note", "").split())
    if len(note) > LONGEST_NOTE:
        wrong = Problem("note", f"at most {LONGEST_NOTE} characters", f"{len(note)} characters")
        problems.append(wrong)
    if problems:
        raise Refused(422, "Nothing is recorded.", problems)
    return state, due, note, int(version)
