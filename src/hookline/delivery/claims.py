"""Claiming: what a lane is owed is taken from the database when it is due and the lane has room for it."""

from __future__ import annotations

from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.notice import Notify, ServiceFailed
from hookline.delivery.busy import Busy
from hookline.delivery.lane import Lane
from hookline.delivery.room import Room
from hookline.delivery.settler import STORE_PAUSE_MS
from hookline.storage.base import Claim, Claimed
from hookline.storage.store import Store


class Claims:
    """Claims for all lanes. ``pump`` is called for a lane that has something to send now, ``on_lost`` with a lease of
    which nobody heard whether it was given.

    A claim brings at most ``most_bytes`` of bodies. The lease names ``node``.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notify: Notify,
        busy: Busy,
        room: Room,
        *,
        node: str,
        most_bytes: int,
        pump: Callable[[Lane], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._store, self._clock, self._notify, self._busy, self._room = store, clock, notify, busy, room
        self._node, self._most_bytes, self._pump, self._on_lost = node, most_bytes, pump, on_lost
        self._leases = 0

    def rename(self, node: str) -> None:
        """Leases name another node from now on."""
        self._node = node

    def _note_more(self, lane: Lane, claimed: Claimed, now_ms: int) -> None:
        """When the endpoint is owed something next is its home's business; others help with what is due already."""
        due_at_ms = claimed.next_due_ms
        if lane.is_home or (claimed.works and due_at_ms is not None and due_at_ms <= now_ms):
            lane.note_due(due_at_ms)

    def note_due(self, lane: Lane, due_at_ms: int) -> None:
        """The lane is owed something at that time."""
        lane.note_due(due_at_ms)
        self.refill(lane)

    def refill(self, lane: Lane) -> None:
        """Claim when something is due and there is room; otherwise be called when that may have changed."""
        if lane.turn_ms is not None and not lane.needs_turn():
            lane.give_turn_back()
        if lane.next_due_ms is None or lane.claiming or lane.paused or self._room.is_closed:
            return
        now_ms = self._clock.now_ms()
        at_ms = max(lane.next_due_ms, lane.closed_until_ms())
        if at_ms > now_ms:
            self.wake_at(lane, at_ms)
            return
        if self._clock.steady_ms() >= self._room.sure_until_ms:
            return  # the next sign of life calls again
        wanted = lane.claims()
        if wanted < 1:
            return  # the worker that makes room calls again
        if self._room.is_full and lane.taken.total:
            return  # whatever others hold, each lane may hold one; when that is done, this is called again
        lane.claiming = True
        self._busy.spawn(self._claim(lane, wanted, now_ms))

    def wake_at(self, lane: Lane, at_ms: int) -> None:
        """Look at the lane again at that time, or before."""
        if lane.timer is not None:
            if lane.timer_at_ms <= at_ms:
                return
            lane.timer.cancel()
        lane.timer_at_ms = at_ms
        lane.timer = self._clock.call_at(at_ms, lambda: self._wake(lane))

    def _wake(self, lane: Lane) -> None:
        lane.timer = None
        self._pump(lane)
        self.refill(lane)

    async def _claim(self, lane: Lane, wanted: int, now_ms: int) -> None:
        self._leases += 1
        limit, max_bytes = self._room.claim_begins(wanted, self._most_bytes)
        claim = Claim(
            endpoint_id=lane.endpoint.id,
            limit=limit,
            max_bytes=max_bytes,
            now_ms=now_ms,
            lease=f"{self._node}l{self._leases:x}",
            until_ms=now_ms + lane.lease_ms,
            fifo=lane.fifo,
        )
        # What becomes due while the claim is under way must not be forgotten for its older answer.
        was_due_ms, lane.next_due_ms = lane.next_due_ms, None
        try:
            claimed = await self._store.deliveries.claim(claim)
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            self._on_lost(claim.lease)
            lane.hold_until_ms = max(lane.hold_until_ms, now_ms + STORE_PAUSE_MS)
            claimed = Claimed([], was_due_ms)
        finally:
            lane.claiming = False
            self._room.claim_ends(limit, max_bytes)
        for work in claimed.works:
            lane.taken.by_loop += 1
            self._room.loop_takes(len(work.body))
            lane.queue.append(work)
        self._note_more(lane, claimed, now_ms)
        self._pump(lane)
        self.refill(lane)
