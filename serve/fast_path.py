"""What is around the app: headers and metrics for every answer, and a short way for most of them.

Flask takes longer to find out that a request is an ordinary one than it takes to answer it. One
record to `/predict`, with nothing unusual about it, is answered here by the same function that the
route calls. Whatever is unusual, or goes wrong, is left to Flask, as if nobody had looked at it.
"""

import io
from time import perf_counter

from flask import Flask

from serve.metrics import observe
from serve.responses import JSON
from serve.service import predict_one

SHORT = "/predict"
HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        "frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
NO_STORE_HEADERS = [*HEADERS, ("Cache-Control", "no-store")]


def init_app(app: Flask) -> None:
    """Put the edge around an app."""
    inside, static = app.wsgi_app, f"{app.static_url_path}/"
    found, written = app.extensions["churn"], app.extensions["churn-log"]
    guarded, most = app.extensions["churn-keys"], app.config["MAX_CONTENT_LENGTH"]
    # Whoever asks for what is not there does not get a line of his own in the metrics.
    routes = {rule.rule: rule.rule for rule in app.url_map.iter_rules() if not rule.arguments}

    def edge(environ, start_response):
        begin = perf_counter()
        path = environ["PATH_INFO"]
        if path == SHORT and not guarded and (answer := short_way(environ)) is not None:
            observe(SHORT, "200", perf_counter() - begin)
            said = [("Content-Type", JSON), ("Content-Length", str(len(answer))), *NO_STORE_HEADERS]
            start_response("200 OK", said)
            return [answer]

        def start(status, headers, error=None):
            observe(routes.get(path, "other"), status[:3], perf_counter() - begin)
            added = HEADERS if path.startswith(static) else NO_STORE_HEADERS
            return start_response(status, headers + added, error)

        return inside(environ, start)

    def short_way(environ) -> bytes | None:
        length, model = environ.get("CONTENT_LENGTH", ""), found.model
        if (
            model is None
            or environ["REQUEST_METHOD"] != "POST"
            or environ.get("CONTENT_TYPE") != JSON
            or environ.get("QUERY_STRING")
            or not (length.isdecimal() and len(length) < 10 and int(length) <= most)
        ):
            return None
        body = environ["wsgi.input"].read(int(length))
        try:
            return predict_one(model, written, body)
        except Exception:  # Flask is asked the same, and tells and logs what is wrong with it
            environ["wsgi.input"] = io.BytesIO(body)
            return None

    app.wsgi_app = edge
