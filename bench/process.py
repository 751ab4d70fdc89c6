"""Processes under measurement: pinned to a core, ended by their id, read through /proc (so: on Linux)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

START_LIMIT_S = 30.0
STOP_LIMIT_S = 60.0

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: The cores that we may use: asked once, before this process gives any of them up.
_CORES = sorted(os.sched_getaffinity(0))


class Process:
    """A program that says ``{"address": …}`` on its standard output when it is ready.

    A context manager: at its end the program is gone. Its standard error goes to ``log``.
    """

    def __init__(self, command: Sequence[str], *, core: int | None, log: Path, environ: Mapping[str, str] = {}) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
        with log.open("ab") as errors, pinned(core):
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=kept | dict(environ),
                text=True,
            )
        self._log, self._name = log, " ".join(command)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def address(self) -> str:
        """Where it listens, as soon as it does. Raises RuntimeError when it does not come to that."""
        said: str = self.line(START_LIMIT_S)["address"]
        return said

    def line(self, limit_s: float) -> dict[str, Any]:
        """The next line that it says, which is JSON."""
        assert self._popen.stdout is not None
        ready, _, _ = select.select([self._popen.stdout], [], [], limit_s)
        text = self._popen.stdout.readline() if ready else ""
        if not text:
            raise RuntimeError(f"{self._name} said nothing; see {self._log}:\n{self._log.read_text()[-2000:]}")
        said: dict[str, Any] = json.loads(text)
        return said

    def cpu_s(self) -> float:
        """Seconds of CPU that it and its children have used, in user and in kernel mode."""
        return sum(_cpu_s(pid) for pid in self._pids())

    def rss_mb(self) -> float:
        """Its resident memory now, and its children's, in MiB."""
        return sum(self._status("VmRSS", pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        own = self._popen.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def peak_rss_mb(self) -> float:
        """Its largest resident memory so far, in MiB."""
        return self._status("VmHWM", self._popen.pid)

    @staticmethod
    def _status(name: str, pid: int) -> float:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"/proc says no {name}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


@contextlib.contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """What is started here runs on one core; None: on any."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores() -> tuple[int | None, int | None]:
    """One core for the server and one for load and sink; None where there is only one."""
    return (_CORES[-1], _CORES[0]) if len(_CORES) > 1 else (None, None)


def python(module: str, **options: object) -> list[str]:
    """The command line of one of our own programs."""
    given = {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}
    flags = [name if value is True else f"{name}={value}" for name, value in given.items()]
    return [sys.executable, "-m", module, *flags]
