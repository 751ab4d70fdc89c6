"""Replays of many events: durable, pushed forward by anybody, each event once."""

from __future__ import annotations

import asyncio

from hookline.core.errors import Conflict, InvalidInput, NotFound
from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage.base import EventFilter
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from hookline.storage.replays import EVENTS_PER_STEP, Count, ReplayState
from hookline.testing.store_suite.world import OTHER_ORG, START_MS, World, behaviours, raises

FAILED = EventFilter(status="failed")


async def a_dry_run_counts_what_the_filter_selects(world: World) -> None:
    source, _ = await _failed(world, 7)
    world.now_ms += 1000
    await world.accept(source, type="other")
    count = world.store.replays.count
    assert await count(DEFAULT_ORG, EventFilter()) == Count(8, START_MS, START_MS + 1000)
    assert await count(DEFAULT_ORG, FAILED) == Count(7, START_MS, START_MS)
    assert await count(DEFAULT_ORG, EventFilter(since_ms=START_MS + 1)) == Count(1, START_MS + 1000, START_MS + 1000)
    assert await count(DEFAULT_ORG, EventFilter(type="nothing")) == Count(0, 0, 0)
    assert await count(OTHER_ORG, EventFilter()) == Count(0, 0, 0)
    await raises(InvalidInput, count(DEFAULT_ORG, EventFilter(status="lost")))


async def a_replay_owes_every_selected_event_again_step_by_step(world: World) -> None:
    _, endpoint = await _failed(world, EVENTS_PER_STEP + 5)
    job = await world.store.replays.start(DEFAULT_ORG, FAILED, world.now_ms)
    assert (job.state, job.total, job.seen, job.filter) == (ReplayState.RUNNING, EVENTS_PER_STEP + 5, 0, FAILED)
    assert await world.store.replays.running() == [job]
    job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    assert (job.state, job.seen, job.replayed) == (ReplayState.RUNNING, EVENTS_PER_STEP, EVENTS_PER_STEP)
    world.now_ms += 5
    job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    assert (job.state, job.seen, job.replayed) == (ReplayState.DONE, job.total, job.total)
    assert job.finished_at_ms == world.now_ms
    assert await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms + 1) == job
    assert await world.store.replays.running() == []
    assert len((await world.claim(endpoint, limit=1000)).works) == job.total


async def a_replay_of_everything_comes_to_its_end(world: World) -> None:
    """Also where the filter still selects what was replayed."""
    source, _ = await _failed(world, EVENTS_PER_STEP + 5)
    job = await world.store.replays.start(DEFAULT_ORG, EventFilter(source_id=source.id), world.now_ms)
    seen: list[int] = []
    while job.state == ReplayState.RUNNING and len(seen) < 10:
        job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
        seen.append(job.seen)
    assert seen == [EVENTS_PER_STEP, job.total]
    assert job.replayed == job.total


async def events_that_come_while_a_replay_runs_are_not_part_of_it(world: World) -> None:
    source, endpoint = await _failed(world, 3)
    job = await world.store.replays.start(DEFAULT_ORG, FAILED, world.now_ms)
    world.now_ms += 1
    newer = await world.accept(source)
    await world.try_once(endpoint, Move.EXHAUST)
    job = await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)
    assert (job.seen, job.state) == (3, ReplayState.DONE)
    assert await world.status(newer.event_id) == "failed"


async def several_may_push_one_replay_and_no_event_is_replayed_twice(world: World) -> None:
    _, endpoint = await _failed(world, 2 * EVENTS_PER_STEP + 1)
    job = await world.store.replays.start(DEFAULT_ORG, FAILED, world.now_ms)
    steps = await asyncio.gather(*(world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms) for _ in range(6)))
    assert max(step.seen for step in steps) == job.total
    done = await world.store.replays.get(DEFAULT_ORG, job.id)
    assert done is not None
    assert (done.state, done.seen, done.replayed) == (ReplayState.DONE, job.total, job.total)
    assert len((await world.claim(endpoint, limit=1000)).works) == job.total


