"""Time, as an argument. Nothing in Hookline reads a clock that was not handed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """It shall not happen."""
        ...


class Clock(Protocol):
    """What time it is, and being called when it is another time."""

    def now_ms(self) -> int:
        """UTC milliseconds since 1970."""
        ...

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the event loop once ``now_ms()`` is at least ``at_ms``."""
        ...

    async def sleep_until(self, at_ms: int) -> None:
        """Return when ``now_ms()`` is at least ``at_ms``."""
        ...

    def steady_ms(self) -> int:
        """Milliseconds since some moment, however often the time of day is set; also while the machine sleeps."""
        ...

    async def wait_ms(self, span_ms: int) -> None:
        """Return after ``span_ms``, whatever the time of day is by then."""
        ...
