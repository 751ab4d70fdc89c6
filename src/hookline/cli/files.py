"""Files that a command reads; ``-`` is standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from hookline.core.errors import InvalidInput

STANDARD_INPUT = "-"


def read_bytes(flag: str, name: str) -> bytes:
    """The bytes of a file. Raises InvalidInput, naming the flag, when it cannot be read."""
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{flag}: cannot read {name}: {error.strerror}") from None
