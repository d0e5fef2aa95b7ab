"""Send the verdict: a file for Prometheus, and a webhook."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from churn.data.readers import public_name
from churn.errors import ChurnError
from churn.files import write_file
from churn.monitoring.cohort_metrics import QUALITY
from churn.monitoring.cohorts import WAITING, Quality
from churn.monitoring.drift import Drift
from churn.monitoring.mail import send_mail
from churn.monitoring.profit_drift import Money
from churn.monitoring.verdict import LEVELS, OK, Verdict

SECONDS = 10
MAIL = "mailto:"


def prometheus_text(
    verdict: Verdict, drift: Drift, money: Money, quality: Quality, as_of: datetime
) -> str:
    """The verdict and the numbers behind it, in Prometheus' text format."""
    run = _label(verdict.run)
    metrics: list[tuple[str, str, dict[str, Any]]] = [
        ("verdict", "-1 insufficient data, 0 ok, 1 watch, 2 retrain",
         {"": LEVELS.index(verdict.verdict) - LEVELS.index(OK)}),
        ("time_seconds", "When the model was examined", {"": as_of.timestamp()}),
        ("customers", "Customers in the period", {"": drift.customers}),
        ("drifted", "Drift tests of the period that raised an alarm", {"": len(drift.alarms)}),
        (
            "effect",
            "How far a column drifted, 0 to 1",
            {
                f',column="{_label(str(row.column))}",what="{_label(str(row.what))}"': row.effect
                for row in drift.table.itertuples()
            },
        ),
        ("expected_profit", "Money per customer expected of calling whom it pays to call",
         {"": money.profit.now} if money.profit else {}),
        ("calls", "Share of customers whom it pays to call",
         {"": money.calls.now} if money.calls else {}),
    ]  # fmt: skip
    matured = quality.cohorts[quality.cohorts["state"] != WAITING]
    about = "Of the latest matured cohort"
    latest: Mapping[Any, Any] = matured.iloc[-1].to_dict() if len(matured) else {}
    metrics.append(
        (
            "quality",
            about,
            {f',metric="{name}"': latest[name] for name in QUALITY if name in latest},
        )
    )
    metrics.append(
        ("label_completeness", about, {"": latest["completeness"]} if len(latest) else {})
    )
    lines = []
    for name, help_text, values in metrics:
        full = f"churn_monitor_{name}"
        lines += [f"# HELP {full} {help_text}.", f"# TYPE {full} gauge"] if values else []
        lines += [
            f'{full}{{run="{run}"{labels}}} {float(value)!r}'.replace("nan", "NaN")
            for labels, value in values.items()
        ]
    return "\n".join(lines) + "\n"


def write_metrics(text: str, path: str | Path) -> None:
    """Write metrics for the node exporter's textfile collector, atomically.

    Raises
    ------
    ChurnError
        If the file cannot be written.
    """
    try:
        write_file(path, text, mode=0o644)  # the collector runs as another user
    except OSError as error:
        raise ChurnError(f"The metrics cannot be written to {path}:", [str(error)]) from error


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


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
