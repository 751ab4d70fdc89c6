"""`hookline demo` as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "hookline", "demo"]
LIMIT_S = 30


@dataclass
class Running:
    """The process, with its output as it comes."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        """The next line on standard output; empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def until(self, kind: str) -> list[dict[str, Any]]:
        """The JSON lines up to and with the first of this kind."""
        lines: list[dict[str, Any]] = []
        while not lines or lines[-1]["kind"] != kind:
            text = self.line()
            assert text, f"it ended before {kind}: {self.process.communicate(timeout=LIMIT_S)[1]}"
            lines.append(json.loads(text))
        return lines

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Send it a signal; its exit code, the rest of its output, its errors."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """Wait for its end; its exit code, the rest of its output, its errors."""
        output, errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, output, errors


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **environ: str) -> Iterator[Running]:
    """Start it with ``folder`` as its working folder and, below that, the one for temporary files."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "80", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(LIMIT_S, process.kill)  # so that a line that never comes is an end, not a wait
    watchdog.start()
    try:
        yield Running(process)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()


def left_behind(folder: Path) -> list[str]:
    """What is in the folder for temporary files."""
    return sorted(path.name for path in (folder / "tmp").iterdir())


def secrets_in(kept: Path) -> list[str]:
    """Every secret of a kept folder."""
    files = [kept / "secret", *(kept / "secrets").iterdir()]
    return [path.read_text().strip() for path in files]
