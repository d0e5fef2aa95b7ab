"""What the processes of the server write to standard error: as text, or as a JSON object a line.

One setting, CHURN_LOGGING, has both, the least level and the format: `info`, `warning,json`. With
`debug` each request is a line, too.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from churn.feedback.prediction_log.entries import new_id

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")
EXPECTED = f"one of {', '.join(LEVELS)}, and {' or '.join(FORMATS)}, separated by a comma"
# The header by which a proxy names a request; its answer has it, too.
REQUEST_ID, REQUEST_ID_KEY = "X-Request-ID", "HTTP_X_REQUEST_ID"
MAX_REQUEST_ID = 128

logger = logging.getLogger("churn.requests")
# What is known of the request that a thread answers.
_request: ContextVar[dict[str, Any] | None] = ContextVar("request", default=None)


def read_setting(text: str) -> tuple[str, str]:
    """The level and the format of a setting; what it does not name is `info` and `text`.

    Raises
    ------
    ValueError
        If a word is neither, or one of each is not enough.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    levels = [word for word in words if word in LEVELS]
    formats = [word for word in words if word in FORMATS]
    if len(levels) + len(formats) < len(words) or len(levels) > 1 or len(formats) > 1:
        raise ValueError(EXPECTED)
    return (levels or ["info"])[0], (formats or ["text"])[0]


def configure(setting: str, process: str) -> None:
    """Set how this process logs.

    Parameters
    ----------
    setting : str
        CHURN_LOGGING.
    process : str
        Its role: server, worker or keeper.
    """
    level, form = read_setting(setting)
    handler = logging.StreamHandler()
    text = logging.Formatter(f"[{process}] %(message)s")
    handler.setFormatter(JsonFormatter(process) if form == "json" else text)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What libraries debug is not of this server.
    for name in ("urllib3", "botocore", "boto3", "s3transfer", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """A record as an object of JSON, with what is known of the request.

    Parameters
    ----------
    process : str
        The role of this process.
    """

    def __init__(self, process: str = "server"):
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found |= {name: value for name, value in known().items() if value}
        found |= getattr(record, "fields", {})
        if record.exc_info:
            found["error"] = self.formatException(record.exc_info)
        return json.dumps(found, default=str)


def begin(environ: dict[str, Any]) -> str:
    """Begin to answer a request in this thread: what is logged names it, and what `note` adds.

    Parameters
    ----------
    environ : dict
        Its WSGI environment; the id that a proxy gave it is its id.

    Returns
    -------
    str
        Its id.
    """
    given: str = environ.get(REQUEST_ID_KEY, "")
    usable = len(given) <= MAX_REQUEST_ID and given.isascii() and given.isprintable()
    request = given if given and usable else new_id()
    _request.set({"request": request})
    return request


def note(**fields: Any) -> None:
    """Add what is known of the request that is being answered."""
    found = _request.get()
    if found is not None:
        found.update(fields)


def known() -> dict[str, Any]:
    """What is known of the request that this thread answers."""
    return _request.get() or {}


def answered(environ: dict[str, Any], status: str, seconds: float) -> None:
    """Log an answer, at the level `debug`."""
    if logger.isEnabledFor(logging.DEBUG):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        fields = {"method": method, "path": path, "status": int(status[:3]), "seconds": seconds}
        logger.debug("%s %s %s", method, path, status, extra={"fields": fields})
