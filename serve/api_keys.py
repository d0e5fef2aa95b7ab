"""API keys: who may ask about customers."""

import hmac
from hashlib import sha256

from flask import Flask, request

from churn.scoring.json_body import Problem
from serve.problem_details import Refused

HEADER = "X-API-Key"
# What tells of customers without being a POST.
PERSONAL = {"api.predictions"}


def init_app(app: Flask) -> None:
    """Guard an app that has keys."""
    # Of digests all have the same length, and comparing them says nothing about the keys.
    known = [_digest(key) for key in app.config["KEYS"]]
    app.config["KEYS"] = None  # whoever prints the settings shall not print keys
    app.extensions["churn-keys"] = bool(known)
    if not known:
        return

    @app.before_request
    def check() -> None:
        if request.method != "POST" and request.endpoint not in PERSONAL:
            return
        sent = _digest(request.headers.get(HEADER, ""))
        # All are compared, so that the time says nothing about which one it was.
        if not sum(hmac.compare_digest(sent, key) for key in known):
            wrong = Problem(
                HEADER, "an API key", "another" if HEADER in request.headers else "none"
            )
            raise Refused(401, f"This needs an API key in the header {HEADER}.", [wrong])


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
