"""API keys: requests about customers require one, if the settings have any."""

from flask import Flask, request

from churn.scoring.json_body import Problem
from serve import people
from serve.problem_details import Refused

HEADER = "X-API-Key"
# Endpoints about customers that are not a POST.
PERSONAL = {"api.predictions"}
# The pages of the desk have the person of the session, see `serve.desk.access`.
DESK = "desk"


def init_app(app: Flask) -> None:
    """Require an API key, or a session that began with one, if the settings of an app have any."""
    people.init_app(app)
    known = app.extensions["churn-people"]
    app.extensions["churn-keys"] = bool(known)
    if not known:
        return

    @app.before_request
    def check() -> None:
        personal = request.method == "POST" or request.endpoint in PERSONAL
        if not personal or request.blueprint == DESK:
            return
        if HEADER not in request.headers and people.from_this_site() and known.of_session():
            return
        if not known.of_key(request.headers.get(HEADER, "")):
            wrong = Problem(
                HEADER, "an API key", "another" if HEADER in request.headers else "none"
            )
            raise Refused(401, f"This request needs an API key in the header {HEADER}.", [wrong])
