"""API keys: requests about customers require one, if the settings have any."""

import hmac
from hashlib import sha256

from flask import Flask, request

from churn.scoring.json_body import Problem
from serve.problem_details import Refused

HEADER = "X-API-Key"
# Endpoints about customers that are not a POST.
PERSONAL = {"api.predictions"}


def init_app(app: Flask) -> None:
    """Require an API key, if the settings of an app have any."""
    # Digests have the same length, so the time of a comparison does not depend on the key.
    known = [_digest(key) for key in app.config["KEYS"]]
    app.config["KEYS"] = None  # so that printed settings show no key
    app.extensions["churn-keys"] = bool(known)
    if not known:
        return

    @app.before_request
    def check() -> None:
        if request.method != "POST" and request.endpoint not in PERSONAL:
            return
        sent = _digest(request.headers.get(HEADER, ""))
        # All keys are compared, so that the time does not depend on which one matches.
        if not sum(hmac.compare_digest(sent, key) for key in known):
            wrong = Problem(
                HEADER, "an API key", "another" if HEADER in request.headers else "none"
            )
            raise Refused(401, f"This request needs an API key in the header {HEADER}.", [wrong])


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
