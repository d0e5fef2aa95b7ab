"""serve: a run's model over HTTP, for programs and for people."""

from flask import Flask

# Nothing of churn is imported up here: numpy and OpenMP read their settings when they are first
# imported, and `python -m serve` makes the settings after this package is.

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(config: dict | None = None) -> Flask:
    """Make the app.

    Parameters
    ----------
    config : dict, optional
        Settings that go before those of the environment:

        RUN (CHURN_RUN)
            The run to serve, `ChurnFlow/<id>`. Without one the app starts and says what to do.
        MAX_BATCH (CHURN_MAX_BATCH)
            The most customers in one request.
        MAX_CONTENT_LENGTH (CHURN_MAX_CONTENT_LENGTH)
            The most bytes in one request.
        SERVED
            A `churn.deployment.Deployment` that is loaded already, in place of RUN.

    Raises
    ------
    ChurnError
        Naming every setting that cannot be used.
    """
    from serve import api, errors, page, settings
    from serve.served import Served

    app = Flask(__name__)
    app.json.sort_keys = False
    settings.init_app(app, config)
    Served().init_app(app)
    errors.init_app(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(page.blueprint)
    app.after_request(_secure)
    return app


def _secure(response):
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
