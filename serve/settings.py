"""Settings: defaults, then CHURN_* of the environment, then what the caller says."""

from pathlib import Path

from flask import Config, Flask

from churn.errors import ChurnError

DEFAULTS = {
    "RUN": None,
    "SERVED": None,
    "INSTANCE": None,
    "STATE": ".churn",
    "LOG": None,
    "KEYS": None,
    "KEYS_FILE": None,
    "MAX_BATCH": 10_000,
    "MAX_CONTENT_LENGTH": 16 * 2**20,
}
WHOLE = ("MAX_BATCH", "MAX_CONTENT_LENGTH")
# The environment's reader takes what looks like a number for one.
TEXTS = ("RUN", "INSTANCE", "STATE", "LOG", "KEYS", "KEYS_FILE")
SHORTEST_KEY = 16
OFF = "off"


def init_app(app: Flask, config: dict | None) -> None:
    """Settle the settings of an app; see `serve.create_app`."""
    app.config.update(read(config))


def read(given: dict | None = None) -> Config:
    """All settings.

    Raises
    ------
    ChurnError
        Naming every one that cannot be used.
    """
    config = Config(".", DEFAULTS)
    config.from_prefixed_env("CHURN")
    config.from_mapping(given or {})
    problems = [
        f"CHURN_{name}: a whole number of at least 1, not {config[name]!r}"
        for name in WHOLE
        if type(config[name]) is not int or config[name] < 1
    ]
    for name in TEXTS:
        config[name] = "" if config[name] is None else str(config[name]).strip()
    config["KEYS"] = _keys(config, problems)
    if problems:
        raise ChurnError("The settings cannot be used:", problems)
    return config


def _keys(config, problems: list[str]) -> list[str]:
    """The API keys, of which nobody is ever told."""
    keys = config["KEYS"].split(",") if config["KEYS"] else []
    if config["KEYS_FILE"]:
        try:
            keys += Path(config["KEYS_FILE"]).read_text("utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            problems.append(f"CHURN_KEYS_FILE: {error}")
        else:
            keys = [key for key in keys if key.strip()]
            if not keys:
                problems.append("CHURN_KEYS_FILE: there is no key in it")
    keys = [key.strip() for key in keys]
    if any(len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() for key in keys):
        problems.append(f"API keys: each of at least {SHORTEST_KEY} printable ASCII characters")
    return keys
