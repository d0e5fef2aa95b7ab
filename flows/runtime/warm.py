"""Start tasks by forking an interpreter that has imported the libraries already.

Metaflow starts a process per task, and two more for each card. Importing Metaflow, scikit-learn
and pandas takes each of them up to two seconds: on a small table most of the time. Here a server
imports them once per run, and forks a child for each process; Metaflow starts a small client that
passes on its arguments, environment and streams, and ends with the child's exit code. This applies
to the local runtime only; on a cluster Metaflow starts a task as usual. CHURN_WARM=0 disables it,
and CHURN_WARM=ADDRESS has a run share a server that was started before, by nobody's run.
Without it a run of one small candidate takes about three times as long.

The server is optional: a client that cannot reach it, or whose task it has not begun, starts the
task as Metaflow does. A server ends with its run, and a run removes the folders of killed ones.

    python warm.py SOCKET-FD                the server, until its standard input closes
    python warm.py SERVER-SOCKET FLOW …     the client: `python FLOW …`, warm
"""

import marshal
import os
import signal
import socket
import sys

# All are imported before the first task is forked: what the server has not, each task would import.
LIBRARIES = (
    "runtime.launch",
    "metaflow",
    "metaflow.task",
    "pandas",
    "churn.registry.lineage",
    "scipy.special",
    "churn.registry.training_settings",
    "pandera.pandas",
    "cards.data",
    "churn.data.leakage",
    "scipy.ndimage",
    "scipy.stats",
    "sklearn.base",
    "sklearn.ensemble",
    "churn.modeling.estimators.linear",
    "churn.modeling.cross_validation",
    "churn.modeling.model",
    "churn.modeling.stacking",
    "churn.modeling.search",
    "churn.scoring.export.models",
    "churn.scoring.deployment",
    "churn.evaluation.report",
    "churn.registry.gate",
)
# The environment variable with the address of the server that a task was forked from.
ADDRESS = "CHURN_WARM_ADDRESS"
STREAMS = (0, 1, 2)
# Not in TMPDIR: the path of a socket may have no more than about a hundred characters.
FOLDER, PREFIX, SOCKET = "/tmp", "churn-warm-", "server"
# The age from which on a folder without a server is not about to get one.
OLD = 60  # seconds


class Server:
    """The server, in a process of its own; `entrypoint` is how to start a task by it."""

    def __init__(self):
        import subprocess
        import tempfile

        remove_left_over()
        self.folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=FOLDER)
        address = os.path.join(self.folder.name, SOCKET)
        script = os.path.abspath(__file__)
        # The socket listens before the server starts, so a refused connection means a dead server.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(1024)
            # The server ends when its standard input closes, however this process ends.
            self.process = subprocess.Popen(
                [sys.executable, "-u", script, str(listener.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )
        self.entrypoint = entrypoint_of(address)

    def close(self) -> None:
        """End the server; all tasks have ended."""
        self.process.kill()
        self.process.communicate()
        self.folder.cleanup()


def entrypoint_of(address: str) -> list[str]:
    """How Metaflow starts a task of this flow by the server at an address."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), address, sys.argv[0]]


def remove_left_over() -> None:
    """Remove the folders of runs that were killed together with their servers."""
    import glob
    import shutil
    import time

    for folder in glob.glob(os.path.join(FOLDER, f"{PREFIX}*")):
        try:
            found = os.lstat(folder)
            mine = found.st_uid == os.geteuid() and time.time() - found.st_mtime > OLD
            if mine and not _answers(os.path.join(folder, SOCKET)):
                shutil.rmtree(folder)
        except FileNotFoundError:
            pass  # the folder's own run has just removed it


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(address)
        except OSError:
            return False
    return True


def client(address: str, arguments: list[str]) -> int:
    """Run `python ARGUMENTS` in a child of the server, or without it; its exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(address)
            order = {"arguments": arguments, "cwd": os.getcwd(), "environment": dict(os.environ)}
            data = marshal.dumps(order | {"server": address})
            socket.send_fds(server, [len(data).to_bytes(4)], list(STREAMS))
            server.sendall(data)
            begun = server.recv(1)
        except OSError:
            begun = b""
        if not begun:  # the server is dead
            os.environ.pop(ADDRESS, None)
            os.execv(sys.executable, [sys.executable, "-u", *arguments])
        try:
            code = server.recv(1)
        except OSError:
            code = b""
    if not code:
        print("The task was killed before it ended.", file=sys.stderr)
        return 1
    return code[0]


def serve(listener: socket.socket) -> None:
    """Fork a child per client, until the run that started this server is over."""
    import gc
    from importlib import import_module

    sys.path[0] = os.path.dirname(sys.path[0])  # the folder of the flows

    own = set(globals())
    gc.disable()  # memory is shared with the children as long as no process writes to it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for name in LIBRARIES:
        import_module(name)
    while True:
        fork_waiting(listener, own)


def fork_waiting(listener: socket.socket, own: set[str]) -> None:
    """Wait for the next client, and fork a child for it."""
    import gc
    import select

    ready, _, _ = select.select([listener, sys.stdin], [], [])
    if sys.stdin in ready:
        remove_own(listener)
        os._exit(0)
    connection, _ = listener.accept()
    gc.freeze()
    if os.fork() == 0:
        gc.enable()
        listener.close()
        # The flow becomes `__main__`, to which Metaflow adds names for pickling.
        work(connection, {name: it for name, it in globals().items() if name not in own})
    connection.close()


def remove_own(listener: socket.socket) -> None:
    """Remove the folder of a run that was killed before it could remove it."""
    import shutil

    address = listener.getsockname()
    listener.close()
    shutil.rmtree(os.path.dirname(address), ignore_errors=True)


def work(connection: socket.socket, names: dict) -> None:
    """In the child: run the client's process, and send its exit code.

    `names` are added to the names of its `__main__`.
    """
    import atexit
    import runpy
    import threading
    import traceback

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 4, len(STREAMS))
    if not head:  # another run only checks whether this server is alive, see remove_left_over
        os._exit(0)
    size, data = int.from_bytes(head), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    order = marshal.loads(data)
    connection.send(b"+")  # from here on the client does not start the task itself
    for stream, place in zip(streams, STREAMS, strict=True):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    os.environ[ADDRESS] = order["server"]
    sys.argv = order["arguments"]
    sys.path[1] = os.path.dirname(os.path.abspath(sys.argv[0]))  # the first entry is `launch`'s
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    code = 0
    try:
        runpy.run_path(sys.argv[0], init_globals=names, run_name="__main__")
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
    """Kill this task when its client is killed, as if they were the same process."""
    if not connection.recv(1):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Ctrl-C is for the run, which then ends its tasks. A task that is interrupted itself would
    # count as a failed candidate, also in a resumed run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if len(sys.argv) == 2:
        serve(socket.socket(fileno=int(sys.argv[1])))
    else:
        sys.exit(client(sys.argv[1], sys.argv[2:]))
