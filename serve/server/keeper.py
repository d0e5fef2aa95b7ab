"""The second process of `python -m serve`: updates the model and ships the log for all workers.

    CHURN_INSTANCE=… python -m serve.server.keeper SERVER_PID

It reads the wanted run from Metaflow and stores its model where workers read it, and it moves the
answers that workers wrote to the database of the prediction log, so that no request waits for
either. A failure is reported in `/health`, and retried.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from churn.campaign.score_file import SCORE_FILES, delete_old
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.feedback.prediction_log import OFF, PredictionLog, Shipper
from churn.files import write_file
from serve import logs
from serve.cache import Cache
from serve.instance import LOG_BEAT, MODEL_BEAT, STATUS, beat
from serve.prediction_log import places
from serve.settings import Settings

SYNC_SECONDS = 5.0
SHIP_SECONDS = 0.5
DELETE_SECONDS = 30.0
# How long a start waits for the datastore before it serves what is in the cache.
PATIENCE_SECONDS = 5.0

logger = logging.getLogger("churn.keeper")


class Keeper:
    """Keeps the model of an instance's workers up to date.

    Parameters
    ----------
    wanted : str
        A run, or `champion`.
    cache : Cache
    instance : Path
        The folder that the workers read.
    """

    def __init__(self, wanted: str, cache: Cache, instance: Path):
        self.wanted = wanted
        self.cache = cache
        self.instance = instance
        self.status: dict[str, Any] = dict.fromkeys(
            ("run", "digest", "file", "why", "problem", "log")
        )
        self._contract: Contract | None = None
        self._published: str | None = None
        self._fault: str | None = None
        self._lock = threading.RLock()

    def sync(self) -> None:
        """Read the wanted run, and publish its model if it is another run than before."""
        from churn.registry.promotion import why_foreign
        from churn.registry.runs import fetch_run, resolve_run

        try:
            run = resolve_run(self.wanted)
            if run != self.status["run"]:
                deployment = fetch_run(run)
                deployment.require_compiled()
                if self._contract and (why := why_foreign(deployment.contract, self._contract)):
                    problem = f"{why}; start the app again to serve it"
                    raise ChurnError(f"{run} is not served:", [problem])
                self._contract = deployment.contract
                digest, path = self.cache.put(self.wanted, deployment)
                self.publish(run=run, digest=digest, file=str(path), why=None, problem=None)
                logger.info("The model of %s was read.", run)
            else:
                self.publish(problem=None)
        except ChurnError as error:
            self.fall_back(error)
        except Exception as error:  # any error; the next attempt may succeed
            fault = _unexpected("The wanted run cannot be synced:", error)
            if str(fault) != self._fault:
                logger.exception("The wanted run cannot be synced.")
            self._fault = str(fault)
            self.fall_back(fault)
        else:
            self._fault = None

    def fall_back(self, error: ChurnError) -> None:
        """Report an error; if no model is served yet, publish the last one from the cache."""
        with self._lock:
            if self.status["digest"] is not None:
                self.publish(problem=f"The model is the last one that could be read. {error}")
                return
            found = self.cache.last(self.wanted)
            if found:
                run, digest, path = found
                # The run is not recorded, so that it is fetched as soon as that is possible.
                problem = f"Serving {run} from the cache. {error}"
                self.publish(digest=digest, file=str(path), problem=problem)
            else:
                why = [error.summary, error.problems]
                if why != self.status["why"]:
                    logger.error("%s", error)
                self.publish(why=why)

    def publish(self, **news: Any) -> None:
        """Write the status for the workers, if it has changed."""
        with self._lock:
            before = self.status["problem"]
            self.status |= news
            if self.status["problem"] != before:
                logger.warning("%s", self.status["problem"] or "The model is the wanted one again.")
            text = json.dumps(self.status)
            if text != self._published:
                write_file(self.instance / STATUS, text)
                self._published = text


def main() -> int:
    """Keep an instance until SIGTERM, or until the server has ended."""
    settings = Settings.read()
    logs.configure(settings.logging, "keeper")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C reaches all processes at once; the keeper is needed until the workers have ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # requests have priority
    server = int(sys.argv[1])
    keeper = Keeper(settings.run, Cache(settings.state / "models"), Path(settings.instance))
    if settings.run:
        _start_syncing(keeper, stop)
    shipper = None
    if settings.log != OFF:
        folder, url = places({"STATE": str(settings.state), "LOG": settings.log})
        shipper = Shipper(folder, PredictionLog(url))
    _start_deleting(settings, stop)
    while not stop.wait(SHIP_SECONDS) and os.getppid() == server:
        _survive("The log cannot be kept.", lambda: _ship(shipper, keeper))
    _survive("The log cannot be kept.", lambda: _ship(shipper, keeper))
    return 0


def _start_syncing(keeper: Keeper, stop: threading.Event) -> None:
    synced = threading.Event()

    def sync_once() -> None:
        keeper.sync()
        beat(keeper.instance, MODEL_BEAT)

    def sync() -> None:
        while not stop.is_set():
            _survive("The model cannot be kept.", sync_once)
            synced.set()
            stop.wait(SYNC_SECONDS)

    def lose_patience() -> None:
        if not synced.wait(PATIENCE_SECONDS):
            error = ChurnError("The datastore has not answered yet.")
            _survive("The model cannot be kept.", lambda: keeper.fall_back(error))

    for target in (sync, lose_patience):
        threading.Thread(target=target, daemon=True).start()


def _start_deleting(settings: Settings, stop: threading.Event) -> None:
    """Delete files that were scored on a page, after the time of the settings."""
    folder, hours = settings.state / SCORE_FILES, settings.file_hours

    def delete() -> None:
        while not stop.wait(DELETE_SECONDS):
            _survive("Old files cannot be deleted.", lambda: delete_old(folder, hours))

    threading.Thread(target=delete, daemon=True).start()


def _ship(shipper: Shipper | None, keeper: Keeper) -> None:
    failure = None
    if shipper is not None:
        try:
            shipper.ship()
            failure = shipper.failure
        except Exception as error:  # any error; the next attempt may succeed
            failure = str(_unexpected("The log cannot be shipped:", error))
            if failure != keeper.status["log"]:
                logger.exception("The log cannot be shipped.")
    keeper.publish(log=failure)
    beat(keeper.instance, LOG_BEAT)


def _survive(what: str, work: Callable[[], object]) -> None:
    """Do periodic work; a failure is logged, and there is no beat for the workers."""
    try:
        work()
    except Exception:
        logger.exception("%s", what)


def _unexpected(summary: str, error: Exception) -> ChurnError:
    return ChurnError(summary, [f"{type(error).__name__}: {error}", "it is tried again"])


if __name__ == "__main__":
    sys.exit(main())
