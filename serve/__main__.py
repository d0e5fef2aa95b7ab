"""`python -m serve`: the app under granian, one process per core."""

import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Serve until SIGTERM or SIGINT; the status to exit with."""
    # One thread each: processes that share the cores gain nothing from more and lose much.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if Path(sys.path[0]).resolve() != ROOT:  # started as `python path/to/serve`
        sys.path[0] = str(ROOT)
    problems = []
    host = os.environ.get("HOST") or "127.0.0.1"
    port = _whole("PORT", 8000, 1, 65535, problems)
    workers = _whole("CHURN_WORKERS", len(os.sched_getaffinity(0)), 1, 1024, problems)
    if problems:
        print("Cannot serve:", *problems, sep="\n  - ", file=sys.stderr)
        return 2

    try:
        # granian would share a port with whoever listens there already, and answer half of it all.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as trial:
            address = trial.getsockname()[0]  # granian wants an address where a name may be given
    except OSError as error:
        print(f"Cannot serve on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1

    from granian.constants import Interfaces
    from granian.server import Server

    server = Server(
        "serve:create_app",
        factory=True,
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=4,  # the interpreter runs one at a time; a batch must not block the rest
        workers_kill_timeout=10,
        working_dir=ROOT,
    )
    server.serve()
    return 0


def _whole(name: str, default: int, low: int, high: int, problems: list[str]) -> int:
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
        return int(text)
    problems.append(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return default


if __name__ == "__main__":
    sys.exit(main())
