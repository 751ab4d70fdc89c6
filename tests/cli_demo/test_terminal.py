"""In a terminal of 80 columns: a live table, nothing broken over two lines."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from tests.cli_demo.running import COMMAND, LIMIT_S

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_the_live_table_fits_into_80_columns(tmp_path: Path) -> None:
    code, screen = in_a_terminal([*COMMAND, "--once", "--port", "0"], tmp_path)
    lines = _ESCAPES.sub("", screen).replace("\r", "\n").splitlines()
    assert code == 0
    assert "0 of 14" in screen
    last_table = lines[
        len(lines) - 1 - [line.strip().split()[:2] == ["from", "event"] for line in lines[::-1]].index(True) :
    ]
    rows = [line for line in last_table if line.startswith("✓")]
    assert len(rows) == 14
    assert max(map(len, rows)) <= 80
    assert any("stale_timestamp" in row and "401" in row for row in rows)
    assert "\x1b[?25h" in screen, "the cursor is shown again"


def in_a_terminal(command: list[str], folder: Path) -> tuple[int, str]:
    """Run it in a terminal of 80 columns and 24 lines; its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environ["TERM"] = "xterm-256color"
    process = subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = bytearray()
    try:
        while part := read(ours):
            written += part
        return process.wait(LIMIT_S), written.decode()
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def read(terminal: int) -> bytes:
    """What was written, or nothing when the other side is gone."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""
