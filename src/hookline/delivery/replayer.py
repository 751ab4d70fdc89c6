"""Pushes replays of many events forward until they are done."""

from __future__ import annotations

import asyncio

from hookline.core.clock import Clock
from hookline.core.errors import HooklineError
from hookline.core.notice import Notify, ServiceFailed
from hookline.storage.replays import ReplayState
from hookline.storage.store import Store

#: How long to wait after the store refused a step.
PAUSE_MS = 1_000


class Replayer:
    """Runs every replay that is not finished: those begun here, and those that a crash or a person left."""

    def __init__(self, store: Store, clock: Clock, notify: Notify) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self._wake = asyncio.Event()
        self._wake.set()

    def wake(self) -> None:
        """There may be a new replay."""
        self._wake.set()

    async def run(self) -> None:
        """Push until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for replay in await self._store.replays.running():
                    await self._push(replay.id, replay.org_id)
            except HooklineError as error:
                self._notify(ServiceFailed("replayer", error.message))
                await self._clock.sleep_until(self._clock.now_ms() + PAUSE_MS)
                self._wake.set()

    async def _push(self, replay_id: str, org_id: str) -> None:
        replay = await self._store.replays.step(replay_id, org_id, self._clock.now_ms())
        while replay.state == ReplayState.RUNNING:
            replay = await self._store.replays.step(replay_id, org_id, self._clock.now_ms())
