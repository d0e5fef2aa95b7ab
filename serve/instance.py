"""The folder that the processes of one server share, and the end of these processes."""

import fcntl
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "churn-serve-"
LOCK = "lock"
STATUS = "status.json"
# Files that the keeper touches when it has read the wanted run, and when the spool is empty.
MODEL_BEAT, LOG_BEAT = "model.beat", "log.beat"
STOP_SECONDS = 10

logger = logging.getLogger("churn.instance")


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Make the folder, set it in the environment, and delete it at the end.

    The folder of a server that was killed is not locked any more, and the next server deletes it.
    """
    _delete_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.environ["CHURN_INSTANCE"] = str(folder)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
        (folder / "metrics").mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def read_status(folder: Path) -> str | None:
    """The status that the keeper published last; None before the first."""
    try:
        return (folder / STATUS).read_text("utf-8")
    except FileNotFoundError:
        return None


def beat(folder: Path, name: str) -> None:
    """Touch a beat, as a sign that the keeper is working."""
    (folder / name).touch()


def seconds_since(folder: Path, name: str) -> float | None:
    """The seconds since a beat; None before the first."""
    try:
        return max(0.0, time.time() - (folder / name).stat().st_mtime)
    except OSError:
        return None


def end_with_parent() -> None:
    """End this process, a worker, when the server's main process has ended.

    Otherwise the worker would keep the port, without a keeper that ships the log and follows the
    champion.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        logger.error("The server's main process is gone; this worker ends.")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _delete_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # A folder of another user, or one that another server deletes, is skipped.
        with suppress(OSError), (folder / LOCK).open() as lock:
            if folder.stat().st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
