"""Being one of several servers: signs of life, noticing who came, who went and who died.

Every second each server makes its beat grow and looks at those of the others. One whose beat stood still while this
server's own grew five times is declared dead; its leases end there and then, so that what it was working on is taken
over in seconds and not when the leases run out. If it was only asleep, it learns that it is no longer counted, and
begins anew under another id.

After a while in which this server could give no sign of life itself (the database was gone, or it was asleep) nothing
that it remembers counts: the others had no chance either.

Nothing here depends on what time of day it is, on this machine or another: spans are measured by a steady clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.notice import NodeDied, NodeLost, Notify, ServiceFailed
from hookline.delivery.cluster import Cluster
from hookline.storage.nodes import Node
from hookline.storage.store import Store

BEAT_MS = 1_000
#: A server that misses so many beats is dead. Longer than a virtual machine usually pauses.
DEAD_AFTER_BEATS = 5
#: For so long after a beat nobody declares us dead; half a second less than it takes.
SURE_MS = DEAD_AFTER_BEATS * BEAT_MS - 500
#: After so long without a beat of our own, we do not know what the others did meanwhile.
BLIND_AFTER_MS = 3 * BEAT_MS

#: The roles of those who deliver.
DELIVERING = frozenset({"all", "deliver"})


class Membership:
    """This server among the others. ``make`` makes what it is from a new id.

    ``on_change`` is told of each new cluster, ``on_owed`` of endpoints whose deliveries a dead server had leased, and
    ``on_beat`` of the millisecond, on the steady clock, until which nobody can have declared this server dead.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notify: Notify,
        new_id: Callable[[], str],
        make: Callable[[str], Node],
        on_change: Callable[[Cluster], None],
        on_owed: Callable[[Iterable[str]], None],
        on_beat: Callable[[float], None],
    ) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self._new_id, self._make = new_id, make
        self._on_change, self._on_owed, self._on_beat = on_change, on_owed, on_beat
        self._seen: dict[str, tuple[int, int]] = {}  #: of each server: its beat, and how often we saw that one
        self._beaten_at_ms = 0
        self._burying: set[str] = set()
        self._burials: asyncio.TaskGroup | None = None
        self.nodes: tuple[Node, ...] = ()
        self.cluster = Cluster()

    async def join(self) -> None:
        """Be counted from now on. Raises StoreError."""
        node = self._make(self._new_id())
        await self._store.nodes.join(node)
        self.cluster = Cluster(node.id)
        self._seen.clear()
        await self._beat()

    async def run(self) -> None:
        """Give signs of life until cancelled. A store that refuses them is tried again."""
        async with asyncio.TaskGroup() as self._burials:
            while True:
                await self._clock.wait_ms(BEAT_MS)
                try:
                    await self._beat()
                except StoreError as error:
                    self._notify(ServiceFailed("membership", error.message))

    async def retire(self) -> None:
        """Be no home any more, and still be counted: what is in flight ends under our leases."""
        try:
            await self._store.nodes.retire(self.cluster.me)
            self._seen.clear()  # this beat comes before its time: who gave none since the last is not dead for that
            await self._beat()
        except StoreError as error:
            self._notify(ServiceFailed("membership", error.message))

    async def leave(self) -> None:
        """Be counted no more."""
        try:
            await self._store.nodes.leave(self.cluster.me)
        except StoreError as error:
            self._notify(ServiceFailed("membership", error.message))  # the others will notice

    async def _beat(self) -> None:
        asked_at_ms = self._clock.steady_ms()
        pulse = await self._store.nodes.beat(self.cluster.me)
        if not pulse.is_counted:
            self._notify(NodeLost(self.cluster.me))
            await self.join()
            return
        self.nodes = pulse.nodes
        now_ms = self._clock.steady_ms()
        if now_ms - self._beaten_at_ms > BLIND_AFTER_MS:
            self._seen.clear()
        self._beaten_at_ms = now_ms
        delivering = frozenset(node.id for node in self.nodes if node.role in DELIVERING)
        if delivering != self.cluster.nodes:
            self.cluster = Cluster(self.cluster.me, delivering)
            self._on_change(self.cluster)  # first: what is leased under a name that is ours no more is not begun
        self._on_beat(asked_at_ms + SURE_MS)
        self._note_the_dead()

    def _note_the_dead(self) -> None:
        before, self._seen = self._seen, {}
        for node in self.nodes:
            beat, missed = before.get(node.id, (-1, 0))
            missed = missed + 1 if beat == node.beat else 0
            self._seen[node.id] = (node.beat, missed)
            if node.id != self.cluster.me and missed >= DEAD_AFTER_BEATS:
                self._begin_to_bury(node)

    def _begin_to_bury(self, node: Node) -> None:
        if self._burials is not None and node.id not in self._burying:
            self._burying.add(node.id)
            self._burials.create_task(self._bury(node))

    async def _bury(self, node: Node) -> None:
        """Beside the beats, which must not wait for it."""
        try:
            buried = await self._store.nodes.bury(node, self._clock.now_ms())
        except StoreError as error:
            self._notify(ServiceFailed("membership", error.message))  # the next beat tries again
        else:
            if buried.was_dead:
                self._notify(NodeDied(node.id, node.name, len(buried.owed)))
                self._on_owed(buried.owed)
        finally:
            self._burying.discard(node.id)
