"""The real clock: wall time for what is stored, the event loop's time for waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from hookline.core.clock import Timer

#: Linux has a clock that goes on while the machine is suspended; elsewhere the steady one does, or nothing does.
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """A Clock that follows this machine's. When the wall clock is set back, timers fire again until they are due."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> Timer:
        delay_s = max(0, at_ms - self.now_ms()) / 1000
        return asyncio.get_running_loop().call_later(delay_s, callback)

    async def sleep_until(self, at_ms: int) -> None:
        while (wait_ms := at_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - it is time that is awaited
            await asyncio.sleep(wait_ms / 1000)

    def steady_ms(self) -> int:
        return time.clock_gettime_ns(_STEADY) // 1_000_000

    async def wait_ms(self, span_ms: int) -> None:
        await asyncio.sleep(span_ms / 1000)