async def a_replay_that_another_process_began_is_pushed_here(world: World) -> None:
    _, endpoint = await _failed(world, 5)
    another = world.open()
    job = await another.replays.start(DEFAULT_ORG, FAILED, world.now_ms)
    (running,) = await world.store.replays.running()
    assert running == job
    done = await asyncio.gather(
        world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms),
        another.replays.step(job.id, DEFAULT_ORG, world.now_ms),
    )
    assert [one.replayed for one in done] == [5, 5]
    assert len((await world.claim(endpoint)).works) == 5


async def a_replay_for_one_endpoint_leaves_the_others_alone(world: World) -> None:
    source = await world.source()
    one, two = await world.endpoint(source, "one"), await world.endpoint(source, "two")
    await world.accept(source)
    await world.try_once(one, Move.EXHAUST)
    await world.try_once(two, Move.EXHAUST)
    where = EventFilter(status="failed", endpoint_id=one.id)
    job = await world.store.replays.start(DEFAULT_ORG, where, world.now_ms)
    assert (await world.store.replays.step(job.id, DEFAULT_ORG, world.now_ms)).replayed == 1
    assert [owed.endpoint_id for owed in await world.store.deliveries.owed()] == [one.id]


async def a_cancelled_replay_stops_where_it_is(world: World) -> None:
    await _failed(world, EVENTS_PER_STEP + 1)
    replays = world.store.replays
    job = await replays.start(DEFAULT_ORG, FAILED, world.now_ms)
    await replays.step(job.id, DEFAULT_ORG, world.now_ms)
    world.now_ms += 7
    cancelled = await replays.cancel(DEFAULT_ORG, job.id, world.now_ms)
    assert (cancelled.state, cancelled.seen) == (ReplayState.CANCELLED, EVENTS_PER_STEP)
    assert cancelled.finished_at_ms == world.now_ms
    assert await replays.step(job.id, DEFAULT_ORG, world.now_ms) == cancelled
    await raises(Conflict, replays.cancel(DEFAULT_ORG, job.id, world.now_ms))
    assert (await replays.count(DEFAULT_ORG, FAILED)).events == 1


async def replays_are_found_newest_first(world: World) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(await world.store.replays.start(DEFAULT_ORG, EventFilter(), world.now_ms))
        world.now_ms += 1
    newest_first = jobs[::-1]
    assert await world.store.replays.find(DEFAULT_ORG) == newest_first
    assert await world.store.replays.find(DEFAULT_ORG, before=jobs[2].id, limit=1) == [jobs[1]]


async def a_replay_that_is_not_there_is_not_found(world: World) -> None:
    job = await world.store.replays.start(DEFAULT_ORG, EventFilter(), world.now_ms)
    for org_id, replay_id in ((DEFAULT_ORG, "rpl_0"), (OTHER_ORG, job.id)):
        assert await world.store.replays.get(org_id, replay_id) is None
        await raises(NotFound, world.store.replays.step(replay_id, org_id, world.now_ms))
        await raises(NotFound, world.store.replays.cancel(org_id, replay_id, world.now_ms))


async def _failed(world: World, count: int) -> tuple[StoredSource, StoredEndpoint]:
    source = await world.source()
    endpoint = await world.endpoint(source, events=["order.*"])
    await asyncio.gather(*(world.accept(source) for _ in range(count)))
    works = (await world.claim(endpoint, limit=count)).works
    await asyncio.gather(*(world.settle(work, Move.EXHAUST) for work in works))
    return source, endpoint


BEHAVIOURS = behaviours(
    a_dry_run_counts_what_the_filter_selects,
    a_replay_owes_every_selected_event_again_step_by_step,
    a_replay_of_everything_comes_to_its_end,
    events_that_come_while_a_replay_runs_are_not_part_of_it,
    several_may_push_one_replay_and_no_event_is_replayed_twice,
    a_replay_for_one_endpoint_leaves_the_others_alone,
    a_cancelled_replay_stops_where_it_is,
    replays_are_found_newest_first,
    a_replay_that_is_not_there_is_not_found,
) + behaviours(a_replay_that_another_process_began_is_pushed_here, shared=True)
