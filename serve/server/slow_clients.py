"""Disconnect clients that send the body of a request too slowly.

A thread that reads a body can be interrupted only by the end of its connection, which belongs to
Granian. So a thread of each worker looks at the connections of its process: while a request is
read, nothing is sent to its client, and the kernel knows since when (TCP_INFO, see tcp(7)). Only
the receiving half is shut down, so that the body ends and the client still gets its 408. An idle
connection on which nothing was sent for as long is closed by the way, as any server may do.
"""

import logging
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from operator import itemgetter
from stat import S_ISSOCK
from threading import Thread
from time import monotonic, sleep

# The offset of tcpi_last_data_sent, in milliseconds, in the kernel's struct tcp_info.
LAST_DATA_SENT = 44
TCP_INFO = getattr(socket, "TCP_INFO", None)
# The kernel counts in ticks of up to 10 ms.
RESOLUTION_SECONDS = 0.02
# If more requests than this are being read, clients get less time.
CROWD = 96
CROWD_SECONDS = 1.0

logger = logging.getLogger(__name__)


class SlowClients:
    """Disconnects slow clients.

    Parameters
    ----------
    port : int
        Of the server: its own connections to other servers are left alone.
    seconds : float
        How long a client may take for a body.

    Attributes
    ----------
    reading : dict of int to float
        By thread, when it began to read a body, by `monotonic`. Each thread writes its own.
    answering : dict of int to (float, str)
        By thread, when it began to answer a request that it has read, and the client's address.
    late : dict of int to float
        As `reading`, of the requests whose clients have been disconnected.
    """

    def __init__(self, port: int, seconds: float):
        self._port = port
        self._seconds = seconds
        self.reading: dict[int, float] = {}
        self.answering: dict[int, tuple[float, str]] = {}
        self.late: dict[int, float] = {}

    def watch(self) -> None:
        """Start to look at the connections, in a thread."""
        if TCP_INFO is None:
            logger.warning("This system has no TCP_INFO: slow clients are not disconnected.")
            return
        Thread(target=self._watch, name="slow-clients", daemon=True).start()

    def _watch(self) -> None:
        while True:
            sleep(min(CROWD_SECONDS, self._seconds) / 4)
            try:
                self._look()
            except OSError:  # too many open files; the next look is soon
                logger.exception("Looking for slow clients failed.")

    def _look(self) -> None:
        now = monotonic()
        reading = dict(self.reading)
        limit = self._seconds if len(reading) <= CROWD else min(CROWD_SECONDS, self._seconds)
        late = {thread: begin for thread, begin in reading.items() if now - begin > limit}
        if not late:
            return
        self.late.update(late)
        # To shut down a connection whose request is being answered would drop the response.
        answering = dict(self.answering).values()
        spared = {address for begin, address in answering if now - begin > limit}
        with ExitStack() as opened:
            silent = []
            for connection in _connections(self._port):
                opened.enter_context(connection)
                with suppress(OSError):  # the client has disconnected
                    address = connection.getpeername()[0].removeprefix("::ffff:")
                    seconds = _seconds_since_sent(connection)
                    if address not in spared and seconds > limit - RESOLUTION_SECONDS:
                        silent.append((seconds, connection))
            # Requests get a thread in the order of their arrival: newer ones are still waiting.
            silent.sort(key=itemgetter(0), reverse=True)
            for _, connection in silent[: len(late)]:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)


def _connections(port: int) -> Iterator[socket.socket]:
    """The open connections of this process to one of its own ports."""
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # closed since, or a socket without a peer
            if not S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(name)))
            if _is_ours(found, port):
                yield found
            else:
                found.close()


def _is_ours(found: socket.socket, port: int) -> bool:
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        return False
    try:
        return found.getsockname()[1] == port and bool(found.getpeername())
    except OSError:  # it listens
        return False


def _seconds_since_sent(connection: socket.socket) -> float:
    info = connection.getsockopt(socket.IPPROTO_TCP, int(TCP_INFO or 0), LAST_DATA_SENT + 4)
    return float(struct.unpack_from("=I", info, LAST_DATA_SENT)[0]) / 1000
