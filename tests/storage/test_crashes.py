"""Fan-outs and jobs that are interrupted at any moment: in the end nothing is lost and nothing is doubled.

A crash is a store that is closed between two steps and opened anew, or a transaction that comes to nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage.base import EventFilter
from hookline.storage.replays import ReplayState
from hookline.storage.store import Store, open_store
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import FakeWorker, World


class Place:
    """A database file, the one server on it, and what may go wrong. What arrives is counted."""

    def __init__(self, path: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World(
            lambda secret: open_store(f"sqlite:///{path}", secret, sync="normal", threads=bool(seed % 2))
        )
        self.arrived: Counter[tuple[str, str]] = Counter()
        self.worker = FakeWorker(room=0)
        self.handed_over = 0  #: works that the worker of now had and has not any more

    @property
    def store(self) -> Store:
        return self.world.store

    async def crash(self) -> None:
        """What waits in memory is gone; the next server takes over what was leased."""
        await self.store.close()
        self.world.store = self.world.open()
        self.world.now_ms += 1
        await self.store.deliveries.release_all_leases(self.world.now_ms)
        self.worker = FakeWorker(room=self.dice.choice((0, 50, 10_000)), until_ms=self.world.now_ms + 60_000)
        self.store.hand_over_to(self.worker)
        self.handed_over = 0

    async def perhaps_crash(self) -> None:
        if self.dice.random() < 0.3:
            await self.crash()

    async def deliver_some(self) -> None:
        """Some of what was born leased arrives; the rest is forgotten, as in a crash."""
        works, self.worker.works = self.worker.works, []
        self.handed_over += len(works)
        for work in works:
            if self.dice.random() < 0.5 and await self.world.settle(work, Move.DELIVER):
                self.arrived[work.event_id, work.endpoint_id] += 1

    async def deliver_all(self, endpoints: list[StoredApplicationEndpoint]) -> None:
        await self.store.deliveries.release_all_leases(self.world.now_ms)
        for endpoint in endpoints:
            while works := (await self.world.claim(endpoint, limit=100, fifo=endpoint.spec.fifo)).works:
                for work in works:
                    assert await self.world.settle(work, Move.DELIVER)
                    self.arrived[work.event_id, work.endpoint_id] += 1

    async def failing(self) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(self.world.fail()) for _ in range(self.dice.randrange(3))]


async def wide(place: Place, count: int) -> tuple[StoredApplication, list[StoredApplicationEndpoint]]:
    shop = await place.world.application()
    fifo = {place.dice.randrange(count) for _ in range(3)}
    made = await asyncio.gather(
        *(place.world.customer_endpoint(shop, f"hook-{n}", fifo=n in fifo) for n in range(count))
    )
    return shop, list(made)


@pytest.mark.parametrize("seed", range(12))
async def test_a_fan_out_that_is_interrupted_reaches_everybody_once(seed: int, tmp_path: Path) -> None:
    place = Place(tmp_path / "hookline.db", seed)
    world = place.world
    shop, endpoints = await wide(place, place.dice.randrange(101, 460))
    published = []
    await place.crash()
    for _ in range(3):
        published.append((await world.accept(shop)).event_id)
        world.now_ms += 1
    while waiting := await place.store.fanouts.waiting():
        event_id = place.dice.choice(waiting)
        failing = await place.failing()
        await place.store.fanouts.step(event_id, world.now_ms)
        await asyncio.gather(*failing)
        await place.deliver_some()
        if place.dice.random() < 0.2:
            named = place.dice.choice(endpoints)
            before = place.arrived[event_id, named.id]
            count = await place.store.deliveries.replay_event(DEFAULT_ORG, event_id, world.now_ms, named.id)
            if before and count:  # it had arrived, and is sent once more
                place.arrived[event_id, named.id] = 0
        await place.perhaps_crash()
    await place.deliver_all(endpoints)
    expected = {(event_id, endpoint.id) for event_id in published for endpoint in endpoints}
    assert set(place.arrived) == expected
    assert set(place.arrived.values()) == {1}
    assert {await world.status(event_id) for event_id in published} == {"processed"}
    assert place.worker.held == place.handed_over  # no room was lost with what was rolled back
    await world.close()


@pytest.mark.parametrize("kind", ["missing", "recover", "bulk", "replay"])
@pytest.mark.parametrize("seed", range(4))
async def test_a_job_that_is_interrupted_sends_each_event_once(kind: str, seed: int, tmp_path: Path) -> None:
    place = Place(tmp_path / "hookline.db", seed)
    world = place.world
    shop = await world.application()
    old = await world.customer_endpoint(shop, "old")
    events = [
        receipt.event_id
        for receipt in await asyncio.gather(*(world.accept(shop) for _ in range(place.dice.randrange(150, 900))))
    ]
    works = (await world.claim(old, limit=len(events))).works
    dead = {work.event_id for work in works if place.dice.random() < 0.5}
    for work in works:
        await world.settle(work, Move.EXHAUST if work.event_id in dead else Move.DELIVER)
    new = await world.customer_endpoint(shop, "new", fifo=True)
    to, expected = {
        "missing": (new, set(events)),
        "recover": (old, dead),
        "bulk": (new, set(events)),
        "replay": (old, set(events)),
    }[kind]
    await place.crash()
    where = EventFilter(source_id=shop.id, endpoint_id=to.id)
    job = await place.store.replays.start(DEFAULT_ORG, where, world.now_ms, kind=kind)
    steps = 0
    while job.state == ReplayState.RUNNING:
        failing = await place.failing()
        pushed = [
            place.store.replays.step(job.id, DEFAULT_ORG, world.now_ms) for _ in range(place.dice.randrange(1, 4))
        ]
        job = (await asyncio.gather(*pushed))[-1]
        await asyncio.gather(*failing)
        await place.perhaps_crash()
        steps += 1
    assert steps >= 1
    await place.deliver_all([old, new])
    assert {event_id for event_id, endpoint_id in place.arrived if endpoint_id == to.id} == expected
    assert {endpoint_id for _, endpoint_id in place.arrived} == {to.id}
    assert set(place.arrived.values()) == {1}
    done = await place.store.replays.get(DEFAULT_ORG, job.id)
    assert done is not None
    assert (done.seen, done.replayed, done.total) == (len(expected),) * 3
    await world.close()
