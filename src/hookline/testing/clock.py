"""A clock that moves only when it is told to: years of retries in a second."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

#: 2026-01-01T00:00:00Z
START_MS = 1_767_225_600_000


class _Timer:
    """One entry of the clock's agenda."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """A Clock for tests. ``jump_to`` moves it; `elapse` in this room moves it from one timer to the next."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self._now_ms = start_ms
        self._order = 0
        self._agenda: list[tuple[int, int, _Timer]] = []

    def now_ms(self) -> int:
        return self._now_ms

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        self._order += 1
        heapq.heappush(self._agenda, (at_ms, self._order, timer))
        return timer

    async def sleep_until(self, at_ms: int) -> None:
        if at_ms <= self._now_ms:
            await asyncio.sleep(0)
            return
        reached = asyncio.Event()
        timer = self.call_at(at_ms, reached.set)
        try:
            await reached.wait()
        finally:
            timer.cancel()

    def steady_ms(self) -> int:
        return self._now_ms

    async def wait_ms(self, span_ms: int) -> None:
        await self.sleep_until(self._now_ms + span_ms)

    def next_timer_ms(self) -> int | None:
        """When something is due next; None when nothing is."""
        while self._agenda and self._agenda[0][2].cancelled:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def jump_to(self, at_ms: int) -> None:
        """Move to ``at_ms`` (never back) and call everything that is due by then, in order."""
        while (due_ms := self.next_timer_ms()) is not None and due_ms <= at_ms:
            _, _, timer = heapq.heappop(self._agenda)
            self._now_ms = max(self._now_ms, due_ms)
            timer.callback()
        self._now_ms = max(self._now_ms, at_ms)
