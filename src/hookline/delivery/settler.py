"""Has the end of every attempt recorded, again and again while the store refuses: what was sent was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.model import Settlement
from hookline.core.notice import AttemptMade, LeaseLost, Notify, ServiceFailed
from hookline.core.state import DeliveryState
from hookline.delivery.busy import Busy
from hookline.storage.base import Settled
from hookline.storage.store import Store

#: How long to wait after the store refused a write.
STORE_PAUSE_MS = 1_000


class Settler:
    """Settles deliveries. ``on_owed(endpoint_id, due_at_ms)`` is told, after the commit, what is owed by that.

    That is a delivery that goes on, and what other endpoints are told about it (operational webhooks). ``on_over`` is
    told of endpoints that are owed one delivery less.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notify: Notify,
        busy: Busy,
        on_owed: Callable[[str, int], None],
        on_over: Callable[[str], None],
    ) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self._busy, self._on_owed, self._on_over = busy, on_owed, on_over
        self._complained_at_ms = -STORE_PAUSE_MS

    def settle(self, settlement: Settlement, then: Callable[[bool], None] = lambda _: None) -> None:
        """Record it. Fenced: when the lease went to somebody else by now, nothing changes.

        ``then`` is called when it is on disk, with whether the lease was held.
        """
        self._busy.begin()

        def done(settled: Settled | None, error: BaseException | None) -> None:
            if settled is None:
                self._complain(str(error))
                self._clock.call_at(self._clock.now_ms() + STORE_PAUSE_MS, lambda: self.settle(settlement, then))
            else:
                then(settled.held)
                self._tell(settlement, settled)
            self._busy.end()

        try:
            self._store.deliveries.settle(settlement, done)
        except StoreError as error:
            done(None, error)

    def _complain(self, words: str) -> None:
        """Once in a while: in an outage everything that is in flight meets the same."""
        now_ms = self._clock.now_ms()
        if not self._complained_at_ms <= now_ms < self._complained_at_ms + STORE_PAUSE_MS:
            self._complained_at_ms = now_ms
            self._notify(ServiceFailed("settler", words))

    async def settled(self, settlement: Settlement) -> bool:
        """Record it and wait until it is on disk; whether the lease was held."""
        recorded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def then(held: bool) -> None:
            if not recorded.done():
                recorded.set_result(held)

        self.settle(settlement, then)
        return await recorded

    def _tell(self, settlement: Settlement, settled: Settled) -> None:
        if not settled.held:
            self._notify(LeaseLost(settlement.delivery_id))
            return
        self._say(settlement)
        if settlement.state == DeliveryState.WAITING:
            self._on_owed(settlement.endpoint_id, settlement.due_at_ms)
        else:
            self._on_over(settlement.endpoint_id)
        for endpoint_id in settled.owed:
            self._on_owed(endpoint_id, self._clock.now_ms())

    def _say(self, settlement: Settlement) -> None:
        made = settlement.attempt
        if made is not None:
            self._notify(
                AttemptMade(
                    settlement.delivery_id,
                    settlement.event_id,
                    settlement.endpoint_id,
                    made.number,
                    made.status,
                    made.error,
                    made.duration_ms,
                    settlement.state,
                )
            )
