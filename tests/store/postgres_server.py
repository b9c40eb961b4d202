"""A PostgreSQL server of the tests' own: Debian's package, an unprivileged user, loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support import require

__all__ = ["PASSWORD", "PostgresServer"]

PASSWORD = "open sesame"  # with a space, which a URL has to escape
_TIMEOUT_S = 60.0
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
shared_buffers = 16MB
max_connections = 40
"""


class PostgresServer:
    """Can be started, stopped and killed; its data lie in a folder that goes with it.

    Args:
        configuration: lines that count more than ours.
        folder: where its data are to lie.
    """

    def __init__(self, configuration: str = "", folder: Path | None = None) -> None:
        self._bin = _binaries()
        require("a PostgreSQL server", self._bin, "the Debian package postgresql")
        self._folder = Path(tempfile.mkdtemp(prefix="pympler-postgres-", dir=folder))
        self._data = self._folder / "data"
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:  # it refuses to run as root
            user = _unprivileged()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        password = self._folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o644)
        self._run("initdb", "-D", str(self._data), "-U", "tests", "-A", "scram-sha-256", "-N",
                  "--locale=C", "--encoding=UTF8", f"--pwfile={password}")  # fmt: skip
        self.port = _free_port()
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(port=self.port) + configuration)
        self.start()

    def url(self, database: str = "postgres", user: str = "tests", password: str = PASSWORD) -> str:
        quoted = password.replace(" ", "%20")
        return f"postgresql://{user}:{quoted}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Of the process that all others of the server descend from."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @property
    def is_running(self) -> bool:
        """Whether its first process lives."""
        try:
            os.kill(self.pid, 0)
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return False
        return True

    def create(self, database: str) -> str:
        """Make an empty database; returns its name."""
        self._alone(f"CREATE DATABASE {database}")
        return database

    def drop(self, database: str) -> None:
        """Remove a database with all that is in it."""
        self._alone(f"DROP DATABASE {database}")

    def _alone(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._data / "log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``mode`` ``"immediate"`` is like a loss of power."""
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._data))

    def remove(self) -> None:
        if self.is_running:
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        assert self._bin is not None
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, f"{program}: {(done.stderr or b'').decode()}"


def _binaries() -> Path | None:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def _unprivileged() -> Any:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("no unprivileged user to run a server as")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
