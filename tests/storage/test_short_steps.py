"""The writer is never held long: whatever is done to very many deliveries is done some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage import fanout, replays, retention
from hookline.storage.base import EventFilter
from hookline.storage.retention import Cut
from hookline.storage.store import open_store
from hookline.storage.stored import StoredApplication
from hookline.testing.store_suite.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(lambda secret: open_store("sqlite://:memory:", secret))
    yield made
    await made.close()


async def delivered(world: World, events: int, endpoints: int) -> StoredApplication:
    """An application with events that arrived at every endpoint."""
    shop = await world.application()
    made = [await world.customer_endpoint(shop) for _ in range(endpoints)]
    for _ in range(events):
        await world.accept(shop)
    for endpoint in made:
        await world.try_once(endpoint)
    return shop


async def test_wide_events_are_forgotten_a_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 20)
    monkeypatch.setattr(retention, "EVENTS_AT_ONCE", 1)
    shop = await delivered(world, events=5, endpoints=6)  # each has six deliveries and six attempts
    cut = Cut(shop.id, world.now_ms + 1)
    assert [await world.store.retention.forget_events(cut) for _ in range(4)] == [2, 2, 1, 0]
    assert await world.store.deliveries.find(DEFAULT_ORG) == []


async def test_an_event_that_is_wider_than_a_step_is_forgotten_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_STEP", 3)
    monkeypatch.setattr(retention, "EVENTS_AT_ONCE", 1)
    shop = await delivered(world, events=2, endpoints=6)
    cut = Cut(shop.id, world.now_ms + 1)
    assert [await world.store.retention.forget_events(cut) for _ in range(3)] == [1, 1, 0]


async def test_wide_events_are_replayed_a_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "DELIVERIES_PER_STEP", 20)
    shop = await delivered(world, events=5, endpoints=6)  # each is wanted six times and was delivered six times
    job = await world.store.replays.start(DEFAULT_ORG, EventFilter(source_id=shop.id), world.now_ms)
    progress = []
    while job.state == "running":
        job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
        progress.append((job.seen, job.replayed))
    assert progress == [(2, 12), (4, 24), (5, 30)]


async def test_a_page_of_events_is_replayed_whole_also_when_it_takes_several_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "DELIVERIES_PER_STEP", 1)
    monkeypatch.setattr(replays, "EVENTS_PER_STEP", 3)
    shop = await delivered(world, events=7, endpoints=1)
    job = await world.store.replays.start(DEFAULT_ORG, EventFilter(source_id=shop.id), world.now_ms)
    while job.state == "running":
        job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    assert (job.seen, job.replayed, job.total) == (7, 7, 7)


@pytest.mark.parametrize("kind", ["replay", "recover", "missing", "bulk"])
async def test_a_dry_run_counts_each_event_once_also_in_several_reads(
    kind: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "EVENTS_PER_COUNT", 3)
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    for _ in range(7):
        await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    new = await world.customer_endpoint(shop)
    where = EventFilter(source_id=shop.id, endpoint_id=new.id if kind == "missing" else endpoint.id)
    assert (await world.store.replays.count(DEFAULT_ORG, where, kind=kind)).events == 7
    everywhere = EventFilter(source_id=shop.id)
    assert (await world.store.replays.count(DEFAULT_ORG, everywhere)).events == 7


async def test_a_fan_out_takes_steps_of_its_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "DELIVERIES_PER_STEP", 40)
    shop = await world.application()
    await asyncio.gather(*(world.customer_endpoint(shop, f"hook-{number}") for number in range(101)))
    event_id = (await world.accept(shop)).event_id
    written = []
    more = True
    while more:
        more = await world.store.fanouts.step(event_id, world.now_ms)
        written.append(len((await world.story(event_id)).deliveries))
    assert written == [40, 80, 101]
