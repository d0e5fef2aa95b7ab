"""Read the body of a request, within bounds of size and time.

The thread that answers a request reads its body. A client that sends less than its Content-Length,
or that is too slow, is refused; so are large bodies beyond what a worker may hold of them.
"""

from threading import Lock, get_ident
from time import monotonic
from wsgiref.types import InputStream, WSGIEnvironment

from serve.problem_details import Refused
from serve.request_checks import incomplete_body
from serve.server.slow_clients import SlowClients

# Bodies up to this size are not counted: the number of threads bounds them.
SMALL = 64 * 1024
PART = 256 * 1024
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
    slow : SlowClients
        Disconnects clients that take longer.
    """

    def __init__(self, max_bytes: int, seconds: float, slow: SlowClients):
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._budget = LARGE_BODIES * max(max_bytes, SMALL)
        self._lock = Lock()
        self._slow = slow

    def read(self, environ: WSGIEnvironment) -> bytes:
        """The body of a request.

        Parameters
        ----------
        environ : dict
            Of the request (PEP 3333).

        Raises
        ------
        Refused
            400 if the body is incomplete, 408 if it takes too long, 413 if it is too large, 503 if
            the worker holds too many large bodies.
        """
        if environ["REQUEST_METHOD"] in METHODS_WITHOUT_BODY:
            return b""
        text = environ.get("CONTENT_LENGTH")
        length = int(text) if text else None  # the server refuses a value that is no number
        if length is None and "HTTP_TRANSFER_ENCODING" not in environ:
            return b""
        if length is not None and length > self._max_bytes:
            raise self._too_large()
        thread, begin = get_ident(), monotonic()
        self._slow.reading[thread] = begin
        try:
            if length is not None and length <= SMALL:
                body: bytes = environ["wsgi.input"].read()
            else:
                body = self._read_parts(environ["wsgi.input"])
        finally:
            del self._slow.reading[thread]
        # A former request of this thread may have ended while it was found to be late.
        is_late = self._slow.late.pop(thread, None) == begin
        if is_late and (length is None or len(body) < length):
            raise Refused(408, f"The body did not arrive within {self._seconds:g} seconds.")
        if length is not None and len(body) < length:
            raise incomplete_body(len(body), length)
        return body

    def _read_parts(self, stream: InputStream) -> bytes:
        parts, size = [], 0
        try:
            while part := stream.read(PART):
                parts.append(part)
                size += len(part)
                with self._lock:
                    self._budget -= len(part)
                    exceeded = self._budget < 0
                if size > self._max_bytes:
                    raise self._too_large()
                if exceeded:
                    raise Refused(503, "Too many large requests at once.")
        finally:
            with self._lock:
                self._budget += size
        return b"".join(parts)

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self._max_bytes:,} bytes.")
