"""Bounds for requests: how many run at the same time, and how many may wait for their turn."""

from threading import BoundedSemaphore

from serve.problem_details import Refused


class Queue:
    """A context in which at most `running` threads are, and for which at most `waiting` wait.

    Parameters
    ----------
    running, waiting : int
    refusal : str
        The detail of the 503 for any more.
    """

    def __init__(self, running: int, waiting: int, refusal: str):
        self._places = BoundedSemaphore(running + waiting)
        self._turns = BoundedSemaphore(running)
        self._refusal = refusal

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise Refused(503, self._refusal)
        self._turns.acquire()

    def __exit__(self, *_error: object) -> None:
        self._turns.release()
        self._places.release()
