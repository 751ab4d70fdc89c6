"""What the hot path asks the database for, statement by statement: nothing that it could do without."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from hookline.core.state import Move
from hookline.storage.base import Once
from hookline.storage.sqlite import SqliteDatabase
from hookline.storage.store import open_store
from hookline.testing.store_suite.world import FakeWorker, World

#: Every group begins with a look whether another process changed something.
BEGIN = ["BEGIN", "PRAGMA data_version"]
COMMIT = ["COMMIT"]
STORE = ["INSERT event", "INSERT payload", "INSERT delivery"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(lambda secret: open_store("sqlite://:memory:", secret))
    yield made
    await made.close()


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is asked of the database meanwhile, as verbs and tables; several rows are several statements."""
    database = world.store.database
    assert isinstance(database, SqliteDatabase)
    asked: list[str] = []

    def note(text: str) -> None:
        if found := re.match(r"\s*(INSERT|UPDATE|SELECT|DELETE|BEGIN|COMMIT|PRAGMA \w+)", text):
            table = re.search(r"(?:INTO|UPDATE|FROM) (\w+)", text)
            asked.append(" ".join([found[1], *([table[1]] if table else [])]))

    database._connection.set_trace_callback(note)
    yield asked
    database._connection.set_trace_callback(None)


async def test_an_event_is_stored_by_three_statements(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    world.store.hand_over_to(FakeWorker(room=10))
    with statements(world) as asked:
        await world.accept(source)
    assert asked == BEGIN + STORE + COMMIT


async def test_a_message_is_stored_by_three_statements(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    with statements(world) as asked:
        await world.accept(shop, channels=("eu",), tags=("vip",))
    assert asked == BEGIN + STORE + COMMIT


async def test_where_order_counts_the_places_of_a_group_cost_one_statement(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop, fifo=True)
    with statements(world) as asked:
        await asyncio.gather(world.accept(shop), world.accept(shop))
    assert asked.count("INSERT place") == 1
    assert asked.count("INSERT delivery") == 2


async def test_a_key_costs_one_statement(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    with statements(world) as asked:
        await world.accept(shop, key="e:1", unique=True)
    assert asked == [*BEGIN, "INSERT seen", *STORE, *COMMIT]
    with statements(world) as asked:
        await world.accept(shop, once=Once(shop.id, "k:1", b"", world.now_ms + 1))
    assert asked == [*BEGIN, "INSERT seen", *STORE, *COMMIT]


async def test_a_delivery_that_arrives_is_settled_by_three_statements(world: World) -> None:
    shop = await world.application()
    await world.customer_endpoint(shop)
    listener = await world.store.applications.operational(shop.org_id, world.now_ms)
    await world.customer_endpoint(listener)
    worker = FakeWorker(room=10)
    world.store.hand_over_to(worker)
    await world.accept(shop)
    (work,) = worker.works
    with statements(world) as asked:
        assert await world.settle(work)
    assert asked == ["BEGIN", "UPDATE delivery", "INSERT attempt", "UPDATE event", *COMMIT]


async def test_a_later_failure_is_settled_by_two_statements(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    await world.accept(shop)
    await world.try_once(endpoint, Move.RETRY)
    (work,) = (await world.claim(endpoint)).works
    with statements(world) as asked:
        assert await world.settle(work, Move.RETRY)
    assert asked == ["BEGIN", "UPDATE delivery", "INSERT attempt", *COMMIT]


async def test_a_very_wide_event_is_stored_by_three_statements_too(world: World) -> None:
    shop = await world.application()
    await asyncio.gather(*(world.customer_endpoint(shop, f"hook-{number}") for number in range(101)))
    with statements(world) as asked:
        await world.accept(shop)
    assert asked == [*BEGIN, "INSERT event", "INSERT payload", "INSERT fanout", *COMMIT]
