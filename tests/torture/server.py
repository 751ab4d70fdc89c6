"""The real server as a subprocess that can be killed: one object is one life of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

START_LIMIT_S = 30.0
STOP_LIMIT_S = 30.0


class ServerProcess:
    """``hookline serve`` from its start to its end.

    Its output goes to ``log``, where a person looks when something went wrong. ``port`` is the one that the
    command tells it to listen on: the line that names its address says that it is ready.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path, port: int) -> None:
        self._command, self._environ, self._log = list(command), dict(environ), log
        self._address = f"http://127.0.0.1:{port}".encode()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.started_at_s = 0.0  #: when it was started, as the receiver counts

    async def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self.started_at_s = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read())

    async def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Return when it listens. Raises TimeoutError, or AssertionError when it ended instead."""
        assert self._reader is not None
        ready = asyncio.create_task(self._ready.wait())
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.wait({ready, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        assert self._ready.is_set(), f"the server ended while it was starting; see {self._log}"

    async def kill(self) -> None:
        """End it as a power cut of its process would: nothing is flushed, nothing is said goodbye to."""
        self._signal(signal.SIGKILL)
        await self._end()

    def pause(self) -> None:
        """Stop it where it is, as a virtual machine that is moved does; all its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, which it does as if no time had passed."""
        self._signal(signal.SIGCONT)

    async def ended(self) -> int:
        """Return when it has ended, whatever the cause; its exit code."""
        return await self._end()

    async def stop(self, limit_s: float = STOP_LIMIT_S) -> int:
        """Ask it to end, and wait; its exit code. Raises TimeoutError."""
        self._signal(signal.SIGTERM)
        async with asyncio.timeout(limit_s):
            return await self._end()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _end(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = await self._process.wait()
        await self._reader
        return code

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._log.open("ab") as log:
            async for line in self._process.stdout:
                log.write(line)
                log.flush()
                if self._address in line:
                    self._ready.set()


def serve_command(config: Path, database_url: str, port: int) -> list[str]:
    """The command line of a server on this database; its data folder is that of its configuration."""
    flags = {
        "--config": str(config),
        "--database": database_url,
        "--port": str(port),
        "--data-dir": str(config.parent),
    }
    hookline = Path(sys.executable).with_name("hookline")
    return [str(hookline), "serve", *(part for flag in flags.items() for part in flag)]


def environment(secrets: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without its own settings of Hookline, and with these secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")} | dict(secrets)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
