"""Pushes replays of many events forward until they are done."""

from __future__ import annotations

from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.notice import Notify, ServiceFailed
from hookline.delivery.pusher import Pusher
from hookline.storage.replays import ReplayState
from hookline.storage.store import Store


class Replayer:
    """Runs every replay that is not finished: those begun here, and those that a crash or a person left.

    ``is_ours``: whether this server is the home of a replay; several would only get into each other's way.
    """

    def __init__(
        self, store: Store, clock: Clock, notify: Notify, is_ours: Callable[[str], bool] = lambda replay_id: True
    ) -> None:
        self._store, self._clock, self._is_ours = store, clock, is_ours
        self._pusher = Pusher(clock, self._push, lambda words: notify(ServiceFailed("replayer", words)))

    def wake(self) -> None:
        """There may be a new replay."""
        self._pusher.wake()

    async def run(self) -> None:
        """Push until cancelled."""
        await self._pusher.run()

    async def _push(self) -> None:
        for replay in await self._store.replays.running():
            if not self._is_ours(replay.id):
                continue
            state = replay.state
            while state == ReplayState.RUNNING:
                state = (await self._store.replays.step(replay.id, replay.org_id, self._clock.now_ms())).state
