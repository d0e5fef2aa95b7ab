"""Settings: defaults, then CHURN_* of the environment, then what the caller says."""

from flask import Flask

from churn.errors import ChurnError

DEFAULTS = {
    "RUN": None,
    "SERVED": None,
    "MAX_BATCH": 10_000,
    "MAX_CONTENT_LENGTH": 16 * 2**20,
}


def init_app(app: Flask, config: dict | None) -> None:
    """Settle the settings of an app; see `serve.create_app`."""
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env("CHURN")
    app.config.from_mapping(config or {})
    problems = [
        f"CHURN_{name}: a whole number of at least 1, not {app.config[name]!r}"
        for name in ("MAX_BATCH", "MAX_CONTENT_LENGTH")
        if type(app.config[name]) is not int or app.config[name] < 1
    ]
    if problems:
        raise ChurnError("The settings cannot be used:", problems)
    # An id alone looks like a number to the environment's reader.
    app.config["RUN"] = str(app.config["RUN"] or "").strip()
