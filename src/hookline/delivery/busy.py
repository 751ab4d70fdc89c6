"""What is under way, counted, so that somebody can wait until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hookline.core.notice import Notify, ServiceFailed


class Busy:
    """Counts what has begun and not ended, and owns the tasks that were spawned through it."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.count = 0

    def begin(self) -> None:
        """Something began."""
        self.count += 1
        self._idle.clear()

    def end(self) -> None:
        """It ended."""
        self.count -= 1
        if not self.count:
            self._idle.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside everything else. An error in it is told, not raised."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        self.begin()
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._notify(ServiceFailed("dispatcher", f"{type(error).__name__}: {error}"))
        self.end()

    async def idle(self) -> None:
        """Return when nothing is under way."""
        await self._idle.wait()

    async def finish(self, limit_s: float) -> None:
        """Give the tasks ``limit_s`` to end, then cancel them; then give what is left the same time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(max(1.0, limit_s)):
                await self._idle.wait()
        except TimeoutError:
            return  # the store refuses: the leases will end by themselves
