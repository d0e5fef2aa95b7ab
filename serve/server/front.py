"""The front of a worker: Granian's requests are read here, and answered by the app.

It runs in an event loop, so that a slow client occupies a connection and no thread. An ordinary
prediction takes the fast path, in the loop; so does `/health`, which must answer even if all
threads are busy. Flask answers everything else in threads. Requests that may wait for the database
have threads of their own.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from time import perf_counter

from flask import Flask
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope
from werkzeug.wrappers import Response

from serve.fast_path import HEADERS as FAST_HEADERS
from serve.fast_path import PATH as FAST
from serve.fast_path import FastPath
from serve.instance import end_with_parent
from serve.metrics import BEGIN, observe
from serve.problem_details import MEDIA_TYPE, RETRY_SECONDS, Refused, problem_json
from serve.response_headers import NO_STORE_HEADERS
from serve.server.body import BodyReader

THREADS = 8
IN_LOOP = "/health"
DATABASE = frozenset({"/outcomes", "/predictions"})
DATABASE_THREADS = 2
# The maximum number of database requests that wait for a thread; any more are refused at once.
DATABASE_QUEUE = 16


class Front:
    """An app as Granian's RSGI target."""

    def __init__(self, app: Flask):
        self._app = app
        self._paths = frozenset(rule.rule for rule in app.url_map.iter_rules())
        self._fast = FastPath(app)
        self._bodies = BodyReader(app.config["MAX_CONTENT_LENGTH"], app.config["BODY_SECONDS"])
        self._threads = ThreadPoolExecutor(THREADS, "flask")
        self._database_threads = ThreadPoolExecutor(DATABASE_THREADS, "database")
        self._database_requests = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with the loop of a worker."""
        self._stopping_late = loop.create_task(self._bodies.stop_late())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End with the loop of a worker."""
        self._stopping_late.cancel()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        begin = perf_counter()
        method, path, header = scope.method, scope.path, scope.headers.get
        try:
            body = await self._bodies.read(method, header, protocol)
            status, headers, response = 200, FAST_HEADERS, None
            if path == FAST and method == "POST" and not scope.query_string:
                response = self._fast.respond(header, body, begin)
            if response is None:
                status, headers, response = await self._flask(environ(scope, body, begin), path)
        except Refused as refused:
            status, headers, response = _refusal(refused)
            route = path if path in self._paths else "other"
            observe(route, str(status), perf_counter() - begin)
        except Exception:  # Granian would close the connection without a response
            self._app.logger.exception("A request failed in the front.")
            failure = Refused(500, "The server failed.")
            status, headers, response = _refusal(failure)
        with suppress(ProtocolClosed):  # the client has disconnected
            protocol.response_bytes(status, headers, response)

    async def _flask(self, environment: dict, path: str) -> tuple[int, list, bytes]:
        if path == IN_LOOP:
            return self._run(environment)
        loop = asyncio.get_running_loop()
        if path not in DATABASE:
            return await loop.run_in_executor(self._threads, self._run, environment)
        if self._database_requests >= DATABASE_THREADS + DATABASE_QUEUE:
            raise Refused(503, "Too many requests wait for the database.")
        self._database_requests += 1
        try:
            return await loop.run_in_executor(self._database_threads, self._run, environment)
        finally:
            self._database_requests -= 1

    def _run(self, environment: dict) -> tuple[int, list, bytes]:
        response = Response.from_app(self._app, environment, buffered=True)
        return response.status_code, list(response.headers), response.get_data()


def create_front() -> Front:
    """The app with the settings of the environment, behind its front."""
    from serve import create_app

    end_with_parent()
    return Front(create_app())


def environ(scope: Scope, body: bytes, begin: float) -> dict:
    """A request whose body has been read, as a WSGI environment (PEP 3333)."""
    host, _, port = scope.server.rpartition(":")
    found = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        BEGIN: begin,
    }
    for name, value in scope.headers.items():
        if "_" in name:  # in WSGI it would be the same as the header with a hyphen
            continue
        key = f"HTTP_{name.upper().replace('-', '_')}"
        found[key] = f"{found[key]},{value}" if key in found else value
    found.pop("HTTP_CONTENT_LENGTH", None)
    found.pop("HTTP_TRANSFER_ENCODING", None)  # it has been decoded
    if body:
        found["CONTENT_LENGTH"] = str(len(body))
    if "HTTP_CONTENT_TYPE" in found:
        found["CONTENT_TYPE"] = found.pop("HTTP_CONTENT_TYPE")
    return found


def _refusal(refused: Refused) -> tuple[int, list, bytes]:
    headers = [("Content-Type", MEDIA_TYPE), *NO_STORE_HEADERS]
    if refused.status == 503:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    return refused.status, headers, problem_json(refused.status, refused.detail, refused.problems)
