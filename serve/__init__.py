"""serve: a run's model over HTTP, for programs and for people."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

# churn is not imported at the top: numpy and OpenMP read their settings at their first import, and
# `python -m serve` sets them after the import of this package.


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the app.

    Parameters
    ----------
    config : dict, optional
        Settings that override those of the environment: the attributes of
        `serve.settings.Settings` in capitals; SERVED, a `churn.scoring.deployment.Deployment` that
        is loaded already, in place of RUN; and Flask's own.

        Under `python -m serve` a second process follows the run (`serve.server.keeper`); elsewhere
        it is read once.

    Raises
    ------
    ChurnError
        Naming every setting that cannot be used.
    """
    from serve import (
        api,
        api_keys,
        metrics,
        prediction_log,
        problem_details,
        response_headers,
        settings,
        trusted_hosts,
    )
    from serve.desk import routes as desk
    from serve.pages import routes as pages
    from serve.served_model import ServedModel

    app = Flask(__name__)
    provider = app.json
    if isinstance(provider, DefaultJSONProvider):
        provider.sort_keys = False
    settings.init_app(app, config)
    ServedModel().init_app(app)
    prediction_log.init_app(app)
    metrics.init_app(app)
    response_headers.init_app(app)
    problem_details.init_app(app)
    trusted_hosts.init_app(app)
    api_keys.init_app(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(desk.blueprint)
    return app
