"""The dispatcher: takes what is owed, sends it, settles it. One lane per endpoint.

New deliveries arrive *born leased* from the commit that stored them (``reserve`` on the writer's thread, then
``leased`` on the event loop), so a first try costs no query. Everything else (retries, what found no room, what must
go in order, what another process left) is claimed from the database, one endpoint at a time, when its time has come.

                        leased                       Workers ──outcome──► Judge    what it means for the endpoint
    the store ──┬──────────────────► Lane ──pump──►     │
                │ owed        ▲    (of Lanes)           └──settlement──► Settler ──┐
                └─────────► Claims ◄─────────── owed again, after the commit ──────┘
                   look ► Lookout
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Sequence

from hookline.core.clock import Clock
from hookline.core.model import Work
from hookline.core.notice import Notify
from hookline.delivery.busy import Busy
from hookline.delivery.claims import Claims
from hookline.delivery.cluster import Cluster
from hookline.delivery.judge import Judge
from hookline.delivery.lane import Lane
from hookline.delivery.lanes import Lanes
from hookline.delivery.lookout import Lookout
from hookline.delivery.orphans import Orphans
from hookline.delivery.returns import Returns
from hookline.delivery.room import Room
from hookline.delivery.sender import Sender
from hookline.delivery.settler import Settler
from hookline.delivery.workers import Workers
from hookline.storage.base import Worker
from hookline.storage.store import Store

#: Bytes of bodies that may wait in memory, in all lanes together.
MOST_BYTES = 64 * 1024 * 1024
#: Deliveries that may wait in memory, in all lanes together.
MOST_WORKS = 5_000


class Dispatcher:
    """Sends everything that is owed, until it is stopped. ``node`` is unique to this run of this process.

    ``disable_after_s``: how long an endpoint of an application may fail, when it does not say itself.
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        notify: Notify,
        *,
        node: str,
        disable_after_s: float = math.inf,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._clock, self._node = store, clock, node
        self._leases_by_writer = 0
        self._room = Room(MOST_WORKS, MOST_BYTES)
        self._busy = busy = Busy(notify)
        self._lanes = Lanes(store, clock)
        settler = Settler(store, clock, notify, busy, self._owed, self._over)
        self._returns = Returns(clock, self._room, settler)
        self._orphans = Orphans(store, clock, notify, busy, self.owed)
        self._claims = Claims(
            store,
            clock,
            notify,
            busy,
            self._room,
            node=node,
            most_bytes=MOST_BYTES // 8,
            pump=self._pump,
            on_lost=self._orphans.note,
        )
        self._lookout = Lookout(store, clock, notify, busy, self._room, self._lanes, self._claims, self._agree)
        self._workers = Workers(
            sender,
            clock,
            notify,
            busy,
            self._room,
            self._claims,
            settler,
            self._returns,
            Judge(store, clock, notify, busy, self._claims, disable_after_s=disable_after_s),
            dice=dice,
            on_idle=self._on_idle,
        )
        #: Called when an event waits for its deliveries to be written.
        self.on_wide: Callable[[], None] = lambda: None
        #: Called when something is owed that another server has to send.
        self.on_elsewhere: Callable[[str], None] = lambda endpoint_id: None

    # -- Leasing: called on the writer's thread, inside the commit -------------------------------------

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        """A lease for a delivery that is being stored, when there is a lane and room in it."""
        lane = self._lanes.get(endpoint_id)
        if lane is None or self._clock.steady_ms() >= self._room.sure_until_ms:
            return None
        now_ms = self._clock.now_ms()
        if not lane.takes_new(now_ms):
            return None
        if not self._room.writer_takes(size):
            return None
        lane.taken.by_writer += 1
        if lane.forgotten:  # at this very moment: see lanes.py
            lane.taken.by_writer -= 1
            self._room.writer_gives_back(size)
            return None
        self._leases_by_writer += 1
        return f"{self._node}w{self._leases_by_writer:x}", now_ms + lane.lease_ms

    def release(self, endpoint_id: str, size: int, lease: str) -> None:
        """The commit failed: the reservation comes to nothing."""
        lane = self._lanes.get(endpoint_id)
        if lane is not None:
            lane.taken.by_writer -= 1
        self._room.writer_gives_back(size)
        self._orphans.note(lease)

    # -- what the store tells us, on the event loop ----------------------------------------------------

    def leased(self, works: Sequence[Work]) -> None:
        """Deliveries were stored, born leased to us."""
        self._agree()
        for work in works:
            lane = self._lanes.get(work.endpoint_id)
            if lane is None or lane.fifo:  # removed since the commit, so that look() can end the debt; or in order now
                self._returns.give_back(lane, work)
                continue
            lane.used = True
            lane.queue.append(work)
            self._workers.pump_soon(lane)

    def owed(self, endpoint_ids: Iterable[str]) -> None:
        """Deliveries were stored that we have no lease on."""
        self._agree()
        now_ms = self._clock.now_ms()
        for endpoint_id in endpoint_ids:
            self._owed(endpoint_id, now_ms)

    def is_home(self, endpoint_id: str) -> bool:
        """Whether what is owed to this endpoint is claimed here first of all."""
        return self._lanes.is_home(endpoint_id)

    def look(self) -> None:
        """Anything may have changed (a replay, another process, the start): look what is owed to whom."""
        self._agree()
        self._lookout.look()

    def wide(self) -> None:
        """An event waits for its deliveries to be written: whoever does that is called."""
        self.on_wide()

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over everything that was leased when the last server ended, and begin. For the only server there is."""
        await self._store.deliveries.release_all_leases(self._clock.now_ms())
        self.begin(self)

    def begin(self, worker: Worker) -> None:
        """Begin to send; ``worker`` is told of what is stored, and tells this one."""
        self._agree()
        self._store.hand_over_to(worker)
        self.look()

    def spread(self, cluster: Cluster) -> None:
        """Share the work with these servers from now on; leases name ``cluster.me``."""
        renamed = cluster.me != self._node
        self._node = cluster.me
        self._claims.rename(cluster.me)
        self._lanes.spread(cluster)
        for lane in self._lanes:
            if renamed or lane.is_elsewhere:  # what was leased under another name is others' by now
                self._returns.give_back_all(lane)
            self._workers.pump(lane)
        self.look()

    def sure_until(self, at_ms: float) -> None:
        """Begin nothing from that time on (on the steady clock), unless a later one is said before."""
        self._orphans.look_after()
        was_sure = self._clock.steady_ms() < self._room.sure_until_ms
        self._room.sure_until_ms = at_ms
        if not was_sure:
            for lane in self._lanes:
                self._workers.pump(lane)
                self._claims.refill(lane)

    async def stop(self, limit_s: float) -> int:
        """Take nothing more, finish what is in flight within ``limit_s``, give the rest back; how many."""
        self._room.close()
        self._returns.count = 0
        for lane in self._lanes:
            if lane.timer is not None:
                lane.timer.cancel()
            self._returns.give_back_all(lane)
        await asyncio.gather(self._workers.finish(limit_s), self._busy.finish(limit_s))
        return self.given_back

    async def quiet(self) -> None:
        """Return when nothing is in flight, queued, claimed or being settled."""
        await self._busy.idle()

    @property
    def busy(self) -> int:
        """How many things are under way: attempts, claims, settlements."""
        return self._busy.count

    @property
    def given_back(self) -> int:
        """How many deliveries went back to the database untried."""
        return self._returns.count

    def queued(self) -> int:
        """How many deliveries wait in memory or are in flight."""
        return self._room.works

    def lanes(self) -> int:
        """How many endpoints have a lane: those with something to do, and some that had a moment ago."""
        return len(self._lanes)

    # -- lanes -----------------------------------------------------------------------------------------

    def _agree(self) -> None:
        """Make the lanes agree with the routing, when it is a new one."""
        for lane in self._lanes.agree():
            if lane.fifo or lane.is_elsewhere:
                self._returns.give_back_all(lane)  # what was taken in before may not be in order
            self._workers.pump(lane)
            self._claims.refill(lane)

    def _pump(self, lane: Lane) -> None:
        self._workers.pump(lane)

    def _owed(self, endpoint_id: str, due_at_ms: int) -> None:
        lane = self._lanes.need(endpoint_id)
        if lane is None:
            self.look()  # the endpoint went while this was under way
        elif lane.is_elsewhere:
            self.on_elsewhere(endpoint_id)
        else:
            self._claims.note_due(lane, due_at_ms)

    def _over(self, endpoint_id: str) -> None:
        """An endpoint is owed one less. Where its home is elsewhere, that one may have waited for this."""
        lane = self._lanes.get(endpoint_id)
        if lane is not None and lane.is_elsewhere:
            self.on_elsewhere(endpoint_id)

    def _on_idle(self, lane: Lane) -> None:
        if not lane.is_sent_to:
            self._lanes.left(lane)
            self.look()  # now what is still owed can be ended
