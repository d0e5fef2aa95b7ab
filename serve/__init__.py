"""serve: a run's model over HTTP, for programs and for people."""

from flask import Flask

# Nothing of churn is imported up here: numpy and OpenMP read their settings when they are first
# imported, and `python -m serve` makes the settings after this package is.


def create_app(config: dict | None = None) -> Flask:
    """Make the app.

    Parameters
    ----------
    config : dict, optional
        Settings that go before those of the environment:

        RUN (CHURN_RUN)
            The run to serve, `ChurnFlow/<id>`, or `champion`. Without one the app starts and says
            what to do. Under `python -m serve` a second process follows it (`serve.server.keeper`);
            elsewhere it is read once.
        LOG (CHURN_LOG)
            The database of the prediction log, or `off`; a SQLite file in STATE unless given.
        STATE (CHURN_STATE)
            The folder of that file, and of predictions that are not in the database yet; `.churn`.
        KEYS, KEYS_FILE (CHURN_KEYS, CHURN_KEYS_FILE)
            API keys, with commas between them, and a file of them, one on each line. Where there
            is any, every POST and whatever tells of customers needs one, as `X-API-Key`.
        MAX_BATCH (CHURN_MAX_BATCH)
            The most customers in one request.
        MAX_CONTENT_LENGTH (CHURN_MAX_CONTENT_LENGTH)
            The most bytes in one request.
        SERVED
            A `churn.scoring.deployment.Deployment` that is loaded already, in place of RUN.

    Raises
    ------
    ChurnError
        Naming every setting that cannot be used.
    """
    from serve import (
        api,
        api_keys,
        fast_path,
        prediction_log,
        problem_details,
        settings,
    )
    from serve.pages import routes as pages
    from serve.served_model import ServedModel

    app = Flask(__name__)
    app.json.sort_keys = False
    settings.init_app(app, config)
    ServedModel().init_app(app)
    prediction_log.init_app(app)
    problem_details.init_app(app)
    api_keys.init_app(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    fast_path.init_app(app)
    return app
