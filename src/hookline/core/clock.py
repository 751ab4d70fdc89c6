"""Time, as an argument. Nothing in Hookline reads a clock that was not handed to it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting for it."""

    def now_ms(self) -> int:
        """UTC milliseconds since 1970."""
        ...

    async def sleep_until(self, at_ms: int) -> None:
        """Return when ``now_ms()`` is at least ``at_ms``."""
        ...
