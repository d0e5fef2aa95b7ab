"""The settings of the app and its server: from the caller, the environment, or defaults."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from flask import Flask
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from churn.campaign.campaign_reading import read_campaign_file
from churn.errors import ChurnError
from churn.home import home
from serve.logs import read_setting
from serve.people import split_key

ANY_HOST = "*"
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "::1"]
MIN_KEY_LENGTH = 16
EXPECTED_KEYS = f"keys of at least {MIN_KEY_LENGTH} printable ASCII characters"


def _split(value: Any) -> Any:
    """A text split at commas."""
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _check_keys(keys: list[str]) -> list[str]:
    for key in keys:
        secret, _ = split_key(key)
        if len(secret) < MIN_KEY_LENGTH or not (secret.isascii() and secret.isprintable()):
            raise ValueError(EXPECTED_KEYS)
    return keys


def _read_keys(path: Any) -> list[str]:
    if not path:
        return []
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"a file of API keys, but it cannot be read: {error}") from error
    keys = [line.strip() for line in lines if line.strip()]
    if not keys:
        raise ValueError("a file of API keys, but there is no key in it")
    return _check_keys(keys)


def _check_logging(text: str) -> str:
    read_setting(text)
    return text


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value).strip())]
Keys = Annotated[list[str], NoDecode, BeforeValidator(_split), AfterValidator(_check_keys)]
KeysFile = Annotated[list[str], NoDecode, BeforeValidator(_read_keys)]
Logging = Annotated[str, AfterValidator(_check_logging)]
Hosts = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The settings, each of which the environment may set.

    Attributes
    ----------
    run : str (CHURN_RUN)
        The run to serve, `ChurnFlow/<id>`, or `champion`; empty for none.
    log : str (CHURN_LOG)
        The URL of the database of the prediction log, or `off`; empty for a SQLite file in `state`.
    state : Path (CHURN_STATE)
        The folder of that file, of predictions that are not in the database yet, and of models;
        `.churn` at home, see `churn.home`.
    keys, keys_file : list of str (CHURN_KEYS, CHURN_KEYS_FILE)
        API keys: separated by commas, and those of a file with one key per line; each may say whose
        it is, see `serve.people`.
    trusted_hosts : list of str (CHURN_TRUSTED_HOSTS)
        The names of this server that are allowed in a request's Host, separated by commas; `*` for
        any. By default, the names of the loopback interface if `host` is on it, else any.
    max_batch : int (CHURN_MAX_BATCH)
        The most customers, or outcomes, in one request.
    max_content_length : int (CHURN_MAX_CONTENT_LENGTH)
        The most bytes in the body of a request.
    body_seconds : float (CHURN_BODY_SECONDS)
        How long a client may take to send the body of a request.
    file_hours : float (CHURN_FILE_HOURS)
        After so many hours a file that was scored on the page is deleted, with its results.
    campaign_file : str (CHURN_CAMPAIGN_FILE)
        The campaign's file, whose offers and costs the desk shows; see
        `churn.campaign.campaign_file`.
    host : str (HOST)
    port : int (PORT)
    workers : int or None (CHURN_WORKERS)
        The number of worker processes; None for one per core, see `serve.server.cpus`.
    logging : str (CHURN_LOGGING)
        The least level and the format of what the processes log, see `serve.logs`.
    instance : str (CHURN_INSTANCE)
        The folder that the processes of one server share; `python -m serve` sets it.
    """

    model_config = SettingsConfigDict(
        env_prefix="CHURN_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    run: Text = ""
    log: Text = ""
    state: Path = Field(default_factory=lambda: home() / ".churn")
    keys: Keys = []
    keys_file: KeysFile = []
    trusted_hosts: Hosts = []
    max_batch: int = Field(10_000, ge=1)
    max_content_length: int = Field(16 * 2**20, ge=1)
    body_seconds: float = Field(30.0, ge=0.1, le=3600)
    file_hours: float = Field(24.0, gt=0, le=8760)
    campaign_file: Text = ""
    host: Text = Field("127.0.0.1", validation_alias="HOST")
    port: int = Field(8000, ge=1, le=65535, validation_alias="PORT")
    workers: int | None = Field(None, ge=1, le=1024)
    logging: Logging = "info,text"
    instance: Text = ""

    @classmethod
    def read(cls, given: Mapping[str, Any] | None = None) -> "Settings":
        """The settings.

        Parameters
        ----------
        given : dict, optional
            Settings that override those of the environment, by their names in any case.

        Raises
        ------
        ChurnError
            Naming every setting that cannot be used.
        """
        own = {name.lower(): value for name, value in (given or {}).items()}
        own = {name: value for name, value in own.items() if name in cls.model_fields}
        try:
            return cls(**own)
        except ValidationError as error:
            problems = [_problem(cls, detail) for detail in error.errors()]
            raise ChurnError("The settings cannot be used:", problems) from None

    @property
    def accepted_hosts(self) -> list[str] | None:
        """The names that are allowed in a request's Host; None for any."""
        if ANY_HOST in self.trusted_hosts:
            return None
        if self.trusted_hosts:
            return self.trusted_hosts
        return LOOPBACK_HOSTS if _is_loopback(self.host) else None


def init_app(app: Flask, given: Mapping[str, Any] | None) -> None:
    """Set the configuration of an app; see `serve.create_app`."""
    settings = Settings.read(given)
    app.config.update({"SERVED": None, **(given or {})})
    app.config.update({name.upper(): value for name, value in settings})
    app.config["CAMPAIGN"] = read_campaign_file(settings.campaign_file)
    app.config["STATE"] = str(settings.state)
    app.config["KEYS"] = [*settings.keys, *settings.keys_file]
    app.config["KEYS_FILE"] = None
    app.config["TRUSTED_HOSTS"] = None  # Flask's has no IPv6; see `serve.trusted_hosts`
    app.config["ACCEPTED_HOSTS"] = settings.accepted_hosts
    app.config["LOOPBACK"] = _is_loopback(settings.host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _problem(settings: type[Settings], detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    field = settings.model_fields.get(name)
    if field is None:  # by its alias
        variable = name
        name = name.lower()
        field = settings.model_fields[name]
    else:
        variable = str(field.validation_alias or f"CHURN_{name.upper()}")
    expected = detail["msg"].removeprefix("Value error, ")
    if name in ("keys", "keys_file"):  # a key is not shown
        return f"{variable} must be {expected}"
    if name == "logging":
        return f"{variable} must be {expected}, not {detail['input']!r}"
    return f"{variable} must be {_expected(field)}, not {detail['input']!r}"


def _expected(field: FieldInfo) -> str:
    whole = "a whole number" if field.annotation in (int, int | None) else "a number"
    low = next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)
    high = next((rule.le for rule in field.metadata if hasattr(rule, "le")), None)
    return f"{whole} of at least {low}" if high is None else f"{whole} from {low} to {high}"
