"""Start tasks from an interpreter that has imported the libraries already.

Metaflow starts a process per task, and importing scikit-learn and pandas costs each more than a
second: on a small table most of the work. Here a server imports them once per run, and forks a
child for each task; what Metaflow starts is a small client that hands over its arguments,
environment and streams, and ends as the child ends. Only the local runtime goes this way, a task
on a cluster starts as Metaflow starts it. CHURN_WARM=0 turns it off.

    python warm.py SERVER-SOCKET            the server, until its standard input closes
    python warm.py SERVER-SOCKET FLOW …     the client: `python FLOW …`, warm
"""

import json
import os
import signal
import socket
import sys
import time

LIBRARIES = (
    "pyarrow.dataset",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)
STREAMS = (0, 1, 2)
PATIENCE = 60  # seconds


def client(address: str, arguments: list[str]) -> int:
    """Run `python ARGUMENTS` in a child of the server; its exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        connect(server, address)
        order = {"arguments": arguments, "cwd": os.getcwd(), "environment": dict(os.environ)}
        data = json.dumps(order).encode()
        socket.send_fds(server, [len(data).to_bytes(4)], list(STREAMS))
        server.sendall(data)
        code = server.recv(1)
    if not code:
        print("The task was killed before it ended.", file=sys.stderr)
        return 1
    return code[0]


def connect(server: socket.socket, address: str) -> None:
    """The first task may be faster than the server."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            server.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def serve(address: str) -> None:
    """Fork a child per client, until the run that started this server is over."""
    import select
    from importlib import import_module

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(1024)
        for name in LIBRARIES:
            import_module(name)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                work(connection)
            connection.close()


def work(connection: socket.socket) -> None:
    """In the child: become the process that the client stands for, and tell how it ended."""
    import atexit
    import runpy
    import threading
    import traceback

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 4, len(STREAMS))
    size, data = int.from_bytes(head), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    order = json.loads(data)
    for stream, place in zip(streams, STREAMS, strict=True):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = order["arguments"]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([code & 0xFF]))
    os._exit(code & 0xFF)


def end_with(connection: socket.socket) -> None:
    """A task whose client is killed is killed too, as if it were the same process."""
    if not connection.recv(1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Ctrl-C is for the run, which then ends its tasks. A task that were interrupted itself would
    # count as a candidate that failed, and stay so in a resume.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    else:
        sys.exit(client(sys.argv[1], sys.argv[2:]))
