"""Atomic writes: a file exists whole or not at all, whenever the process or the machine stops."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"


@contextmanager
def atomic_write(path: str | Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name only when it is whole and on the disk.

    Until then the content is in a hidden file next to it, `.<name>.….partial`. That file is removed
    when the block raises; one left by a process that was killed is removed by the next write of
    the same file.

    Parameters
    ----------
    path : str or Path
        In a folder that exists. A file of that name is replaced.
    mode : int
        The permissions of the file; by default its owner's alone.

    Raises
    ------
    OSError
        If it cannot be written; then `path` is as it was.
    """
    path = Path(path)
    _remove_abandoned(path)
    handle, partial = _create(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
            os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_file(path: str | Path, content: bytes | str, mode: int = 0o600) -> None:
    """Write a file atomically, a text as UTF-8; see `atomic_write`."""
    with atomic_write(path, mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _create(path: Path) -> tuple[int, str]:
    """A new partial file, locked for as long as it is open."""
    while True:
        handle, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
        try:
            # Until the file is locked, another writer may remove it as an abandoned one.
            if _lock(handle) and os.fstat(handle).st_nlink:
                return handle, name
        except OSError:
            os.close(handle)
            os.unlink(name)
            raise
        os.close(handle)


def _remove_abandoned(path: Path) -> None:
    """Remove partial files that no process locks: the kernel frees the locks of a killed one."""
    for name in os.listdir(path.parent):
        if not (name.startswith(f".{path.name}.") and name.endswith(PARTIAL)):
            continue
        partial = path.parent / name
        try:
            handle = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue  # removed since, or another user's
        try:
            if _lock(handle):
                partial.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that the file's name is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
