"""Read the bodies of requests in the event loop, so that no thread waits for a slow client.

A body has a deadline and a maximum size, and so have all bodies that a worker holds together. A
client that sends less than its Content-Length, or that is too slow, is refused.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError

from churn.scoring.json_body import Problem
from serve.problem_details import Refused
from serve.request_checks import incomplete_body

# Bodies up to this size are not counted: the number of connections bounds them.
SMALL = 64 * 1024
# The maximum number of bodies of the largest size that a worker holds, partial or complete.
LARGE_BODIES = 8
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class BodyReader:
    """Reads bodies within bounds.

    Parameters
    ----------
    max_bytes : int
        Of one body.
    seconds : float
        How long a client may take for it.
    """

    def __init__(self, max_bytes: int, seconds: float):
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._budget = LARGE_BODIES * max(max_bytes, SMALL)
        # The tasks that read, and their start. A timer for each would take as long as scoring a
        # customer.
        self._reading: dict[asyncio.Task, float] = {}
        self._late: set[asyncio.Task] = set()

    async def stop_late(self) -> None:
        """Cancel tasks that exceed the deadline, for as long as the event loop runs."""
        while True:
            await asyncio.sleep(min(1.0, self._seconds / 4))
            latest = monotonic() - self._seconds
            for task, begin in list(self._reading.items()):
                if begin < latest and task not in self._late:
                    self._late.add(task)
                    task.cancel()

    async def read(self, method: str, header: Callable, protocol: HTTPProtocol) -> bytes:
        """The body of a request.

        Parameters
        ----------
        method : str
        header : callable
            The value of a header by its name in lower case, or None.
        protocol : HTTPProtocol
            Granian's.

        Raises
        ------
        Refused
            400 if the body is incomplete, 408 if it takes too long, 413 if it is too large, 503 if
            the worker holds too many large bodies.
        """
        if method in METHODS_WITHOUT_BODY:
            return b""
        text = header("content-length")
        length = None if text is None else int(text)  # hyper refuses a value that is no number
        if length is not None and length > self._max_bytes:
            raise self._too_large()
        task = asyncio.current_task()
        self._reading[task] = monotonic()
        try:
            if length is not None and length <= SMALL:
                body = await protocol()
            else:
                body = await self._read_parts(protocol)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            detail = f"The body did not arrive within {self._seconds:g} seconds."
            raise Refused(408, detail) from None
        except (ProtocolClosed, ProtocolError):
            raise Refused(400, "The body is incomplete.", _incomplete(length)) from None
        finally:
            del self._reading[task]
            self._late.discard(task)
        if length is not None and len(body) < length:
            raise incomplete_body(len(body), length)
        return body

    async def _read_parts(self, protocol: HTTPProtocol) -> bytes:
        body = bytearray()
        try:
            async for part in protocol:
                self._budget -= len(part)
                body += part
                if len(body) > self._max_bytes:
                    raise self._too_large()
                if self._budget < 0:
                    raise Refused(503, "Too many large requests at once.")
        finally:
            self._budget += len(body)
        return bytes(body)

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self._max_bytes:,} bytes.")


def _incomplete(length: int | None) -> list[Problem]:
    expected = "a whole body" if length is None else f"{length} bytes, as of its Content-Length"
    return [Problem("the body", expected, "fewer")]
