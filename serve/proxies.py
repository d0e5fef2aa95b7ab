"""The object behind one of Flask's proxies, which hide it from types too."""

from typing import TypeVar, cast

from werkzeug.local import LocalProxy

Proxied = TypeVar("Proxied")


def unproxied(proxy: Proxied) -> Proxied:
    """The object that a proxy like `flask.request` stands for now."""
    return cast("LocalProxy[Proxied]", proxy)._get_current_object()
