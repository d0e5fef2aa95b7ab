"""The host names that requests may have: a defence against DNS rebinding.

Another site can resolve its own name to this machine, and a browser then treats the app as a part
of that site. Such a request has that name as its Host, and is refused.
"""

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from churn.scoring.json_body import Problem
from serve.problem_details import Refused

HostCheck = Callable[[str | None], bool]


def init_app(app: Flask) -> None:
    """Refuse the requests to an app that have another name as Host."""
    check = app.extensions["churn-hosts"] = host_check(app.config["ACCEPTED_HOSTS"])

    @app.before_request
    def refuse() -> None:
        host = request.environ.get("HTTP_HOST")
        # A request without a Host, as in HTTP/1.0, does not come from a browser.
        if host is not None and not check(host):
            expected = "a name of this server; CHURN_TRUSTED_HOSTS lists them"
            raise Refused(400, "The host is not trusted.", [Problem("Host", expected, host[:80])])


def host_check(trusted: list[str] | None) -> HostCheck:
    """Whether the value of a Host header, with or without its port, is one of some names.

    Parameters
    ----------
    trusted : list of str or None
        Names and addresses; one with a leading dot stands for its subdomains too. None trusts any.
    """
    if trusted is None:
        return lambda host: True
    # Werkzeug does not compare IPv6 addresses.
    addresses = {f"[{name.strip('[]')}]" for name in trusted if name.count(":") > 1}
    names = [name.lower() for name in trusted if name.count(":") < 2]

    @lru_cache(maxsize=64)
    def check(host: str | None) -> bool:
        host = (host or "").lower()
        if host.startswith("["):
            address, _, port = host.partition("]")
            return f"{address}]" in addresses and (not port or port[1:].isdecimal())
        return bool(names) and host_is_trusted(host, names)

    return check
