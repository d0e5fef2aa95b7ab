"""The fast path: an ordinary request to `/predict` is answered without Flask.

Flask's overhead for an ordinary request is longer than the time to score it. The server tries this
module first; any unusual request, or an error, is left to Flask, which answers as if this module
did not exist.
"""

from time import perf_counter
from wsgiref.types import WSGIEnvironment

from flask import Flask

from serve.metrics import observe
from serve.response_headers import NO_STORE_HEADERS
from serve.responses import JSON
from serve.service import predict_one

PATH = "/predict"
HEADERS = [("Content-Type", JSON), *NO_STORE_HEADERS]


class FastPath:
    """Answers ordinary requests to `/predict` of one app."""

    def __init__(self, app: Flask):
        self._served = app.extensions["churn"]
        self._log = app.extensions["churn-log"]
        self._guarded = app.extensions["churn-keys"]
        self._trusts = app.extensions["churn-hosts"]

    def respond(self, environ: WSGIEnvironment, body: bytes, begin: float) -> bytes | None:
        """The response to a POST to `/predict` without a query, or None if Flask must answer.

        Parameters
        ----------
        environ : dict
            The WSGI environment of the request (PEP 3333).
        body : bytes
            The whole body.
        begin : float
            When the request arrived, by `perf_counter`.
        """
        model = self._served.model
        if (
            model is None
            or self._guarded
            or environ.get("CONTENT_TYPE") != JSON
            or "HTTP_CONTENT_ENCODING" in environ
            or not self._trusts(environ.get("HTTP_HOST"))
        ):
            return None
        try:
            response = predict_one(model, self._log, body)
        except Exception:  # Flask handles the same request, and reports the error
            return None
        observe(PATH, "200", perf_counter() - begin)
        return response
