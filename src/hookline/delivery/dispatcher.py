"""The dispatcher: takes what is owed, sends it, settles it. One lane per endpoint.

New deliveries arrive *born leased* from the commit that stored them (``reserve`` on the writer's thread, then
``leased`` on the event loop), so a first try costs no query. Everything else (retries, what found no room,
what another process left) is claimed from the database, one endpoint at a time, when its time has come.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.model import Endpoint, EndpointState, Source, Work
from hookline.core.notice import (
    EndpointDisabled,
    EndpointPaused,
    EndpointResumed,
    Notify,
    ServiceFailed,
)
from hookline.core.providers import registry
from hookline.delivery import attempt
from hookline.delivery.busy import Busy
from hookline.delivery.lane import Lane
from hookline.delivery.outcome import Outcome
from hookline.delivery.room import Room
from hookline.delivery.sender import Sender
from hookline.delivery.settler import STORE_PAUSE_MS, Settler
from hookline.storage.base import Claim, Claimed
from hookline.storage.routing import Routing
from hookline.storage.store import Store

#: Bytes of bodies that may wait in memory, in all lanes together.
MOST_BYTES = 64 * 1024 * 1024
#: Deliveries that may wait in memory, in all lanes together.
MOST_WORKS = 5_000


class Dispatcher:
    """Sends everything that is owed, until it is stopped. ``node`` is unique to this run of this process."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        notify: Notify,
        *,
        node: str,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._sender, self._clock, self._notify = store, sender, clock, notify
        self._node, self._dice = node, dice
        self._lanes: dict[str, Lane] = {}
        self._leaving: dict[str, Lane] = {}  #: of endpoints that are gone, while attempts are under way
        self._routing: Routing | None = None  #: what the lanes agree with
        self._stopping = False
        self._under_way: set[str] = set()
        self._leases_by_writer = 0
        self._leases_by_loop = 0
        self._room = Room(MOST_WORKS, MOST_BYTES)
        self._busy = Busy(notify)
        self._settler = Settler(store, clock, notify, self._busy, self._owed)
        self._looking = False
        self._look_again = False
        self.given_back = 0
        #: Called when an event waits for its deliveries to be written.
        self.on_wide: Callable[[], None] = lambda: None

    # -- Leasing: called on the writer's thread, inside the commit -------------------------------------

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        """A lease for a delivery that is being stored, when its lane has room for it."""
        lane = self._lanes.get(endpoint_id)
        if lane is None or lane.room < 1 or self._stopping or lane.paused or lane.breaker.is_open:
            return None
        now_ms = self._clock.now_ms()
        if now_ms < lane.hold_until_ms:
            return None
        if not self._room.writer_takes(size):
            return None
        lane.taken.by_writer += 1
        self._leases_by_writer += 1
        return f"{self._node}w{self._leases_by_writer:x}", now_ms + lane.lease_ms

    def release(self, endpoint_id: str, size: int) -> None:
        """The commit failed: the reservation comes to nothing."""
        lane = self._lanes.get(endpoint_id)
        if lane is not None:
            lane.taken.by_writer -= 1
        self._room.writer_gives_back(size)

    # -- what the store tells us, on the event loop ----------------------------------------------------

    def leased(self, works: Sequence[Work]) -> None:
        """Deliveries were stored, born leased to us."""
        self._reconcile()
        for work in works:
            lane = self._lanes.get(work.endpoint_id)
            if lane is None:  # removed since the commit: given back, so that look() can end the debt
                self._give_back(None, work)
                continue
            lane.queue.append(work)
            self._pump(lane)

    def owed(self, endpoint_ids: Iterable[str]) -> None:
        """Deliveries were stored that we have no lease on."""
        self._reconcile()
        now_ms = self._clock.now_ms()
        for endpoint_id in endpoint_ids:
            self._owed(endpoint_id, now_ms)

    def look(self) -> None:
        """Anything may have changed (a replay, another process, the start): look what is owed to whom."""
        self._reconcile()
        if self._looking:
            self._look_again = True
        elif not self._stopping:
            self._looking = True
            self._busy.spawn(self._look())

    def wide(self) -> None:
        """An event waits for its deliveries to be written: whoever does that is called."""
        self.on_wide()

    async def _look(self) -> None:
        try:
            owed = await self._store.deliveries.owed()
            self._reconcile()  # what was read may be owed to an endpoint that is newer
            if not all(self._is_sent_to(endpoint_id) for endpoint_id, _ in owed):
                await self._store.catalogue.load()  # another process may have made the endpoint just now
                self._reconcile()
            for endpoint_id, due_at_ms in owed:
                if self._is_sent_to(endpoint_id):
                    self._note_due(self._lanes[endpoint_id], due_at_ms)
                elif not self._is_under_way_to(endpoint_id):
                    self._busy.spawn(self._end_owed_to(endpoint_id))
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            self._clock.call_at(self._clock.now_ms() + STORE_PAUSE_MS, self.look)
        finally:
            self._looking = False
            if self._look_again:
                self._look_again = False
                self.look()

    async def _end_owed_to(self, endpoint_id: str) -> None:
        """Beside everything else: a large debt must not delay other endpoints."""
        reason = "endpoint_disabled" if endpoint_id in self._lanes else "endpoint_deleted"
        with self._reported():
            await self._store.deliveries.end_owed_to(endpoint_id, reason, self._clock.now_ms())

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over everything that was leased when the last server ended, and begin."""
        self._reconcile()
        await self._store.deliveries.release_all_leases(self._clock.now_ms())
        self._store.hand_over_to(self)
        self.look()

    async def stop(self, limit_s: float) -> int:
        """Take nothing more, finish what is in flight within ``limit_s``, give the rest back; how many."""
        self._stopping = True
        self.given_back = 0
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
            self._give_back_all(lane)
        await self._busy.finish(limit_s)
        return self.given_back

    async def quiet(self) -> None:
        """Return when nothing is in flight, queued, claimed or being settled."""
        await self._busy.idle()

    @property
    def busy(self) -> int:
        """How many things are under way: attempts, claims, settlements."""
        return self._busy.count

    def queued(self) -> int:
        """How many deliveries wait in memory or are in flight."""
        return self._room.works

    # -- lanes -----------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Make the lanes agree with the routing, when it is a new one.

        The same one again would know less than the lanes do: what a breaker found changes no routing.
        """
        routing = self._store.routing
        if routing is self._routing:
            return
        self._routing = routing
        now_ms = self._clock.now_ms()
        for endpoint_id in self._lanes.keys() - routing.endpoints.keys():
            lane = self._lanes.pop(endpoint_id)
            if lane.timer is not None:
                lane.timer.cancel()
            self._give_back_all(lane)
            if lane.workers:
                self._leaving[endpoint_id] = lane
        for endpoint in routing.endpoints.values():
            self._configure(endpoint, routing.sources.get(endpoint.source_id), now_ms)

    def _configure(self, endpoint: Endpoint, source: Source | None, now_ms: int) -> None:
        lane = self._lanes.get(endpoint.id)
        secrets = registry.for_source(source).secret_headers if source is not None else frozenset()
        if lane is None:
            self._lanes[endpoint.id] = Lane(endpoint, secrets, now_ms)
        elif lane.endpoint is not endpoint and lane.endpoint != endpoint:
            lane.configure(endpoint, secrets, now_ms)
            lane.hold_until_ms = 0
            self._pump(lane)

    def _is_sent_to(self, endpoint_id: str) -> bool:
        """Whether there is such an endpoint and it is not disabled; what others are owed has to be ended."""
        lane = self._lanes.get(endpoint_id)
        return lane is not None and lane.endpoint.state is not EndpointState.DISABLED

    def _is_under_way_to(self, endpoint_id: str) -> bool:
        """Whether attempts are still under way, whose end is to be recorded as it is."""
        lane = self._lanes.get(endpoint_id) or self._leaving.get(endpoint_id)
        return lane is not None and lane.workers > 0

    def _owed(self, endpoint_id: str, due_at_ms: int) -> None:
        if self._is_sent_to(endpoint_id):
            self._note_due(self._lanes[endpoint_id], due_at_ms)
        else:
            self.look()  # the endpoint went while this was under way

    def _note_due(self, lane: Lane, due_at_ms: int) -> None:
        lane.note_due(due_at_ms)
        self._refill(lane)

    def _refill(self, lane: Lane) -> None:
        """Claim when something is due and there is room; otherwise be called when that may have changed."""
        if lane.next_due_ms is None or lane.claiming or self._stopping or lane.paused:
            return
        now_ms = self._clock.now_ms()
        at_ms = max(lane.next_due_ms, lane.closed_until_ms())
        if at_ms > now_ms:
            self._wake_at(lane, at_ms)
            return
        room = 1 if lane.breaker.is_open else lane.room
        if room < 1 or (lane.breaker.is_open and lane.workers):
            return  # the worker that makes room calls again
        if len(lane.queue) * 2 > lane.endpoint.concurrency:
            return  # claim in batches, not one by one
        if self._room.is_full and lane.taken.total:
            return  # whatever others hold, each lane may hold one; when that is done, this is called again
        lane.claiming = True
        self._busy.spawn(self._claim(lane, room, now_ms))

    def _wake_at(self, lane: Lane, at_ms: int) -> None:
        if lane.timer is not None:
            if lane.timer_at_ms <= at_ms:
                return
            lane.timer.cancel()
        lane.timer_at_ms = at_ms
        lane.timer = self._clock.call_at(at_ms, lambda: self._wake(lane))

    def _wake(self, lane: Lane) -> None:
        lane.timer = None
        self._pump(lane)
        self._refill(lane)

    async def _claim(self, lane: Lane, room: int, now_ms: int) -> None:
        self._leases_by_loop += 1
        limit, max_bytes = self._room.claim_begins(room, MOST_BYTES // 8)
        claim = Claim(
            endpoint_id=lane.endpoint.id,
            limit=limit,
            max_bytes=max_bytes,
            now_ms=now_ms,
            lease=f"{self._node}l{self._leases_by_loop:x}",
            until_ms=now_ms + lane.lease_ms,
        )
        # What becomes due while the claim is under way must not be forgotten for its older answer.
        was_due_ms, lane.next_due_ms = lane.next_due_ms, None
        try:
            claimed = await self._store.deliveries.claim(claim)
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))
            lane.hold_until_ms = max(lane.hold_until_ms, now_ms + STORE_PAUSE_MS)
            claimed = Claimed([], was_due_ms)
        finally:
            lane.claiming = False
            self._room.claim_ends(limit, max_bytes)
        for work in claimed.works:
            lane.taken.by_loop += 1
            self._room.loop_takes(len(work.body))
            lane.queue.append(work)
        lane.note_due(claimed.next_due_ms)
        if self._stopping or self._lanes.get(lane.endpoint.id) is not lane:
            self._give_back_all(lane)
            return
        self._pump(lane)
        self._refill(lane)

    # -- attempts --------------------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Start as many workers as there is work for and the lane allows."""
        if self._stopping or lane.paused:
            self._give_back_all(lane)
            return
        now_ms = self._clock.now_ms()
        wanted = len(lane.queue)
        while wanted > 0 and lane.may_start(now_ms):
            lane.workers += 1
            wanted -= 1
            self._busy.spawn(self._work(lane))
        if wanted and not lane.workers and now_ms < lane.closed_until_ms():
            self._wake_at(lane, lane.closed_until_ms())

    async def _work(self, lane: Lane) -> None:
        """Make one attempt after the other while the lane has work for us."""
        try:
            while lane.queue and not self._stopping and lane.may_go_on(now_ms := self._clock.now_ms()):
                if now_ms + lane.timeout_ms > lane.queue[0].lease_until_ms:
                    self._give_back(lane, lane.queue.popleft())  # an attempt could outlive the lease
                    continue
                if lane.bucket is not None and (wait_ms := lane.bucket.take(now_ms)):
                    lane.hold_until_ms = now_ms + wait_ms
                    self._wake_at(lane, lane.hold_until_ms)
                    break
                await self._attempt(lane, lane.queue.popleft(), now_ms)
                if lane.next_due_ms is not None:
                    self._refill(lane)
        finally:
            lane.workers -= 1
            if lane.queue and lane.closed_until_ms():
                self._yield_queue(lane)
            self._refill(lane)
            if not lane.workers and not self._is_sent_to(lane.endpoint.id):
                self._leaving.pop(lane.endpoint.id, None)
                self.look()  # now what is still owed can be ended

    def _yield_queue(self, lane: Lane) -> None:
        """The lane closed: what would wait for longer than its lease goes back to the database."""
        closed_until_ms = lane.closed_until_ms()
        kept = []
        while lane.queue:
            work = lane.queue.popleft()
            if closed_until_ms + lane.timeout_ms > work.lease_until_ms or lane.breaker.is_open:
                self._give_back(lane, work)
            else:
                kept.append(work)
        lane.queue.extend(kept)
        if kept:
            self._wake_at(lane, closed_until_ms)

    async def _attempt(self, lane: Lane, work: Work, started_ms: int) -> None:
        if work.delivery_id in self._under_way:
            # Its lease ran out by a clock that was set, or it was cancelled and replayed. Never twice at once:
            # this one waits in the database until the first has ended.
            self._give_back(lane, work, until_ms=started_ms + lane.timeout_ms)
            return
        endpoint = lane.endpoint
        self._under_way.add(work.delivery_id)
        try:
            outcome = await self._send(lane, work, started_ms)
        except asyncio.CancelledError:
            self._give_back(lane, work)
            raise
        except Exception as error:  # a fault of ours must not cost the lane its room, nor the delivery its retry
            self._notify(ServiceFailed("dispatcher", f"{type(error).__name__}: {error}"))
            outcome = Outcome(error="internal_error", detail=type(error).__name__)
        finally:
            self._under_way.discard(work.delivery_id)
        now_ms = self._clock.now_ms()
        settlement = attempt.settle(work, endpoint, outcome, started_ms, now_ms, self._dice())
        self._forget(lane, work)
        if not lane.paused and lane.endpoint.url == endpoint.url:  # else it says nothing about the endpoint of today
            self._judge(lane, outcome, now_ms)
        self._settler.settle(settlement)

    async def _send(self, lane: Lane, work: Work, now_ms: int) -> Outcome:
        if lane.target is None:
            return Outcome(error="bad_url", detail=lane.problem)
        headers = attempt.outgoing_headers(work, lane.endpoint, lane.signer, lane.sender_secrets, now_ms)
        return await self._sender.send(
            lane.target,
            headers,
            work.body,
            connect_timeout_s=lane.endpoint.connect_timeout_s,
            timeout_s=lane.endpoint.timeout_s,
        )

    def _judge(self, lane: Lane, outcome: Outcome, now_ms: int) -> None:
        """What the outcome means for the endpoint as a whole."""
        endpoint_id = lane.endpoint.id
        if attempt.succeeded(outcome):
            if lane.breaker.succeeded():
                self._notify(EndpointResumed(endpoint_id))
                self._busy.spawn(self._note_state(lane, EndpointState.ACTIVE, ""))
            return
        if outcome.status == 410:
            self._notify(EndpointDisabled(endpoint_id, "410 Gone"))
            self._busy.spawn(self._disable(endpoint_id))
            return
        wait_s = attempt.retry_after_s(outcome, now_ms)
        if wait_s is not None:
            lane.hold_until_ms = max(lane.hold_until_ms, now_ms + round(min(wait_s, 300.0) * 1000))
        if lane.breaker.failed(now_ms):
            reason = outcome.error or f"http_{outcome.status}"
            self._notify(EndpointPaused(endpoint_id, reason))
            words = f"{lane.endpoint.pause_after_failures} failures in a row, the last: {reason}"
            self._busy.spawn(self._note_state(lane, EndpointState.FAILING, words))

    async def _note_state(self, lane: Lane, state: EndpointState, reason: str) -> None:
        with self._reported():
            await self._store.catalogue.note_endpoint_state(lane.endpoint.id, state, reason, self._clock.now_ms())
            lane.note_state(state, reason)

    async def _disable(self, endpoint_id: str) -> None:
        with self._reported():
            await self._store.catalogue.set_endpoint_state(
                endpoint_id, EndpointState.DISABLED, "the endpoint answered 410 Gone", self._clock.now_ms()
            )

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._notify(ServiceFailed("dispatcher", error.message))

    # -- giving back ------------------------------------------------------------------------------------

    def _give_back_all(self, lane: Lane) -> None:
        while lane.queue:
            self._give_back(lane, lane.queue.popleft())

    def _give_back(self, lane: Lane | None, work: Work, *, until_ms: int = 0) -> None:
        self._forget(lane, work)
        self.given_back += 1
        self._settler.settle(attempt.give_back(work, max(until_ms, self._clock.now_ms())))

    def _forget(self, lane: Lane | None, work: Work) -> None:
        """The work takes no more room."""
        if lane is not None:
            lane.taken.by_loop -= 1
        self._room.loop_gives_back(len(work.body))
