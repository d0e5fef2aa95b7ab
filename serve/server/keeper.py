"""The second process of `python -m serve`: looks after the model and the log for all workers.

    CHURN_INSTANCE=… python -m serve.server.keeper

It asks Metaflow which run is wanted and puts that run's model where workers read it, and it takes
what workers wrote to the database of the prediction log, so that no request waits for either.
"""

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from churn.errors import ChurnError
from churn.feedback.prediction_log import PredictionLog, Shipper
from churn.files import write_file
from serve import settings
from serve.cache import Cache
from serve.prediction_log import places
from serve.served_model import STATUS

CHECK_SECONDS = 5.0
SHIP_SECONDS = 0.5
# How long a start waits for the datastore before it serves what is in the cache.
PATIENCE = 5.0

logger = logging.getLogger("churn.keeper")


class Keeper:
    """Keeps what the workers of an instance serve up to date.

    Parameters
    ----------
    asked : str
        The run that is wanted, or `champion`.
    cache : Cache
    instance : Path
        Where the workers look.
    """

    def __init__(self, asked: str, cache: Cache, instance: Path):
        self.asked = asked
        self.cache = cache
        self.instance = instance
        self.status = dict.fromkeys(("run", "digest", "file", "why", "problem", "log"))
        self._lock = threading.RLock()

    def sync(self) -> None:
        """See which run is wanted, and offer it, if it is another one than before."""
        from churn.registry.runs import fetch_run, resolve_run

        try:
            run = resolve_run(self.asked)
            if run != self.status["run"]:
                deployment = fetch_run(run)
                digest, path = self.cache.put(self.asked, deployment)
                self.publish(run=run, digest=digest, file=str(path), why=None, problem=None)
            else:
                self.publish(problem=None)
        except ChurnError as error:
            self.fall_back(error)

    def fall_back(self, error: ChurnError) -> None:
        """Say what is wrong; where nothing is served yet, offer what was served last."""
        found = self.cache.last(self.asked)
        with self._lock:
            if self.status["digest"] is not None:
                self.publish(problem=f"The model is the last one that could be read. {error}")
            elif found:
                run, digest, path = found
                # The run is not noted: it is fetched as soon as that is possible.
                problem = f"Serving {run} from the cache. {error}"
                self.publish(digest=digest, file=str(path), problem=problem)
            else:
                why = [error.summary, error.problems]
                if why != self.status["why"]:
                    logger.error("%s", error)
                self.publish(why=why)

    def publish(self, **news) -> None:
        """Tell the workers, if it is news."""
        with self._lock:
            before = dict(self.status)
            self.status |= news
            path = self.instance / STATUS
            if self.status == before and path.exists():
                return
            if self.status["problem"] != before["problem"]:
                logger.warning("%s", self.status["problem"] or "The model is the wanted one again.")
            write_file(path, json.dumps(self.status))


def main() -> int:
    """Keep an instance until told to stop, or until the server is gone."""
    logging.basicConfig(format="[keeper] %(message)s", level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C reaches all processes at once; the keeper is needed until the workers have ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # requests go first
    parent = os.getppid()
    config = settings.read()
    instance, state = Path(config["INSTANCE"]), Path(config["STATE"])
    keeper = Keeper(config["RUN"], Cache(state / "models"), instance)
    if config["RUN"]:
        _start_syncing(keeper, stop)
    else:
        keeper.publish()
    shipper = None
    if config["LOG"] != settings.OFF:
        folder, url = places(config)
        shipper = Shipper(folder, PredictionLog(url))
    while not stop.wait(SHIP_SECONDS) and os.getppid() == parent:
        _ship(shipper, keeper)
    _ship(shipper, keeper)
    return 0


def _start_syncing(keeper: Keeper, stop: threading.Event) -> None:
    looked = threading.Event()

    def look() -> None:
        while not stop.is_set():
            keeper.sync()
            looked.set()
            stop.wait(CHECK_SECONDS)

    def lose_patience() -> None:
        if not looked.wait(PATIENCE):
            keeper.fall_back(ChurnError("The datastore has not answered yet."))

    for target in (look, lose_patience):
        threading.Thread(target=target, daemon=True).start()


def _ship(shipper: Shipper | None, keeper: Keeper) -> None:
    if shipper is None:
        return
    shipper.ship()
    keeper.publish(log=shipper.failure)


if __name__ == "__main__":
    sys.exit(main())
