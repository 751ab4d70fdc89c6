"""A fleet that works while its servers crash, sleep, lose the database, come and go: what was done twice, and why."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hookline.core import ids
from hookline.core.notice import LeaseLost, NodeDied
from tests.simulation.fleet.bus import Manners
from tests.simulation.fleet.fleet import Fleet, Node
from tests.simulation.fleet.moment import now_ms
from tests.simulation.fleet.verdict import Verdict
from tests.simulation.world import Answer

KINDS = ("crash", "pause", "cut_off", "leave")
#: How long servers sleep or cannot reach the database: shorter than it takes to be declared dead, and longer.
SECONDS = (2.0, 4.7, 7.0, 12.0)
#: A trouble begins so often.
EVERY_S = 3.0
#: Endpoints that every server may send to, and two kinds that have one sender at a time.
PLAIN = [f"plain-{number}" for number in range(24)]
ORDERED = [f"ordered-{number}" for number in range(6)]
LIMITED = [f"limited-{number}" for number in range(6)]
RATE = 4
MOST_AT_ONCE = 128
SCHEDULE_S = (2, 3, 5, 5, 5, 5)
OVER_AFTER_S = 240


@dataclass(frozen=True)
class Trouble:
    """What came of it."""

    nodes: int
    troubles: dict[str, int]
    messages: int
    attempts: int
    twice: int  #: attempts after a success, or beside another one
    leases_lost: int  #: attempts whose end changed nothing
    declared_dead: int
    worst_takeover_s: float  #: from a crash until what it had leased was tried by another server
    faults: tuple[str, ...]


class _Story:
    def __init__(self, dice: random.Random, size: int) -> None:
        self._dice, self._size = dice, size
        self.fleet = Fleet(dice, manners=Manners(lost=0.02, doubled=0.05, longest_s=0.05), answer=self._answer)
        self.troubles = Counter[str]()
        self._to_come: list[str] = []
        self._beside: list[asyncio.Task[Any]] = []
        self._crashed: list[tuple[int, set[str]]] = []  #: when, and the deliveries that it had leased

    def _answer(self, url: str) -> Answer:
        return self._dice.choice([Answer(200, 0.02), Answer(200, 0.3), Answer(200, 1), Answer(503, 0.02)])

    async def run(self, seconds: float) -> Trouble:
        for _ in range(self._size):
            await self.fleet.add()
        await self.fleet.configure(_endpoint(uid) for uid in PLAIN + ORDERED + LIMITED)
        await asyncio.gather(self._publish(seconds), self._trouble(seconds))
        await asyncio.gather(*self._beside)
        await self.fleet.until_all_is_over(OVER_AFTER_S)
        return self._told()

    async def _publish(self, seconds: float) -> None:
        """Some messages a second for each server, by way of any that answers."""
        for _ in range(round(seconds * 4)):
            for _ in range(self._size):
                if node := self._awake():
                    uid = self._dice.choice(PLAIN * 2 + ORDERED + LIMITED)
                    self._beside.append(asyncio.create_task(node.publish(uid)))
            await asyncio.sleep(0.25)

    async def _trouble(self, seconds: float) -> None:
        """From time to time something happens to a sixteenth of the servers, or to one."""
        for _ in range(round(seconds / EVERY_S)):
            await asyncio.sleep(EVERY_S)
            for _ in range(max(1, self._size // 16)):
                if node := self._awake():
                    kind = self._next_kind()
                    self.troubles[kind] += 1
                    await getattr(self, f"_{kind}")(node)

    def _next_kind(self) -> str:
        """Each as often as the others, in any order."""
        if not self._to_come:
            self._to_come = self._dice.sample(KINDS, len(KINDS))
        return self._to_come.pop()

    def _awake(self) -> Node | None:
        awake = [one for one in self.fleet.there if not one.process.is_paused and not one.process.is_cut_off]
        return self._dice.choice(awake) if awake else None

    async def _crash(self, node: Node) -> None:
        leased = self.fleet.ask("SELECT id FROM delivery WHERE lease >= ? AND lease < ?", node.id, node.id + "~")
        self._crashed.append((now_ms(), {row["id"] for row in leased}))
        node.crash()
        await self.fleet.add()

    async def _leave(self, node: Node) -> None:
        await self.fleet.add()
        node.is_leaving = True
        self._beside.append(asyncio.create_task(node.leave()))

    async def _pause(self, node: Node) -> None:
        node.pause()
        self._afterwards(node.go_on)

    async def _cut_off(self, node: Node) -> None:
        node.cut_off()
        self._afterwards(node.reconnect)

    def _afterwards(self, then: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(self._dice.choice(SECONDS))
            then()

        self._beside.append(asyncio.create_task(wait()))

    # -- what came of it ---------------------------------------------------------------------------------

    def _told(self) -> Trouble:
        verdict = Verdict(self.fleet)
        verdict.everything_arrived({uid: [uid] for uid in PLAIN + ORDERED + LIMITED}, len(SCHEDULE_S) + 1)
        verdict.doubles_are_explained()
        for uid in PLAIN:
            verdict.concurrency_was_kept(_url(uid), MOST_AT_ONCE, 5_000)
        for uid in ORDERED:
            verdict.order_was_kept(_url(uid))
            verdict.has_one_sender(_url(uid))
        for uid in LIMITED:
            verdict.rate_was_kept(_url(uid), RATE, 1)
        said = [notice for _, _, notice in self.fleet.notices]
        return Trouble(
            nodes=self._size,
            troubles=dict(self.troubles),
            messages=len(self.fleet.accepted),
            attempts=len(self.fleet.receivers.attempts),
            twice=verdict.doubles,
            leases_lost=sum(isinstance(one, LeaseLost) for one in said),
            declared_dead=sum(isinstance(one, NodeDied) for one in said),
            worst_takeover_s=self._worst_takeover_ms() / 1000,
            faults=tuple(verdict.faults),
        )

    def _worst_takeover_ms(self) -> int:
        plain = {_url(uid) for uid in PLAIN}
        worst_ms = 0
        for crashed_ms, leased in self._crashed:
            for attempt in self.fleet.receivers.attempts:
                if attempt.url in plain and attempt.began_ms > crashed_ms:
                    delivery_id = ids.delivery(attempt.event_id, self.fleet.endpoint_ids[attempt.url])
                    if delivery_id in leased:
                        leased.discard(delivery_id)
                        worst_ms = max(worst_ms, attempt.began_ms - crashed_ms)
        return worst_ms


async def trouble(dice: random.Random, nodes: int, *, seconds: float = 30.0) -> Trouble:
    """So many servers work for so long; afterwards everything that was disturbed comes back and ends its work."""
    return await _Story(dice, nodes).run(seconds)


def _url(uid: str) -> str:
    return f"http://{uid}.example/"


def _endpoint(uid: str) -> dict[str, Any]:
    retry = {"schedule": list(SCHEDULE_S), "jitter": 0.1}
    limits: dict[str, Any] = {"concurrency": MOST_AT_ONCE}
    if uid in ORDERED:
        limits = {"fifo": True}
    elif uid in LIMITED:
        limits = {"rate_limit": f"{RATE}/s"}
    return {"uid": uid, "events": [uid], "timeout": "5s", "retry": retry, **limits}
