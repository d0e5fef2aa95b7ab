"""Tasks that Metaflow starts as pods of Kubernetes, whose own disk is deleted with them."""

import os
from collections.abc import Mapping

from churn.errors import ChurnError

__all__ = ["check_lasts", "in_pod", "lost_with_pod"]

OFF = "off"
# Metaflow sets it in each pod that it starts.
POD = "METAFLOW_KUBERNETES_WORKLOAD"


def in_pod() -> bool:
    """Whether this process is a task that Metaflow has started as a pod."""
    return bool(os.environ.get(POD))


def lost_with_pod(places: Mapping[str, str]) -> list[str]:
    """What would be written to the disk of this pod, as problems; none outside of a pod.

    Parameters
    ----------
    places : mapping of str to str
        By option of the command line: a path, or the URL of a database; empty or `off` where
        nothing is written. A relative path is one in the folder of the code, and a SQLite file is
        no database for several machines; an absolute path is taken for that of a volume.
    """
    if not in_pod():
        return []
    return [
        f"{option} {place}: it is on the disk of this pod, and is deleted with it; "
        f"{'name a database' if _sqlite(place) else 'say s3://… or a path of a volume'}"
        for option, place in places.items()
        if place not in ("", OFF) and (_sqlite(place) or _relative(place))
    ]


def check_lasts(**places: str) -> None:
    """Refuse a run that would write to the disk of its pod, before it reads anything.

    Parameters
    ----------
    places : str
        See `lost_with_pod`, with underscores for dashes.

    Raises
    ------
    ChurnError
        Naming each of them.
    """
    options = {f"--{name.replace('_', '-')}": place for name, place in places.items()}
    if problems := lost_with_pod(options):
        raise ChurnError("The run cannot start:", problems)


def _relative(place: str) -> bool:
    return "://" not in place and not place.startswith("/")


def _sqlite(place: str) -> bool:
    return place.startswith("sqlite:")
