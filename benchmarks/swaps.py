"""The latency of the app during promotions, while its model is replaced.

    python benchmarks/swaps.py [--runs-from FOLDER]

Two models are chosen on Telco by the flow's own search, from two seeds, and `python -m serve`
follows the champion, with its prediction log on. wrk's 16 connections request predictions for real
customers without a pause (see serving.py), for some seconds without a promotion and then as long
with one every `--every` seconds, alternating between the models; and so on for each repeat. The
output is the 99th percentiles, and the ratio of the higher one to the other. A single response that
is not 200 ends it. Promotions are made by this process, on the same cores, unlike in production.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import serving
from serving import Broken, Contender, Search, ask, get_run, load, say, spread, use_store

from churn.errors import ChurnError
from churn.registry.runs import promote

MOST = max(serving.CONNECTIONS)
# Without any promotion the percentiles of consecutive half minutes differ by up to this factor.
BAR = 1.25
SWAP_SECONDS = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs-from", type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=int, default=10, help="of each load, %(default)s")
    parser.add_argument("--every", type=float, default=4.0, help="seconds, %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="%(default)s")
    parser.add_argument("--strict", action="store_true", help="exit 1 if the bar is missed")
    options = parser.parse_args()
    serving.SEARCHES["again"] = Search("", ("--seed", "1"), "anything", lambda candidate: True)
    try:
        with tempfile.TemporaryDirectory(prefix="churn-swaps-") as folder:
            repeats, swaps = measure(options, Path(folder))
    except (Broken, ChurnError) as error:
        sys.exit(str(error))
    quiet, swapped = ([pair[i] for pair in repeats] for i in (0, 1))
    ratios = [after / before for before, after in repeats]
    print(f"p99 at {MOST} connections, ms: {spread(quiet, '.1f')} without promotions, ", end="")
    print(f"{spread(swapped, '.1f')} with {swaps} of them; no answer failed")
    print(f"ratio: {spread(ratios, '.2f')}, at most {BAR}")
    return int(options.strict and statistics.median(ratios) > BAR)


def measure(options, folder: Path) -> tuple[list[tuple[float, float]], int]:
    """The p99 (ms) of each repeat without and with promotions, and the number of promotions."""
    store = (options.runs_from or folder / "runs").resolve()
    store.mkdir(parents=True, exist_ok=True)
    use_store(store)
    runs = [get_run(name, store) for name in ("default", "again")]
    serving.write_bodies(runs[0], folder)
    bodies, turns = folder / "one", Turns([run.pathspec for run in runs])
    turns.next()
    own = {"HOST": "127.0.0.1", "PORT": "{port}", "CHURN_RUN": "champion"}
    contender = Contender("ours", [sys.executable, serving.ROOT / "serve"], own)
    repeats = []
    with bodies.open("rb") as lines:
        body = next(lines)
    with serving.serving(contender, body) as (_, port, _):
        load(port, contender.path, bodies, MOST, options.seconds)
        for number in range(1, options.repeats + 1):
            quiet = load(port, contender.path, bodies, MOST, options.seconds)
            with turns.every(options.every):
                swapped = load(port, contender.path, bodies, MOST, options.seconds)
            wait_for(turns.now, lambda: json.loads(ask(port, contender.path, body)[1])["run"])
            repeats.append((quiet["p99"], swapped["p99"]))
            say(f"repeat {number} of {options.repeats}: {quiet}, {swapped}")
    return repeats, turns.made - 1


class Turns:
    """Promotes runs in turn; `made` counts promotions, `now` is the champion."""

    def __init__(self, runs: list[str]):
        self.runs = runs
        self.made = 0
        self.now = ""

    def next(self) -> None:
        """Promote the run that is not the champion."""
        self.now = self.runs[self.made % len(self.runs)]
        promote(self.now, "its turn")
        self.made += 1

    @contextmanager
    def every(self, seconds: float) -> Iterator[None]:
        """Promote a run every so many seconds, the first after half of that."""
        done = threading.Event()

        def take_turns() -> None:
            patience = seconds / 2
            while not done.wait(patience):
                self.next()
                patience = seconds

        with ThreadPoolExecutor(1) as pool:
            taken = pool.submit(take_turns)
            try:
                yield
            finally:
                done.set()
            taken.result()


def wait_for(run: str, answering: Callable[[], str]) -> None:
    patience = time.monotonic() + SWAP_SECONDS
    while (found := answering()) != run:
        if time.monotonic() > patience:
            raise Broken(f"{run} was promoted, but {found} answers")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
