"""Writes the deliveries of events that go to very many endpoints, some at a time, so that nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.notice import Notify, ServiceFailed
from hookline.delivery.pusher import Pusher
from hookline.storage.store import Store


class Fanout:
    """Writes what is missing: of the events stored here, and of those that a crash left half written.

    All that wait take turns, a step each, so that the widest does not delay the others. ``is_ours``: whether this
    server is the home of an event; several would only wait for each other.
    """

    def __init__(
        self, store: Store, clock: Clock, notify: Notify, is_ours: Callable[[str], bool] = lambda event_id: True
    ) -> None:
        self._store, self._clock, self._is_ours = store, clock, is_ours
        self._pusher = Pusher(clock, self._push, lambda words: notify(ServiceFailed("fanout", words)))

    def wake(self) -> None:
        """There may be an event whose deliveries are missing."""
        self._pusher.wake()

    async def run(self) -> None:
        """Write until cancelled."""
        await self._pusher.run()

    async def _push(self) -> None:
        while waiting := [one for one in await self._store.fanouts.waiting() if self._is_ours(one)]:
            for event_id in waiting:
                await self._store.fanouts.step(event_id, self._clock.now_ms())
