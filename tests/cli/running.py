"""A real server in a process of its own, and ``hookline`` beside it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

COMMAND = (sys.executable, "-m", "hookline")

#: Obviously fake; what signs and what verifies in these tests.
GITHUB_SECRET = "not-a-real-secret-0123456789"
SERVER_SECRET = "not-a-real-server-secret-0123456789"

LIMIT_S = 30.0


def environment(**more: str) -> dict[str, str]:
    """The variables of a test: those of the machine, none of Hookline's but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    return {**kept, "GITHUB_WEBHOOK_SECRET": GITHUB_SECRET, "HOOKLINE_SECRET": SERVER_SECRET, **more}


@dataclass(frozen=True, slots=True)
class Result:
    """What a command ended with."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


async def hookline(folder: Path, *arguments: str, **more: str) -> Result:
    """Run ``hookline`` in a process of its own until it ends."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment(**more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), err.decode())


@dataclass(slots=True)
class Serving:
    """``hookline serve --json`` on a free port, as an async context manager."""

    folder: Path
    flags: tuple[str, ...] = ()
    address: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    process: Process | None = None

    async def __aenter__(self) -> Serving:
        self.process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", "--json", "--port", "0", *self.flags, cwd=self.folder, env=environment(),
            stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            line = await self.process.stdout.readline()
            assert line, (await self.process.communicate())[1].decode()
        self.told = json.loads(line)
        self.address = self.told["address"]
        return self

    async def ended(self) -> Result:
        """Wait until the process has ended."""
        assert self.process is not None
        async with asyncio.timeout(LIMIT_S):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Result(self.process.returncode, out.decode(), err.decode())

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        assert self.process is not None
        self.process.send_signal(number)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
            await self.process.communicate()
