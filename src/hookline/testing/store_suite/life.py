"""The whole life of deliveries, in random order, against a model that is nothing but the table of ``core.state``."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hookline.core.errors import Conflict
from hookline.core.model import DEFAULT_ORG, EventStatus, Work
from hookline.core.state import OWED, DeliveryState, Move, after, event_status
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from hookline.testing.store_suite.world import LEASE_MS, Behaviour, World, raises, settlement

KEY = "id:life"

#: What is done, and to which of the endpoints.
Step: TypeAlias = tuple[str, int]

ENDPOINTS = 3
STEPS = (
    *("claim", "claim", "deliver", "retry", "exhaust", "give_back", "late"),
    *("cancel", "replay", "replay_one", "redeliver", "end", "expire", "restart"),
)
SETTLING = {"deliver": Move.DELIVER, "retry": Move.RETRY, "exhaust": Move.EXHAUST, "give_back": Move.GIVE_BACK}


@dataclass(slots=True)
class Modelled:
    """One delivery as the table has it."""

    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    failures: int = 0
    lease: str = ""
    lease_until_ms: int = 0

    def move(self, move: Move) -> None:
        self.state = after(self.state, move)
        if self.state is not DeliveryState.LEASED:
            self.lease = ""
        if move is Move.REPLAY:
            self.failures = 0


@dataclass(slots=True)
class Life:
    """One event, its deliveries in the store, and the same in the model."""

    world: World
    source: StoredSource
    endpoints: list[StoredEndpoint]
    event_id: str
    model: list[Modelled] = field(default_factory=lambda: [Modelled() for _ in range(ENDPOINTS)])
    works: dict[int, Work] = field(default_factory=dict)
    lost: list[Work] = field(default_factory=list)

    @property
    def status(self) -> EventStatus:
        return event_status([one.state for one in self.model], any(one.attempts for one in self.model))

    async def step(self, name: str, which: int) -> None:
        """Do it, and see that the store and the model agree."""
        self.world.now_ms += 1
        if name in SETTLING:
            await self.settle(which, SETTLING[name])
        else:
            await getattr(self, name)(which)
        await self.agree()

    async def claim(self, which: int) -> None:
        claimed = (await self.world.claim(self.endpoints[which])).works
        one = self.model[which]
        if one.state is DeliveryState.LEASED and one.lease_until_ms <= self.world.now_ms:
            one.move(Move.EXPIRE)
            self.lost.append(self.works.pop(which))
        if one.state is not DeliveryState.WAITING:
            assert claimed == []
            return
        (work,) = claimed
        assert (work.attempts, work.failures) == (one.attempts, one.failures)
        one.move(Move.CLAIM)
        one.lease, one.lease_until_ms = work.lease, work.lease_until_ms
        self.works[which] = work

    async def settle(self, which: int, move: Move) -> None:
        work = self.works.pop(which, None)
        if work is None:
            return
        one = self.model[which]
        held = await self.world.settle(work, move)
        assert held == (one.lease == work.lease)
        if held:
            one.move(move)
            one.attempts += move is not Move.GIVE_BACK
            one.failures += move in (Move.RETRY, Move.EXHAUST)

    async def late(self, which: int) -> None:
        """Somebody settles under a lease that was lost: nothing changes."""
        if self.lost:
            work = self.lost[which % len(self.lost)]
            assert not (await self.world.settle_as(settlement(work, Move.DELIVER, self.world.now_ms))).held

    async def cancel(self, which: int) -> None:
        delivery_id = (await self.world.story(self.event_id)).deliveries[which].id
        cancelling = self.world.store.deliveries.cancel(DEFAULT_ORG, delivery_id, self.world.now_ms)
        try:
            self.model[which].move(Move.CANCEL)
        except Conflict:
            await raises(Conflict, cancelling)
        else:
            await cancelling

    async def replay(self, which: int) -> None:
        """All of it: what died or was cancelled; everything, when everything had succeeded."""
        await self._replay(self.model, "")

    async def replay_one(self, which: int) -> None:
        await self._replay([self.model[which]], self.endpoints[which].id)

    async def _replay(self, scope: list[Modelled], endpoint_id: str) -> None:
        wanted = [one for one in scope if one.state in (DeliveryState.DEAD, DeliveryState.CANCELLED)]
        if all(one.state is DeliveryState.DELIVERED for one in scope):
            wanted = scope
        count = await self.world.store.deliveries.replay_event(
            DEFAULT_ORG, self.event_id, self.world.now_ms, endpoint_id
        )
        assert count == len(wanted)
        for one in wanted:
            one.move(Move.REPLAY)

    async def redeliver(self, which: int) -> None:
        """The sender sends it again: what failed is owed again."""
        was = self.status
        receipt = await self.world.accept(self.source, key=KEY)
        assert (receipt.event_id, receipt.duplicate) == (self.event_id, True)
        if was is EventStatus.FAILED:
            for one in self.model:
                if one.state is DeliveryState.DEAD:  # what a person cancelled stays cancelled
                    one.move(Move.REPLAY)
        assert receipt.status == self.status

    async def end(self, which: int) -> None:
        """The endpoint is gone: nothing is owed to it any more, but for what is being sent at this moment."""
        one = self.model[which]
        owed = one.state is DeliveryState.WAITING
        owed |= one.state is DeliveryState.LEASED and one.lease_until_ms <= self.world.now_ms
        ended = await self.world.end_owed_to(self.endpoints[which].id, "gone")
        assert ended == owed
        if owed:
            one.move(Move.END)

    async def expire(self, which: int) -> None:
        """Every lease runs out; the deliveries are simply due again."""
        self.world.now_ms += LEASE_MS

    async def restart(self, which: int) -> None:
        """A new server takes over what the last one had leased."""
        leased = [one for one in self.model if one.state is DeliveryState.LEASED]
        assert await self.world.store.deliveries.release_all_leases(self.world.now_ms) == len(leased)
        for one in leased:
            one.move(Move.EXPIRE)
        self.lost += self.works.values()
        self.works.clear()

    async def agree(self) -> None:
        story = await self.world.story(self.event_id)
        stored = [(one.state, one.attempts, one.failures) for one in story.deliveries]
        assert stored == [(one.state, one.attempts, one.failures) for one in self.model]
        assert story.event.status == self.status, f"{story.event.status}, not {self.status}: {stored}"
        assert len(story.attempts) == sum(one.attempts for one in self.model)
        finished = [bool(one.finished_at_ms) for one in story.deliveries]
        assert finished == [one.state not in OWED for one in self.model]


async def live(world: World, steps: Iterable[Step]) -> None:
    """Let one event live through ``steps``. Raises AssertionError as soon as store and model disagree."""
    source = await world.source()
    endpoints = [await world.endpoint(source, f"endpoint-{n}") for n in range(ENDPOINTS)]
    endpoints.sort(key=lambda endpoint: endpoint.id[-16:])  # as the deliveries of an event are sorted
    receipt = await world.accept(source, key=KEY)
    life = Life(world, source, endpoints, receipt.event_id)
    for name, which in steps:
        await life.step(name, which)


def lives(seed: int, length: int = 60) -> Iterator[Step]:
    """Steps that are the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311
    return ((dice.choice(STEPS), dice.randrange(ENDPOINTS)) for _ in range(length))


def _any_life(seed: int) -> Behaviour:
    async def check(world: World) -> None:
        await live(world, lives(seed))

    return Behaviour(f"a_life_in_random_order_agrees_with_the_table[{seed}]", check)


BEHAVIOURS = tuple(_any_life(seed) for seed in range(5))
