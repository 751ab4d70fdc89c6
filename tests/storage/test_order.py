"""Whatever happens to the messages of a first-in-first-out endpoint, a claim takes the oldest ones, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline.core.model import DEFAULT_ORG, Work
from hookline.core.state import Move
from hookline.storage.store import open_store
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import LEASE_MS, World

RETRY_MS = 5000

Step = tuple[str, int]

NAMES = [
    "publish",
    "publish",
    "publish_later",
    "claim",
    "claim",
    "claim_unaware",
    "deliver",
    "retry",
    "die",
    "give_back",
    "cancel",
    "replay",
    "resend",
    "expunge",
    "wait",
    "expire",
    "restart",
    "end",
]

STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5)), max_size=45)


@dataclass
class Owed:
    """What is known of one message: whether it is owed still, from when on it may be claimed, under which lease."""

    event_id: str
    due_at_ms: int
    owed: bool = True
    lease: str = ""
    expunged: bool = False


class Model:
    """The rule, without a database."""

    def __init__(self, world: World, shop: StoredApplication, endpoint: StoredApplicationEndpoint) -> None:
        self.world, self.shop, self.endpoint = world, shop, endpoint
        self.messages: list[Owed] = []  #: in the order of publishing
        self.works: list[Work] = []  #: claimed, in order; some of them under leases that were lost

    def owed(self) -> list[Owed]:
        return [one for one in self.messages if one.owed]

    def expected_run(self, limit: int) -> list[Owed]:
        run = []
        for one in self.owed()[:limit]:
            if one.due_at_ms > self.world.now_ms:
                break
            run.append(one)
        return run

    async def step(self, name: str, number: int) -> None:
        self.world.now_ms += 1
        await getattr(self, name)(number)

    async def publish(self, number: int, due_in_ms: int = 0) -> None:
        due_at_ms = self.world.now_ms + due_in_ms
        receipt = await self.world.accept(self.shop, due_at_ms=due_at_ms)
        self.messages.append(Owed(receipt.event_id, due_at_ms))

    async def publish_later(self, number: int) -> None:
        await self.publish(number, due_in_ms=number * 1000)

    async def claim(self, number: int) -> None:
        await self._claim(number + 1, number + 1, fifo=True)

    async def claim_unaware(self, number: int) -> None:
        """By somebody who does not know that order counts: one at a time."""
        await self._claim(number + 1, 1, fifo=False)

    async def _claim(self, limit: int, at_most: int, *, fifo: bool) -> None:
        run = self.expected_run(at_most)
        due = any(one.due_at_ms <= self.world.now_ms for one in self.owed())
        claimed = await self.world.claim(self.endpoint, limit=limit, fifo=fifo)
        assert [work.event_id for work in claimed.works] == [one.event_id for one in run]
        left = self.owed()[len(run) :]
        if fifo or due:
            assert claimed.next_due_ms == (left[0].due_at_ms if left else None)
        for one, work in zip(run, claimed.works, strict=True):
            one.lease, one.due_at_ms = work.lease, work.lease_until_ms
        self.works += claimed.works

    async def _settle(self, number: int, move: Move, due_in_ms: int = 0) -> None:
        if not self.works:
            return
        work = self.works.pop(number % len(self.works))
        (one,) = [one for one in self.messages if one.event_id == work.event_id]
        held = await self.world.settle(work, move, due_in_ms=due_in_ms)
        assert held == (one.owed and one.lease == work.lease)
        if held:
            one.lease = ""
            one.owed = move in (Move.RETRY, Move.GIVE_BACK)
            one.due_at_ms = self.world.now_ms + due_in_ms

    async def deliver(self, number: int) -> None:
        await self._settle(0, Move.DELIVER)

    async def retry(self, number: int) -> None:
        await self._settle(0, Move.RETRY, RETRY_MS)

    async def die(self, number: int) -> None:
        await self._settle(0, Move.EXHAUST)

    async def give_back(self, number: int) -> None:
        await self._settle(-1, Move.GIVE_BACK)

    async def cancel(self, number: int) -> None:
        if owed := self.owed():
            one = owed[number % len(owed)]
            (delivery,) = (await self.world.story(one.event_id)).deliveries
            await self.world.store.deliveries.cancel(DEFAULT_ORG, delivery.id, self.world.now_ms)
            one.owed, one.lease = False, ""

    async def replay(self, number: int) -> None:
        if over := [one for one in self.messages if not one.owed and not one.expunged]:
            one = over[number % len(over)]
            now_ms = self.world.now_ms
            assert await self.world.store.deliveries.replay_event(DEFAULT_ORG, one.event_id, now_ms) == 1
            one.owed, one.lease, one.due_at_ms = True, "", now_ms

    async def resend(self, number: int) -> None:
        if there := [one for one in self.messages if not one.expunged]:
            one = there[number % len(there)]
            now_ms = self.world.now_ms
            await self.world.store.deliveries.resend(DEFAULT_ORG, one.event_id, self.endpoint.id, now_ms)
            if not one.lease or not one.owed:
                one.owed, one.lease, one.due_at_ms = True, "", now_ms

    async def expunge(self, number: int) -> None:
        if self.messages:
            one = self.messages[number % len(self.messages)]
            await self.world.store.messages.expunge(DEFAULT_ORG, self.shop.id, one.event_id, self.world.now_ms)
            one.owed, one.lease, one.expunged = False, "", True

    async def wait(self, number: int) -> None:
        self.world.now_ms += number * 1000

    async def expire(self, number: int) -> None:
        self.world.now_ms += LEASE_MS

    async def restart(self, number: int) -> None:
        leased = [one for one in self.owed() if one.lease]
        assert await self.world.store.deliveries.release_all_leases(self.world.now_ms) == len(leased)
        for one in leased:
            one.lease, one.due_at_ms = "", self.world.now_ms
        self.works.clear()

    async def end(self, number: int) -> None:
        """What is being sent at this moment is left to whoever sends it."""
        idle = [one for one in self.owed() if not one.lease or one.due_at_ms <= self.world.now_ms]
        ended = await self.world.end_owed_to(self.endpoint.id, "gone")
        assert ended == len(idle)
        for one in idle:
            one.owed, one.lease = False, ""


async def live(steps: Iterable[Step]) -> None:
    world = World(lambda secret: open_store("sqlite://:memory:", secret))
    try:
        shop = await world.application()
        model = Model(world, shop, await world.customer_endpoint(shop, fifo=True))
        for name, number in steps:
            await model.step(name, number)
    finally:
        await world.close()


@given(STEPS)
@settings(max_examples=150, deadline=None)
@example([("publish", 0), ("claim", 0), ("end", 0), ("retry", 0), ("claim", 0)])
def test_a_claim_takes_the_unbroken_run_from_the_oldest_on(steps: list[Any]) -> None:
    asyncio.run(live(steps))
