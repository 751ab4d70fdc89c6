"""Work that lies on disk in steps: pushed until nothing of it is left, again when there is more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hookline.core.clock import Clock
from hookline.core.errors import HooklineError

#: How long to wait after the store refused a step.
PAUSE_MS = 1_000


class Pusher:
    """Calls ``push`` at its start and whenever it is woken. ``on_error`` is told, in words, what the store refused.

    What is on disk is the truth: ``push`` asks what there is, so nothing is lost when this process ends.
    """

    def __init__(self, clock: Clock, push: Callable[[], Awaitable[None]], on_error: Callable[[str], None]) -> None:
        self._clock, self._push, self._on_error = clock, push, on_error
        self._wake = asyncio.Event()
        self._wake.set()

    def wake(self) -> None:
        """There may be something to push."""
        self._wake.set()

    async def run(self) -> None:
        """Push until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._push()
            except HooklineError as error:
                self._on_error(error.message)
                await self._clock.wait_ms(PAUSE_MS)
                self._wake.set()
