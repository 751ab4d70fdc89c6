"""Attempts: the workers of each lane send what it holds, one attempt after the other, and have the end recorded.

A lane has as many workers as it has work for and as its endpoint allows at once. A lane that sends in order has
one, which begins the next attempt only when the result of the last is on disk; after a failure it gives back what
stands behind it, and the database says when the oldest is due again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from hookline.core.clock import Clock
from hookline.core.fault import described
from hookline.core.model import Endpoint, Settlement, Work
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
from hookline.delivery.sender import Cancel, Sender
from hookline.delivery.settler import Settler


class _UnderWay(NamedTuple):
    """An attempt that has begun: by which version of its endpoint, when, and how to give it up."""

    lane: Lane
    work: Work
    endpoint: Endpoint
    started_ms: int
    cancel: Cancel


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
        self._to_pump: dict[Lane, None] = {}
        self._under_way: dict[str, _UnderWay] = {}
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()

    def pump_soon(self, lane: Lane) -> None:
        """Pump when all who wait for the same commit are answered: its senders first, then its receivers."""
        if not self._to_pump:
            self._busy.begin()
            asyncio.get_running_loop().call_soon(self._pump_all)
        self._to_pump[lane] = None

    def _pump_all(self) -> None:
        lanes, self._to_pump = self._to_pump, {}
        for lane in lanes:
            self.pump(lane)
        self._busy.end()

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
            self._busy.begin()
            self._go_on(lane)
        if wanted and not lane.workers and now_ms < lane.closed_until_ms():
            self._claims.wake_at(lane, lane.closed_until_ms())

    def _go_on(self, lane: Lane) -> None:
        """A worker begins the next attempt, or ends."""
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
            if self._begin(lane, work, now_ms):
                return  # `_ended` calls again
        lane.workers -= 1
        if lane.queue and lane.closed_until_ms():
            self._yield_queue(lane)
        self._claims.refill(lane)
        if not lane.workers:
            self._on_idle(lane)
        self._busy.end()

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

    # -- one attempt -----------------------------------------------------------------------------------

    def _begin(self, lane: Lane, work: Work, now_ms: int) -> bool:
        """Begin an attempt; whether it is under way."""
        if work.delivery_id in self._under_way:
            # Its lease ran out by a clock that was set, or it was cancelled and replayed. Never twice at once:
            # this one waits in the database until the first has ended.
            if lane.fifo:
                self._returns.give_back_all(lane)
            self._returns.give_back(lane, work, until_ms=now_ms + lane.timeout_ms)
            return False
        try:
            cancel = self._send(lane, work, now_ms)
        except Exception as fault:
            cancel = asyncio.get_running_loop().call_soon(self._ended, work.delivery_id, fault).cancel
        self._under_way[work.delivery_id] = _UnderWay(lane, work, lane.endpoint, now_ms, cancel)
        self._none_under_way.clear()
        return True

    def _send(self, lane: Lane, work: Work, now_ms: int) -> Cancel:
        if lane.target is None:
            outcome = Outcome(error="bad_url", detail=lane.problem)
            return asyncio.get_running_loop().call_soon(self._ended, work.delivery_id, outcome).cancel
        if now_ms >= lane.signer_until_ms:
            lane.renew_signer(now_ms)
        headers = attempt.outgoing_headers(work, lane.endpoint, lane.signer, lane.sender_secrets, now_ms)
        return self._sender.begin(
            lane.target,
            headers,
            work.body,
            connect_timeout_s=lane.endpoint.connect_timeout_s,
            timeout_s=lane.endpoint.timeout_s,
            done=lambda outcome: self._ended(work.delivery_id, outcome),
        )

    def _forget(self, delivery_id: str) -> _UnderWay:
        begun = self._under_way.pop(delivery_id)
        if not self._under_way:
            self._none_under_way.set()
        return begun

    def _ended(self, delivery_id: str, outcome: Outcome | BaseException) -> None:
        """What came of an attempt: judged, recorded, and followed by the next."""
        begun = self._forget(delivery_id)
        try:
            settlement = self._judged(begun, outcome)
        except Exception as fault:
            self._complain(fault)
            self._next(begun.lane)
            return
        if begun.lane.fifo:
            self._settle_in_order(begun.lane, settlement)
        else:
            self._settler.settle(settlement)
            self._next(begun.lane)

    def _judged(self, begun: _UnderWay, outcome: Outcome | BaseException) -> Settlement:
        lane, work, endpoint, started_ms, _ = begun
        if isinstance(outcome, BaseException):  # a fault of ours must not cost the delivery its retry
            self._complain(outcome)
            outcome = Outcome(error="internal_error", detail=type(outcome).__name__)
        now_ms = self._clock.now_ms()
        settlement = attempt.settle(work, endpoint, outcome, started_ms, now_ms, self._dice())
        self._returns.forget(lane, work)
        if not lane.paused and lane.endpoint.url == endpoint.url:  # else it says nothing about the endpoint of today
            self._judge.judge(lane, outcome, settlement, now_ms)
        return settlement

    def _complain(self, fault: BaseException) -> None:
        self._notify(ServiceFailed("dispatcher", described(fault)))

    def _settle_in_order(self, lane: Lane, settlement: Settlement) -> None:
        if settlement.state == DeliveryState.WAITING:
            self._returns.give_back_all(lane)

        def settled(held: bool) -> None:
            if not held:
                self._returns.give_back_all(lane)  # somebody changed what is owed: the database knows the order
            self._next(lane)

        self._settler.settle(settlement, settled)

    def _next(self, lane: Lane) -> None:
        if lane.next_due_ms is not None:
            self._claims.refill(lane)
        self._go_on(lane)

    # -- the end ---------------------------------------------------------------------------------------

    async def finish(self, limit_s: float) -> None:
        """Give the attempts that are under way ``limit_s`` to end; what is left is given up, and given back."""
        try:
            async with asyncio.timeout(limit_s):
                await self._none_under_way.wait()
        except TimeoutError:
            for delivery_id in list(self._under_way):
                begun = self._forget(delivery_id)
                begun.cancel()
                self._returns.give_back(begun.lane, begun.work)
                self._next(begun.lane)
