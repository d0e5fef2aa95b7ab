"""A message by mail, over the SMTP server that CHURN_SMTP names."""

import smtplib
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from churn.errors import ChurnError

SECONDS = 10
PORTS = {"smtp": 25, "smtps": 465}


def send_mail(to: str, subject: str, text: str, environment: Mapping[str, str]) -> None:
    """Send a text.

    Parameters
    ----------
    to : str
        Addresses, separated by commas.
    environment : mapping of str
        CHURN_SMTP is `smtp://user:password@host:port`, or `smtps://` for TLS from the start; with
        `smtp://` TLS is used where the server offers it, and always before a password. By default
        `smtp://localhost`. CHURN_MAIL_FROM is the sender.

    Raises
    ------
    ChurnError
        If the server does not take the message; it names no password.
    """
    server = _server(environment.get("CHURN_SMTP") or "smtp://localhost")
    message = EmailMessage()
    message["To"] = to
    message["From"] = environment.get("CHURN_MAIL_FROM") or f"churn@{server.hostname}"
    message["Subject"] = " ".join(subject.split())
    message.set_content(text)
    if not all("@" in parseaddr(one)[1] for one in to.split(",")):
        raise ChurnError("No mail is sent:", [f"{to!r} is no mail address"])
    kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    port = server.port or PORTS[server.scheme]
    try:
        with kind(str(server.hostname), port, timeout=SECONDS) as smtp:
            if kind is smtplib.SMTP and (server.username or smtp.has_extn("starttls")):
                smtp.starttls()
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:  # an SMTPException is an OSError, too
        where = f"{server.hostname}:{port}"
        raise ChurnError(f"No mail is sent by {where}:", [str(error)]) from error


def _server(text: str) -> SplitResult:
    server = urlsplit(text)
    if server.scheme not in PORTS or not server.hostname:
        expected = "CHURN_SMTP is not smtp://host:port or smtps://host:port"
        raise ChurnError("No mail is sent:", [expected])
    return server
