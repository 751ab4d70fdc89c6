"""Attempts: the workers of each lane send what it holds, one attempt after the other, and have the end recorded.

A lane has as many workers as it has work for and as its endpoint allows at once. A lane that sends in order has
one, which begins the next attempt only when the result of the last is on disk; after a failure it gives back what
stands behind it, and the database says when the oldest is due again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hookline.core.clock import Clock
from hookline.core.model import Settlement, Work
from hookline.core.notice import Notify, ServiceFailed
from hookline.core.state import DeliveryState
from hookline.delivery import attempt
from hookline.delivery.busy import Busy
from hookline.delivery.claims import Claims
from hookline.delivery.judge import Judge
from hookline.delivery.lane import Lane
from hookline.delivery.outcome import Outcome
from hookline.delivery.returns import Returns
from hookline.delivery.room import Room
from hookline.delivery.sender import Sender
from hookline.delivery.settler import Settler


class Workers:
    """The workers of all lanes. ``on_idle`` is called when the last worker of a lane has ended."""

    def __init__(
        self,
        sender: Sender,
        clock: Clock,
        notify: Notify,
        busy: Busy,
        room: Room,
        claims: Claims,
        settler: Settler,
        returns: Returns,
        judge: Judge,
        *,
        dice: Callable[[], float],
        on_idle: Callable[[Lane], None],
    ) -> None:
        self._sender, self._clock, self._notify, self._busy, self._room = sender, clock, notify, busy, room
        self._claims, self._settler, self._returns, self._judge = claims, settler, returns, judge
        self._dice, self._on_idle = dice, on_idle
        self._under_way: set[str] = set()

    def pump(self, lane: Lane) -> None:
        """Start as many workers as there is work for and the lane allows; at a rate one, which starts the next."""
        if lane.paused or lane.is_elsewhere or self._room.is_closed:
            self._returns.give_back_all(lane)
            return
        if self._clock.steady_ms() >= self._room.sure_until_ms:
            return  # the next sign of life calls again
        now_ms = self._clock.now_ms()
        wanted = len(lane.queue)
        if lane.is_limited:
            wanted = min(wanted, 1)
        while wanted > 0 and lane.may_start(now_ms):
            lane.workers += 1
            wanted -= 1
            self._busy.spawn(self._work(lane))
        if wanted and not lane.workers and now_ms < lane.closed_until_ms():
            self._claims.wake_at(lane, lane.closed_until_ms())

    async def _work(self, lane: Lane) -> None:
        """Make one attempt after the other while the lane has work for us."""
        try:
            while lane.queue and not self._room.is_closed and lane.may_go_on(now_ms := self._clock.now_ms()):
                if self._clock.steady_ms() >= self._room.sure_until_ms:
                    break
                if now_ms + lane.timeout_ms > lane.queue[0].lease_until_ms:
                    self._returns.give_back(lane, lane.queue.popleft())  # an attempt could outlive the lease
                    continue
                if lane.is_limited and (wait_ms := lane.take_turn(now_ms)):
                    lane.hold_until_ms = now_ms + wait_ms
                    self._claims.wake_at(lane, lane.hold_until_ms)
                    break
                work = lane.queue.popleft()
                if lane.is_limited:
                    self.pump(lane)
                await self._attempt(lane, work, now_ms)
                if lane.next_due_ms is not None:
                    self._claims.refill(lane)
        finally:
            lane.workers -= 1
            if lane.queue and lane.closed_until_ms():
                self._yield_queue(lane)
            self._claims.refill(lane)
            if not lane.workers:
                self._on_idle(lane)

    def _yield_queue(self, lane: Lane) -> None:
        """The lane closed: what would wait for longer than its lease goes back to the database."""
        closed_until_ms = lane.closed_until_ms()
        kept = []
        while lane.queue:
            work = lane.queue.popleft()
            if closed_until_ms + lane.timeout_ms > work.lease_until_ms or lane.breaker.is_open:
                self._returns.give_back(lane, work)
                lane.note_due(closed_until_ms)
            else:
                kept.append(work)
        lane.queue.extend(kept)
        if kept:
            self._claims.wake_at(lane, closed_until_ms)

    async def _attempt(self, lane: Lane, work: Work, started_ms: int) -> None:
        if work.delivery_id in self._under_way:
            # Its lease ran out by a clock that was set, or it was cancelled and replayed. Never twice at once:
            # this one waits in the database until the first has ended.
            if lane.fifo:
                self._returns.give_back_all(lane)
            self._returns.give_back(lane, work, until_ms=started_ms + lane.timeout_ms)
            return
        endpoint = lane.endpoint
        self._under_way.add(work.delivery_id)
        try:
            outcome = await self._send(lane, work, started_ms)
        except asyncio.CancelledError:
            self._returns.give_back(lane, work)
            raise
        except Exception as error:  # a fault of ours must not cost the lane its room, nor the delivery its retry
            self._notify(ServiceFailed("dispatcher", f"{type(error).__name__}: {error}"))
            outcome = Outcome(error="internal_error", detail=type(error).__name__)
        finally:
            self._under_way.discard(work.delivery_id)
        now_ms = self._clock.now_ms()
        settlement = attempt.settle(work, endpoint, outcome, started_ms, now_ms, self._dice())
        self._returns.forget(lane, work)
        if not lane.paused and lane.endpoint.url == endpoint.url:  # else it says nothing about the endpoint of today
            self._judge.judge(lane, outcome, settlement, now_ms)
        if lane.fifo:
            await self._settle_in_order(lane, settlement)
        else:
            self._settler.settle(settlement)

    async def _settle_in_order(self, lane: Lane, settlement: Settlement) -> None:
        if settlement.state == DeliveryState.WAITING:
            self._returns.give_back_all(lane)
        if not await self._settler.settled(settlement):
            self._returns.give_back_all(lane)  # somebody changed what is owed: the database knows the order

    async def _send(self, lane: Lane, work: Work, now_ms: int) -> Outcome:
        if lane.target is None:
            return Outcome(error="bad_url", detail=lane.problem)
        if now_ms >= lane.signer_until_ms:
            lane.renew_signer(now_ms)
        headers = attempt.outgoing_headers(work, lane.endpoint, lane.signer, lane.sender_secrets, now_ms)
        return await self._sender.send(
            lane.target,
            headers,
            work.body,
            connect_timeout_s=lane.endpoint.connect_timeout_s,
            timeout_s=lane.endpoint.timeout_s,
        )
