"""Keeping the store bounded while it serves: old events, keys and rejections go, their space is given back."""

from __future__ import annotations

import math

from hookline.config.settings import Settings
from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.notice import Notify, RetentionDone, ServiceFailed
from hookline.storage.retention import Cut
from hookline.storage.store import Store

#: Between two rounds. Retention counts in days; a minute keeps each round small.
INTERVAL_MS = 60_000


class Housekeeper:
    """Tidies up, a round a minute."""

    def __init__(self, store: Store, clock: Clock, notify: Notify, settings: Settings) -> None:
        self._store, self._clock, self._notify, self._settings = store, clock, notify, settings

    async def run(self) -> None:
        """Tidy until cancelled; of several servers one does it."""
        while True:
            now_ms = self._clock.now_ms()
            try:
                if await self._store.retention.is_due(now_ms, now_ms + INTERVAL_MS - 1):
                    await self.tidy()
            except StoreError as error:
                self._notify(ServiceFailed("housekeeping", error.message))
            await self._clock.wait_ms(INTERVAL_MS)

    async def tidy(self) -> RetentionDone:
        """One round: everything whose time is over goes."""
        now_ms = self._clock.now_ms()
        longest_ms = self._longest_ms()
        events = await self._partitions(now_ms, longest_ms)
        for source_id in await self._store.retention.sources():
            events += await self._forget_events(source_id, now_ms, longest_ms)
        payloads = await self._store.retention.forget_payloads(now_ms)
        keys = 0
        while forgotten := await self._store.retention.forget_keys(now_ms):
            keys += forgotten
        oldest_ms = _before(now_ms, self._settings.rejections_max_age_s)
        rejections = await self._store.rejections.trim(self._settings.rejections_max, oldest_ms)
        done = RetentionDone(events, rejections, keys, payloads)
        if events or keys or rejections or payloads:
            while await self._store.retention.reclaim_space():
                pass  # a few megabytes at a time
            self._notify(done)
        return done

    async def _partitions(self, now_ms: int, longest_ms: float) -> int:
        """Make and drop what is made and dropped as a whole. When that fails, the rest is tidied all the same."""
        try:
            await self._store.retention.make_room(now_ms, longest_ms)
            return await self._store.retention.drop_old(now_ms, longest_ms)
        except StoreError as error:
            self._notify(ServiceFailed("housekeeping", error.message))
            return 0

    async def prepare(self) -> None:
        """Be ready for the events that will come. Raises StoreError."""
        await self._store.retention.make_room(self._clock.now_ms(), self._longest_ms())

    def _longest_ms(self) -> float:
        own = (source.retention_s for source in self._store.routing.sources.values())
        return 1000 * max(self._settings.retention_s, *(one for one in own if one is not None), 0.0)

    async def _forget_events(self, source_id: str, now_ms: int, longest_ms: float) -> int:
        source = self._store.routing.sources.get(source_id)
        own_s = source.retention_s if source is not None else None
        retention_s = self._settings.retention_s if own_s is None else own_s
        if 1000 * retention_s >= longest_ms:  # such events are forgotten all at once, as far as that is possible
            retention_s += self._store.retention.slack_ms(longest_ms) / 1000
        cut = Cut(source_id, _before(now_ms, retention_s))
        events = 0
        while forgotten := await self._store.retention.forget_events(cut):
            events += forgotten
            await self._store.retention.reclaim_space()
        return events


def _before(now_ms: int, age_s: float) -> int:
    return 0 if math.isinf(age_s) else max(0, now_ms - int(age_s * 1000))
