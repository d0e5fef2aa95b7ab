"""The headers of every response: a browser's permissions, and no caching."""

from flask import Flask, Response, request

SECURITY_HEADERS = [
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
NO_STORE_HEADERS = [*SECURITY_HEADERS, ("Cache-Control", "no-store")]


def init_app(app: Flask) -> None:
    """Add the headers to the responses of an app."""

    @app.after_request
    def add(response: Response) -> Response:
        static = request.endpoint == "static"
        for name, value in SECURITY_HEADERS if static else NO_STORE_HEADERS:
            response.headers[name] = value
        return response
