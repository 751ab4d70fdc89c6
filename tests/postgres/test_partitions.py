"""The large tables divided by time: made ahead, never missed, dropped whole when everything in them is old and over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from hookline.config.settings import Settings
from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import Notice, RetentionDone
from hookline.core.state import Move
from hookline.storage.base import EventFilter
from hookline.storage.housekeeping import Housekeeper
from hookline.storage.postgres import PostgresDatabase, partitions
from hookline.storage.postgres.partitions import DAY_MS, Partition
from hookline.storage.store import open_store
from hookline.testing.clock import FakeClock
from hookline.testing.store_suite.world import START_MS, World

RETENTION_S = 10 * 86_400.0


@pytest.fixture
async def world(url: str) -> AsyncIterator[World]:
    made = World(lambda secret: open_store(url, secret))
    yield made
    await made.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START_MS)


def housekeeper(world: World, clock: FakeClock, **settings: Any) -> tuple[Housekeeper, list[Notice]]:
    notices: list[Notice] = []
    wanted = Settings(**{"retention_s": RETENTION_S, **settings})
    return Housekeeper(world.store, clock, notices.append, wanted), notices


async def present(world: World) -> list[Partition]:
    assert isinstance(world.store.database, PostgresDatabase)
    return await world.store.database.read(partitions.present)


async def tidy_at(keeper: Housekeeper, world: World, clock: FakeClock, at_ms: int) -> RetentionDone:
    clock.jump_to(at_ms)
    world.now_ms = at_ms
    return await keeper.tidy()


def rows_in(url: str, table: str) -> int:
    with psycopg.connect(url) as beside:
        (count,) = beside.execute(f"SELECT COUNT(*) FROM {table}").fetchone() or (0,)  # type: ignore[arg-type,unused-ignore]
    return int(count)


@pytest.mark.parametrize(
    ("retention_days", "width_days"), [(0.1, 1), (7, 1), (30, 3), (90, 9), (365, 30), (float("inf"), 30)]
)
def test_about_ten_partitions_cover_the_retention(retention_days: float, width_days: int) -> None:
    assert partitions.width_ms(retention_days * DAY_MS) == width_days * DAY_MS


async def test_they_are_made_before_they_are_needed_without_a_gap(world: World, clock: FakeClock) -> None:
    keeper, _ = housekeeper(world, clock)
    await keeper.prepare()
    first = await present(world)
    assert first[0].start_ms <= START_MS < first[0].end_ms
    for day in range(1, 15):
        await tidy_at(keeper, world, clock, START_MS + day * DAY_MS)
        found = await present(world)
        assert found[-1].end_ms >= clock.now_ms() + 2 * DAY_MS
        assert [one.end_ms for one in found[:-1]] == [one.start_ms for one in found[1:]]


async def test_an_event_and_all_that_belongs_to_it_lie_in_the_partition_of_its_time(
    url: str, world: World, clock: FakeClock
) -> None:
    keeper, _ = housekeeper(world, clock)
    await keeper.prepare()
    source = await world.source()
    endpoint = await world.endpoint(source)
    await world.accept(source)
    await world.try_once(endpoint)
    (current, *_) = await present(world)
    assert [rows_in(url, f"{table}{current.suffix}") for table, _ in partitions.TABLES] == [1, 1, 1, 1]


async def test_no_event_is_refused_for_want_of_a_partition(url: str, world: World, clock: FakeClock) -> None:
    """Housekeeping stood still for a month; then it goes on, and begins where nothing has landed yet."""
    keeper, _ = housekeeper(world, clock)
    await keeper.prepare()
    source = await world.source()
    endpoint = await world.endpoint(source)
    world.now_ms = START_MS + 30 * DAY_MS
    late = await world.accept(source)
    assert await world.status(late.event_id) == "pending"
    assert rows_in(url, "event_default") == 1
    await tidy_at(keeper, world, clock, START_MS + 30 * DAY_MS + 1000)
    newest = (await present(world))[-3:]
    assert newest[0].start_ms == clock.now_ms() + partitions.SOON_MS
    world.now_ms = newest[0].start_ms
    await world.accept(source)
    assert rows_in(url, "event_default") == 1
    assert len(await world.try_once(endpoint)) == 2
    # What lies in the default one goes row by row, when its time is over.
    done = await tidy_at(keeper, world, clock, START_MS + 60 * DAY_MS)
    assert done.events == 2
    assert rows_in(url, "event_default") == 0


async def test_old_partitions_are_dropped_with_all_that_is_in_them(url: str, world: World, clock: FakeClock) -> None:
    keeper, notices = housekeeper(world, clock)
    await keeper.prepare()
    source = await world.source()
    endpoint = await world.endpoint(source)
    (first, *_) = await present(world)
    for _ in range(5):
        await world.accept(source)
    await world.try_once(endpoint)
    young = await tidy_at(keeper, world, clock, first.end_ms + int(RETENTION_S * 1000) - 1)
    assert (young.events, first in await present(world)) == (0, True)
    old = await tidy_at(keeper, world, clock, first.end_ms + int(RETENTION_S * 1000))
    assert (old.events, first in await present(world)) == (5, False)
    assert await world.store.events.find(DEFAULT_ORG, EventFilter()) == []
    assert [rows_in(url, table) for table, _ in partitions.TABLES] == [0, 0, 0, 0]
    assert RetentionDone(5, 0, 0) in notices


async def test_a_partition_in_which_anything_is_owed_stays_and_the_rest_of_it_goes(
    world: World, clock: FakeClock
) -> None:
    keeper, _ = housekeeper(world, clock)
    await keeper.prepare()
    source = await world.source()
    endpoint = await world.endpoint(source)
    (first, *_) = await present(world)
    over = await world.accept(source)
    await world.try_once(endpoint)
    owed = await world.accept(source)
    await world.try_once(endpoint, Move.RETRY, due_in_ms=60 * DAY_MS)
    await tidy_at(keeper, world, clock, first.end_ms + int(RETENTION_S * 1000) + 3 * DAY_MS)
    assert first in await present(world)
    assert {event.id for event in await world.store.events.find(DEFAULT_ORG, EventFilter())} == {owed.event_id}
    assert over.event_id != owed.event_id
    world.now_ms = START_MS + 61 * DAY_MS
    await world.try_once(endpoint)
    await tidy_at(keeper, world, clock, world.now_ms)
    assert first not in await present(world)


async def test_a_source_with_a_shorter_retention_is_forgotten_row_by_row(world: World, clock: FakeClock) -> None:
    keeper, _ = housekeeper(world, clock)
    await keeper.prepare()
    brief, usual = await world.source("brief", retention="1d"), await world.source("usual")
    gone, kept = await world.accept(brief), await world.accept(usual)
    done = await tidy_at(keeper, world, clock, START_MS + 2 * DAY_MS)
    assert done.events == 1
    assert [event.id for event in await world.store.events.find(DEFAULT_ORG, EventFilter())] == [kept.event_id]
    assert gone.event_id != kept.event_id


async def test_events_that_are_kept_for_ever_are(world: World, clock: FakeClock) -> None:
    keeper, _ = housekeeper(world, clock, retention_s=float("inf"))
    await keeper.prepare()
    kept = await world.accept(await world.source())
    await tidy_at(keeper, world, clock, START_MS + 1000 * DAY_MS)
    assert [event.id for event in await world.store.events.find(DEFAULT_ORG, EventFilter())] == [kept.event_id]


async def test_of_several_servers_one_tidies_up(url: str, world: World) -> None:
    other = open_store(url, "not-a-real-server-secret-0123456789")
    due = [await store.retention.is_due(START_MS, START_MS + 60_000) for store in (world.store, other, world.store)]
    assert due == [True, False, False]
    assert await other.retention.is_due(START_MS + 60_000, START_MS + 120_000)
    await other.close()
