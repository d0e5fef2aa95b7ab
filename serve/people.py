"""People: API keys with a name and a role, and the session of a browser that signed in with one.

A key may be plain, as `k3y…`, or say whose it is and what they may do: `agent:Anna:k3y…`. A plain
key may do everything. Only the last part is sent, and it is the same for programs, in the header
X-API-Key, and for people, who sign in with it once.
"""

import hmac
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

ROLES = ("agent", "manager", "engineer")
AGENT, MANAGER, ENGINEER = ROLES
COOKIE_HOURS = 12
SECRET_FILE = "session.key"
LONGEST_NAME = 60


@dataclass(frozen=True)
class Person:
    """Whoever uses a page or a key.

    Attributes
    ----------
    name : str
    role : str
        One of `ROLES`, each of which may do what the one before may.
    """

    name: str
    role: str

    def may(self, role: str) -> bool:
        """Whether they may do what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def split_key(text: str) -> tuple[str, Person]:
    """The secret of a key as the settings have it, and the person."""
    role, _, rest = text.partition(":")
    name, colon, secret = rest.partition(":")
    if role in ROLES and colon and name.strip():
        return secret, Person(name.strip()[:LONGEST_NAME], role)
    return text, Person("the holder of a key", ENGINEER)


class People:
    """The people that an app knows by their keys.

    Parameters
    ----------
    keys : list of str
        Those of the settings; none where everything is open.
    """

    def __init__(self, keys: list[str]):
        # Digests have the same length, so the time of a comparison does not depend on the key.
        self._known = {_digest(secret): person for secret, person in map(split_key, keys)}

    def __bool__(self) -> bool:
        return bool(self._known)

    def of_key(self, key: str) -> tuple[Person, str] | None:
        """The person whose key it is, and a name of the key for a session."""
        sent, found = _digest(key), None
        # All keys are compared, so that the time does not depend on which one matches.
        for digest, person in self._known.items():
            if hmac.compare_digest(sent, digest):
                found = person, sha256(digest).hexdigest()
        return found

    def of_session(self) -> Person | None:
        """Who is signed in; where everything is open, whoever is there."""
        if not self._known:
            return Person(session.get("name") or "somebody", ENGINEER)
        named = session.get("key")
        for digest, person in self._known.items():
            if named == sha256(digest).hexdigest():
                return person
        return None


class _Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies; the secret is in the server's state, made when first needed."""

    def open_session(self, app: Flask, request: Any) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def get_signing_serializer(self, app: Flask) -> Any:
        if not app.secret_key:
            app.secret_key = _secret(Path(app.config["STATE"]))
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        # Behind a proxy with TLS; elsewhere the header makes a client's own cookie stricter.
        return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def init_app(app: Flask) -> None:
    """Prepare the sessions of an app; the keys of its settings are in `app.config["KEYS"]`."""
    app.extensions["churn-people"] = People(app.config["KEYS"])
    app.config["KEYS"] = None  # so that printed settings show no key
    app.session_interface = _Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="churn", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=COOKIE_HOURS),
    )  # fmt: skip


def people() -> People:
    """The people whom the current app knows."""
    found: People = current_app.extensions["churn-people"]
    return found


def sign_in(**values: str) -> None:
    """Begin a session with these values, and a new token for its forms."""
    session.clear()
    session.permanent = True
    session.update(values)
    form_token()


def form_token() -> str:
    """The token that forms of this session send, so that no other site can send them."""
    token: str | None = session.get("token")
    if not token:
        session.permanent = True
        token = session["token"] = secrets.token_urlsafe(24)
    return token


def from_this_site() -> bool:
    """Whether the browser says that a page of this site makes the request."""
    origin = request.headers.get("Origin")
    if origin not in (None, "null"):
        return origin.partition("://")[2] == request.environ.get("HTTP_HOST")
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" and not origin


def _secret(state: Path) -> bytes:
    """The secret that signs the sessions, the same for all workers and after a restart."""
    path = state / SECRET_FILE
    if not path.exists():
        state.mkdir(0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=state, prefix=f".{SECRET_FILE}-") as fresh:
            fresh.write(secrets.token_bytes(32))
            fresh.flush()
            with suppress(FileExistsError):  # another worker was faster
                path.hardlink_to(fresh.name)
    return path.read_bytes()


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
