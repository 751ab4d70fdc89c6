"""Ids in the order they are made: what was published first has the smaller id, also within one millisecond.

The layout is that of `core.ids`: 48 bits of time, then 80 bits that are random in the first id of a millisecond
and grow by a random step in each further one (RFC 9562 §6.2, method 2). A clock that is set back makes no
smaller ids either. Lists and first-in-first-out endpoints rely on that order.

`os.urandom` lets go of the interpreter's lock. Asked for once per event, the event loop would give way to the
store's writer for every event, and wait until it gets the lock back: a tenth of a millisecond where nothing
needs to wait. So random bytes are drawn some thousands at a time.
"""

from __future__ import annotations

import os

#: A stored id further ahead than this was made by a clock that was wrong; to go on from there would make all later
#: ids lie about their time.
FURTHEST_AHEAD_MS = 3_600_000

_DRAWN_AT_ONCE = 8190
_START_BYTES = 10
_STEP_BYTES = 5


class Mint:
    """Makes ids for one process. For one thread."""

    def __init__(self) -> None:
        self._at_ms = 0
        self._random = 0
        self._drawn = b""
        self._used = 0

    def go_on_after(self, made_at_ms: int, now_ms: int) -> None:
        """Make only ids greater than those that another process made until ``made_at_ms``, up to an hour ahead."""
        if self._at_ms <= made_at_ms <= now_ms + FURTHEST_AHEAD_MS:
            self._begin(made_at_ms + 1)

    def make(self, prefix: str, now_ms: int) -> str:
        """An id of the kind ``prefix``, greater than every id this mint has made of that kind."""
        if now_ms > self._at_ms:
            self._begin(now_ms)
        else:
            self._random += 1 + int.from_bytes(self._take(_STEP_BYTES))
        return f"{prefix}{self._at_ms:012x}{self._random:020x}"

    def _begin(self, at_ms: int) -> None:
        self._at_ms = at_ms
        self._random = int.from_bytes(self._take(_START_BYTES)) >> 1  # half of the range is left for the steps

    def _take(self, count: int) -> bytes:
        end = self._used + count
        if end > len(self._drawn):
            self._drawn = os.urandom(_DRAWN_AT_ONCE)
            self._used, end = 0, count
        taken = self._drawn[self._used : end]
        self._used = end
        return taken
