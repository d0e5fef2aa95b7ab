"""Folders whose content is trusted, so only this user may have made them."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from churn.errors import ChurnError


def own_folder(path: str | Path) -> Path:
    """Make a folder for this user alone, or check an existing one.

    The content of such a folder is trusted, and some of it is a pickle, which runs code when it is
    loaded. On a shared machine another user may make a folder of a known name first.

    Parameters
    ----------
    path : str or Path
        Its parents are made too.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ChurnError
        If another user owns it, all users can write to it, it is no folder, or it cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise _refused(path, f"it cannot be made: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise _refused(path, f"user {found.st_uid} owns it, and you are user {os.geteuid()}")
    if found.st_mode & stat.S_IWOTH:
        raise _refused(path, f"everybody can write to it: chmod o-w {path}")
    return path


def check_owner(path: str | Path) -> Path:
    """Check that no other user owns a folder; it need not exist.

    root may own it: it can read and replace everything anyway, and owns mounted volumes.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ChurnError
        If another user owns it.
    """
    path = Path(path)
    with suppress(FileNotFoundError):
        owner = path.stat().st_uid
        if owner not in (0, os.geteuid()):
            raise _refused(path, f"user {owner} owns it, and you are user {os.geteuid()}")
    return path


def _refused(path: Path, why: str) -> ChurnError:
    return ChurnError(f"The folder {path} cannot be used:", [why])
