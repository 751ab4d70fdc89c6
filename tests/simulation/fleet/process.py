"""What a server runs in: a process with a clock of its own, which can be paused and killed.

Everything that comes from outside (a timer, an answer of the database, of a receiver, what another server announced)
goes through `arrive`. A paused process gets all of it when it goes on, in any order; a dead one never.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from hookline.core.clock import Timer
from hookline.testing.clock import START_MS

T = TypeVar("T")

#: How long a machine runs before its first server begins, at most.
MOST_UPTIME_MS = 10**10

_owner: ContextVar[Process | None] = ContextVar("_owner", default=None)


class Process:
    """One process. ``skew_ms``: how far its clock is wrong."""

    def __init__(self, name: str, dice: random.Random, skew_ms: int = 0) -> None:
        self.name, self.dice = name, dice
        self.clock = ProcessClock(self, skew_ms)
        self.is_dead = self.is_paused = False
        self.is_cut_off = False  #: from the database
        self.node_ids: set[str] = set()  #: under which it was counted
        self._held: list[Callable[[], object]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._context = copy_context()
        self._context.run(_owner.set, self)

    # -- its life ----------------------------------------------------------------------------------------

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` in this process."""
        return asyncio.get_running_loop().create_task(work, context=self._context)

    def pause(self) -> None:
        """From now on nothing arrives (SIGSTOP)."""
        self.is_paused = True

    def go_on(self) -> None:
        """Everything that was due meanwhile arrives now (SIGCONT)."""
        self.is_paused = False
        held, self._held = self._held, []
        self.dice.shuffle(held)
        for callback in held:
            self.arrive(callback)

    def kill(self) -> None:
        """Nothing of it runs again."""
        self.is_dead = True
        for task in list(self._tasks):
            task.cancel()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """The task is one of this process."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what comes from outside -------------------------------------------------------------------------

    def arrive(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` in this process, as soon as it runs."""
        asyncio.get_running_loop().call_soon(self._take, callback, context=self._context)

    def arrive_at(self, when_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """The same, at a time of the loop."""
        return asyncio.get_running_loop().call_at(when_s, self._take, callback, context=self._context)

    def _take(self, callback: Callable[[], object]) -> None:
        if self.is_paused:
            self._held.append(callback)
        elif not self.is_dead:
            callback()


def _passed_ms() -> int:
    return math.floor(asyncio.get_running_loop().time() * 1000 + 1e-6)


class _Alarm:
    """A timer of a process, which can be cancelled also when it is due already."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self.handle: asyncio.TimerHandle | None = None
        self._cancelled = False

    def ring(self) -> None:
        if not self._cancelled:
            self._callback()

    def cancel(self) -> None:
        self._cancelled = True
        if self.handle is not None:
            self.handle.cancel()


class ProcessClock:
    """The Clock of a process: simulated time, wrong by ``skew_ms``. Its steady clock began at some time or other."""

    def __init__(self, process: Process, skew_ms: int) -> None:
        self._process, self._start_ms = process, START_MS + skew_ms
        self._steady_start_ms = process.dice.randrange(MOST_UPTIME_MS)

    def now_ms(self) -> int:
        return self._start_ms + _passed_ms()

    def steady_ms(self) -> int:
        return self._steady_start_ms + _passed_ms()

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> Timer:
        alarm = _Alarm(callback)
        when_s = max(asyncio.get_running_loop().time(), (at_ms - self._start_ms) / 1000)
        alarm.handle = self._process.arrive_at(when_s, alarm.ring)
        return alarm

    async def wait_ms(self, span_ms: int) -> None:
        await self.sleep_until(self.now_ms() + span_ms)

    async def sleep_until(self, at_ms: int) -> None:
        if at_ms <= self.now_ms():
            await asyncio.sleep(0)
            return
        reached = asyncio.Event()
        timer = self.call_at(at_ms, reached.set)
        try:
            await reached.wait()
        finally:
            timer.cancel()


def owned_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T] | Generator[Any, None, T],
    context: Context | None = None,
) -> asyncio.Task[T]:
    """A task factory: what a process begins is a part of it."""
    task = asyncio.Task(work, loop=loop, context=context)
    owner = context[_owner] if context is not None and _owner in context else _owner.get()
    if owner is not None:
        owner.adopt(task)
    return task
