"""Letting time pass for a whole server on a fake clock: from one timer to the next, with nothing left half done."""

from __future__ import annotations

import asyncio

from hookline.app import Server
from hookline.testing.clock import FakeClock

#: So many turns of the event loop without any progress mean that everything waits for the clock. A chain of
#: work (settle, commit, claim, send) makes progress at least every third turn.
_STILL_TURNS = 8


async def settle(server: Server) -> None:
    """Return when nothing can happen unless the clock moves. For servers built with ``threads=False``."""
    still, last = 0, (-1, -1)
    while still < _STILL_TURNS:
        await asyncio.sleep(0)
        now = (server.dispatcher.busy, server.store.database.waiting)
        still = still + 1 if now == last else 0
        last = now


async def elapse(server: Server, clock: FakeClock, seconds: float) -> None:
    """Let ``seconds`` pass; everything that falls due in between happens at its own time."""
    until_ms = clock.now_ms() + round(seconds * 1000)
    await settle(server)
    while (next_ms := clock.next_timer_ms()) is not None and next_ms <= until_ms:
        clock.jump_to(next_ms)
        await settle(server)
    clock.jump_to(until_ms)
    await settle(server)
