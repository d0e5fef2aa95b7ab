"""Who may see the pages of the desk: sign-in, roles, and forms that no other site can send."""

import hmac
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from serve.people import LONGEST_NAME, Person, form_token, from_this_site, people, sign_in
from serve.problem_details import Refused
from serve.request_checks import check_query

blueprint = Blueprint("desk", __name__)

PUBLIC = {"desk.sign_in_form", "desk.sign_in_with", "desk.sign_out"}
TOKEN, TOKEN_HEADER = "token", "X-Form-Token"
Answer = (
    str
    | Response
    | Redirect
    | tuple[str, int]
    | tuple[Mapping[str, object], int, Mapping[str, str]]
)

View = Callable[..., Answer]
Register = Callable[[View], View]


def page(
    path: str, *, query: tuple[str, ...] = (), role: str = "agent", **options: Any
) -> Register:
    """Register a view of the desk.

    Parameters
    ----------
    path : str
    query : tuple of str
        The parameters that the query may have.
    role : str
        Who may see or do it, see `serve.people.ROLES`.
    options
        Of `Blueprint.route`.
    """

    def register(view: View) -> View:
        @wraps(view)
        def checked(**values: Any) -> Answer:
            check_query(query)
            if not person().may(role):
                raise Refused(403, f"This is for a {role}; you are signed in as {person().role}.")
            return view(**values)

        blueprint.add_url_rule(path, view_func=checked, **options)
        return checked

    return register


def person() -> Person:
    """Who makes the current request."""
    found: Person = g.person
    return found


@blueprint.before_request
def _require_person() -> Response | Redirect | None:
    if request.method == "POST":
        _check_form()
    if not people() and not current_app.config["LOOPBACK"]:
        detail = "The desk shows customers, so on this address it needs keys: CHURN_KEYS."
        raise Refused(403, detail)
    found = people().of_session()
    if found is not None:
        g.person = found
        return None
    if request.endpoint in PUBLIC:
        return None
    if request.method == "POST":
        raise Refused(401, "You are signed out. Sign in, and do it again.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link on another site, as in a mail, comes without the cookie: asked again, it is there.
        return Response(render_template("again.html"), mimetype="text/html")
    return redirect(url_for("desk.sign_in_form", next=request.full_path.rstrip("?")))


def _check_form() -> None:
    sent = request.headers.get(TOKEN_HEADER) or request.form.get(TOKEN, "")
    if not from_this_site() or not hmac.compare_digest(sent.encode(), form_token().encode()):
        raise Refused(403, "This form is not of this session. Reload the page, and do it again.")


@blueprint.app_context_processor
def _for_every_page() -> dict[str, Any]:
    found = people().of_session() if request.blueprint in ("desk", "page") else None
    return {"person": found, "open": not people(), "form_token": form_token}


@blueprint.get("/sign-in")
def sign_in_form() -> str:
    """A form for a key, or for a name where no key is needed."""
    check_query({"next"})
    return render_template("sign_in.html", next=_inside(request.args.get("next", "")), wrong="")


@blueprint.post("/sign-in")
def sign_in_with() -> Answer:
    """Begin a session."""
    target = _inside(request.form.get("next", ""))
    if not people():
        sign_in(name=" ".join(request.form.get("name", "").split())[:LONGEST_NAME])
        return redirect(target)
    found = people().of_key(request.form.get("key", ""))
    if found is None:
        wrong = "This key is not accepted."
        return render_template("sign_in.html", next=target, wrong=wrong), 401
    sign_in(key=found[1])
    return redirect(target)


@blueprint.post("/sign-out")
def sign_out() -> Redirect:
    """End the session."""
    sign_in()
    return redirect(url_for("desk.sign_in_form"))


def _inside(target: str) -> str:
    """A path of this site, not another one's address."""
    start = url_for("desk.calls")
    return target if target.startswith("/") and target[1:2] not in ("/", "\\", "") else start
