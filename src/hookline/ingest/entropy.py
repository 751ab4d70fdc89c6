"""Random bytes for ids, drawn a few thousand at a time.

`os.urandom` lets go of the interpreter's lock. Asked for once per event, the event loop would give way to the store's
writer for every event, and wait until it gets the lock back: a tenth of a millisecond where nothing needs to wait.
"""

from __future__ import annotations

import os

_DRAWN_AT_ONCE = 8192


class Entropy:
    """Slices of random bytes, none of which is handed out twice. For one thread."""

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """``count`` random bytes, at most 8192."""
        end = self._used + count
        if end > len(self._drawn):
            self._drawn = os.urandom(_DRAWN_AT_ONCE)
            self._used, end = 0, count
        taken = self._drawn[self._used : end]
        self._used = end
        return taken
