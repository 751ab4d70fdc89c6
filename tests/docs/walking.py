"""A tutorial, walked by somebody with several terminals: its blocks are run as they stand, only on other ports."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+) ([\w.]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Tutorial:
    """The blocks of a page, by what their first line says they are for."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8400": free_port(), "9000": free_port()}
        text = page.read_text()
        for written, ours in self.ports.items():
            text = text.replace(f":{written}", f":{ours}").replace(f", {written})", f", {ours})")
        self._blocks = [(name, block) for _, name, block in _BLOCK.findall(text)]
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOOKLINE_PORT": self.ports["8400"],
        }
        self._started: list[subprocess.Popen[str]] = []

    def blocks(self, name: str) -> list[str]:
        """All blocks for this terminal or file, in their order."""
        return [block for named, block in self._blocks if named == name]

    def start(self, command: str) -> subprocess.Popen[str]:
        """Run it in a terminal of its own."""
        process = subprocess.Popen(
            ["bash", "-ec", f"exec 2>&1\n{command}"],
            cwd=self.folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, *commands: str) -> str:
        """Run them one after the other in one shell; all they said."""
        return subprocess.run(
            ["bash", "-ec", "\n".join(commands)],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    def receive(self, terminal: str = "receiver") -> subprocess.Popen[str]:
        """Start the receiver in this terminal; it listens when this returns."""
        process = self.start(self.blocks(terminal)[0])
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(self.ports["9000"])), timeout=0.05).close()
                return process
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        raise AssertionError("the receiver does not listen")

    def kill(self) -> None:
        """End everything at once."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close all terminals."""
        for process in self._started:
            close(process)


def close(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C in its terminal."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def line(process: subprocess.Popen[str], containing: str) -> str:
    """The next line it prints that contains this."""
    assert process.stdout is not None
    for text in process.stdout:
        if containing in text:
            return text
    raise AssertionError(f"it ended without saying {containing!r}")
