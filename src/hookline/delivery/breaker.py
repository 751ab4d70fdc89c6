"""The breaker of one endpoint: after many failures in a row, hold everything back and probe with one at a time.

    CLOSED ──threshold failures in a row──► OPEN ──cool-down over──► one probe
      ▲                                      ▲                         │ │
      │                                      └──── failed: twice as ───┘ │
      └──────────────────────────────── succeeded ───────────────────────┘

What is held back is not lost and uses up no attempt: it stays in the database and waits.
Precedents for the numbers: Envoy ejects for 30 s times the number of ejections, up to 300 s; Svix disables
after days. We probe for ever, at most a quarter of an hour apart.
"""

from __future__ import annotations

FIRST_COOL_DOWN_MS = 30_000
LONGEST_COOL_DOWN_MS = 900_000


class Breaker:
    """Counts failures in a row. ``threshold`` 0 never opens."""

    __slots__ = ("_cool_down_ms", "_failures", "_threshold", "open_until_ms")

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._failures = 0
        self._cool_down_ms = FIRST_COOL_DOWN_MS
        #: Nothing is sent before this; 0 while closed. When it is over, one probe may go.
        self.open_until_ms = 0

    @property
    def is_open(self) -> bool:
        """Whether at most one probe at a time may go."""
        return self.open_until_ms > 0

    @property
    def has_failed(self) -> bool:
        """Whether it knows of a failure after the last success."""
        return self._failures > 0 or self.is_open

    def open(self, now_ms: int) -> None:
        """Begin open, with a probe at once: so it was when the server stopped."""
        self.open_until_ms = max(1, now_ms)

    def succeeded(self) -> bool:
        """Note a success; whether that closed the breaker."""
        was_open = self.is_open
        self._failures = 0
        self._cool_down_ms = FIRST_COOL_DOWN_MS
        self.open_until_ms = 0
        return was_open

    def failed(self, now_ms: int) -> bool:
        """Note a failure; whether that opened the breaker."""
        self._failures += 1
        if self.is_open:
            self._cool_down_ms = min(2 * self._cool_down_ms, LONGEST_COOL_DOWN_MS)
            self.open_until_ms = now_ms + self._cool_down_ms
            return False
        if self._threshold and self._failures >= self._threshold:
            self.open_until_ms = now_ms + self._cool_down_ms
            return True
        return False
