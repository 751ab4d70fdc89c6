"""Looking what is owed to whom: at the start, and whenever something changed that was not told in detail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.model import EndpointState
from hookline.core.notice import Notify, ServiceFailed
from hookline.delivery.busy import Busy
from hookline.delivery.claims import Claims
from hookline.delivery.lanes import Lanes
from hookline.delivery.room import Room
from hookline.delivery.settler import STORE_PAUSE_MS
from hookline.storage.deliveries import Owing
from hookline.storage.store import Store

#: A look costs some ten microseconds for each endpoint that is owed something. When those are so many, looking after
#: every single change would take all the time there is; then the next look begins so long after the last.
MANY_OWED = 2_000
PAUSE_MS = 500
#: Endpoints whose debts end at the same time: more would only fill the store's queue, and publishers would be refused.
MOST_ENDING = 10


#: What is due for so long at an endpoint whose home is another server is more than that one can send.
LATE_MS = 1_500


def _needs_help(owed: Owing, now_ms: int) -> bool:
    """Whether others shall help the home of an endpoint; not when it holds the endpoint back, because that fails."""
    return owed.state == EndpointState.ACTIVE and owed.due_at_ms + LATE_MS <= now_ms


class Lookout:
    """Tells each lane what it is owed, and ends what is owed to nobody. ``agree`` is called before lanes are asked."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notify: Notify,
        busy: Busy,
        room: Room,
        lanes: Lanes,
        claims: Claims,
        agree: Callable[[], None],
    ) -> None:
        self._store, self._clock, self._notify, self._busy, self._room = store, clock, notify, busy, room
        self._lanes, self._claims, self._agree = lanes, claims, agree
        self._looking = False
        self._look_again = False
        self._not_before_ms = 0
        self._ending: set[str] = set()
        self._ends = asyncio.Semaphore(MOST_ENDING)

    def look(self) -> None:
        """Look once more, from now on."""
        if self._looking:
            self._look_again = True
        elif not self._room.is_closed:
            self._looking = True
            if (now_ms := self._clock.now_ms()) < self._not_before_ms <= now_ms + PAUSE_MS:
                self._clock.call_at(self._not_before_ms, self._begin)
            else:
                self._begin()

    def _begin(self) -> None:
        self._look_again = False
        if not self._room.is_closed:
            self._busy.spawn(self._look())

    async def _look(self) -> None:
        try:
            owed = await self._store.deliveries.owed()
            self._agree()  # what was read may be owed to an endpoint that is newer
            now_ms = self._clock.now_ms()
            ours = [one for one in owed if self._lanes.is_home(one.endpoint_id) or _needs_help(one, now_ms)]
            if any(self._lanes.need(one.endpoint_id) is None for one in ours):
                await self._store.catalogue.load()  # another process may have made the endpoint just now
                self._agree()
            for one in ours:
                lane = self._lanes.need(one.endpoint_id)
                if lane is not None:
                    self._claims.note_due(lane, one.due_at_ms)
                else:
                    self._end(one.endpoint_id)
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            self._clock.call_at(self._clock.now_ms() + STORE_PAUSE_MS, self.look)
        else:
            if len(owed) >= MANY_OWED:
                self._not_before_ms = self._clock.now_ms() + PAUSE_MS
        finally:
            self._looking = False
            if self._look_again:
                self._look_again = False
                self.look()

    def _end(self, endpoint_id: str) -> None:
        """Nothing is sent to it any more; attempts that are under way come first, and end as they end."""
        if not self._lanes.has_under_way(endpoint_id) and endpoint_id not in self._ending:
            self._ending.add(endpoint_id)
            self._busy.spawn(self._end_owed_to(endpoint_id))

    async def _end_owed_to(self, endpoint_id: str) -> None:
        """Beside everything else: a large debt must not delay other endpoints."""
        reason = "endpoint_disabled" if self._lanes.knows(endpoint_id) else "endpoint_deleted"
        try:
            async with self._ends:
                await self._store.deliveries.end_owed_to(endpoint_id, reason, self._clock.now_ms())
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            self._clock.call_at(self._clock.now_ms() + STORE_PAUSE_MS, self.look)
        finally:
            self._ending.discard(endpoint_id)
