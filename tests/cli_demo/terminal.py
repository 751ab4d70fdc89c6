"""A command in a terminal of 80 columns and 24 lines."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from pathlib import Path

from tests.cli_demo.running import COMMAND, LIMIT_S


class Terminal:
    """`hookline demo` running in a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        environ["TERM"] = "xterm-256color"
        self._process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read_all)  # a terminal nobody reads holds its program up
        self._reader.start()

    def wait(self) -> tuple[int, str]:
        """Its exit code and all that it wrote."""
        try:
            return self._process.wait(LIMIT_S), self._all()
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            os.close(self._ours)

    def _all(self) -> str:
        self._reader.join()
        return self._written.decode()

    def _read_all(self) -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other side is gone
            while part := os.read(self._ours, 65_536):
                self._written += part
