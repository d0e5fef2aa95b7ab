"""Send the verdict to a webhook, or by mail."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from churn.data.readers import public_name
from churn.errors import ChurnError
from churn.monitoring.mail import send_mail
from churn.monitoring.verdict import Verdict

SECONDS = 10
MAIL = "mailto:"


def message(
    verdict: Verdict, where: str, as_of: datetime, retrained: str | None = None
) -> dict[str, Any]:
    """The message to a webhook, as plain values.

    Parameters
    ----------
    where : str
        The run of MonitorFlow with all results.
    retrained : str, optional
        The run of ChurnFlow that the verdict caused.
    """
    return {
        "verdict": verdict.verdict,
        "run": verdict.run,
        "monitor": where,
        "as_of": as_of.isoformat(),
        "reasons": [vars(reason) for reason in verdict.reasons],
        "remarks": list(verdict.remarks),
        "retrained": retrained,
        "text": str(verdict),  # the field that chat programs show
    }


def announce(where: str, subject: str, values: Mapping[str, Any]) -> None:
    """Send a message to a webhook, or its `text` by mail.

    Parameters
    ----------
    where : str
        The URL of a webhook, or `mailto:` and addresses; see `churn.monitoring.mail.send_mail`.
    subject : str
        Of the mail.
    values : mapping
        See `message`.

    Raises
    ------
    ChurnError
        If it is not taken.
    """
    if where.startswith(MAIL):
        send_mail(where.removeprefix(MAIL), subject, str(values["text"]), os.environ)
    else:
        post(where, values)


def post(url: str, values: Mapping[str, Any]) -> None:
    """Send values as JSON.

    Raises
    ------
    ChurnError
        If there is no response with a status of 2xx within ten seconds.
    """
    try:
        request = urllib.request.Request(
            url, json.dumps(values).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS):
            pass
    except (OSError, ValueError) as error:  # URLError is an OSError
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise ChurnError(f"The webhook {_host(url)} was not notified:", [str(error)]) from error


def _host(url: str) -> str:
    # The path of a webhook is often its secret.
    return public_name(url).partition("://")[2].partition("/")[0] or "without a host"
