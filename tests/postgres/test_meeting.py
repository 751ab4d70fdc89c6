"""Two servers that meet at the worst moment: one is held between two statements while the other commits.

The moment is made by standing in the way of a function that is called between the two, on the writer's thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from hookline.core.errors import ConfigError, NotFound
from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage import claims, messages, seen
from hookline.storage.base import Stream
from hookline.storage.nodes import Node
from hookline.storage.postgres import database as postgres_database
from hookline.storage.postgres import partitions
from hookline.storage.snapshot import Changing
from hookline.storage.store import Store, open_store
from hookline.testing.store_suite.world import SECRET, START_MS, World
from tests.postgres.cluster import Cluster

LIMIT_S = 10


@pytest.fixture
def url(newest: Cluster) -> str:
    return newest.new_database()


@pytest.fixture
async def world(url: str) -> AsyncIterator[World]:
    made = World(lambda secret: open_store(url, secret))
    yield made
    await made.close()


@pytest.fixture
def other(world: World) -> Store:
    """Another server."""
    return world.open()


class Held:
    """A call that waits until it is let go."""

    def __init__(self) -> None:
        self._came, self._go = threading.Event(), threading.Event()

    def stop(self) -> None:
        """On the thread that is held."""
        self._came.set()
        assert self._go.wait(LIMIT_S)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._came.wait, LIMIT_S)

    def go_on(self) -> None:
        self._go.set()


@contextmanager
def held_at(patch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[Held]:
    """The next call of that function is held, before it does anything."""
    held, real = Held(), getattr(owner, name)

    def stands_in(*given: Any, **more: Any) -> Any:
        patch.setattr(owner, name, real)
        held.stop()
        return real(*given, **more)

    patch.setattr(owner, name, stands_in)
    yield held
    held.go_on()


async def test_nobody_routes_by_a_change_that_came_to_nothing(url: str, world: World) -> None:
    """A door beside changes of which one fails: what the failed group had made was never there."""
    source = await world.source()
    await world.endpoint(source, "first")
    over = asyncio.Event()

    async def door() -> None:
        while not over.is_set():
            await world.accept(source)

    def failing(changing: Changing) -> None:
        raise NotFound("as an example")

    doors = [asyncio.create_task(door()) for _ in range(4)]
    for number in range(40):
        change = world.store.catalogue.change(failing)
        await asyncio.gather(world.endpoint(source, f"e{number}"), change, return_exceptions=True)
    over.set()
    await asyncio.gather(*doors)
    with psycopg.connect(url) as beside:
        phantoms = beside.execute(
            "SELECT 1 FROM delivery WHERE endpoint_id NOT IN (SELECT id FROM endpoint)"
        ).fetchall()
    assert phantoms == []
    assert len(world.store.routing.endpoints) == 41


async def test_a_message_is_expunged_or_sent_again_and_never_half_of_each(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    receipt = await world.accept(application)
    await world.try_once(endpoint)
    with held_at(monkeypatch, messages, "refresh_status") as held:
        expunging = asyncio.create_task(
            other.messages.expunge(DEFAULT_ORG, application.id, receipt.event_id, world.now_ms)
        )
        await held.reached()
        resend = world.store.deliveries.resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms)
        resending = asyncio.create_task(resend)
        held.go_on()
        await expunging
    with pytest.raises(Exception, match="nothing left to send"):
        await resending
    claimed = await world.claim(endpoint)
    assert (claimed.works, claimed.next_due_ms) == ([], None)


async def test_a_key_whose_time_is_over_is_taken_anew_although_retention_removes_it_just_then(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await world.source()
    await world.accept(source, key="id:1", expires_at_ms=world.now_ms + 1000)
    world.now_ms += 2000
    with held_at(monkeypatch, seen.Keys, "remember") as held:
        accepting = asyncio.create_task(world.accept(source, key="id:1", expires_at_ms=world.now_ms + 60_000))
        await held.reached()
        assert await other.retention.forget_keys(world.now_ms) == 1
        held.go_on()
        first = await accepting
    again = await world.accept(source, key="id:1", expires_at_ms=world.now_ms + 60_000)
    assert (first.duplicate, again.duplicate, again.event_id) == (False, True, first.event_id)


async def test_order_is_kept_although_the_first_changes_while_it_is_claimed(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source, fifo=True)
    first = await world.accept(source)
    world.now_ms += 10
    second = await world.accept(source)
    world.now_ms += 1000
    with held_at(monkeypatch, claims, "_fitting") as held:
        claiming = asyncio.create_task(world.claim(endpoint, fifo=True))
        await held.reached()
        resend = other.deliveries.resend(DEFAULT_ORG, first.event_id, endpoint.id, world.now_ms)
        resending = asyncio.create_task(resend)
        held.go_on()
        claimed = await claiming
        await resending
    assert [work.event_id for work in claimed.works] == [first.event_id, second.event_id]


async def test_a_late_settlement_and_a_claim_in_order_do_not_send_the_second_first(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source, fifo=True)
    first, _ = await world.accept(source), await world.accept(source)
    (work, *_) = (await world.claim(endpoint, fifo=True, limit=1)).works
    world.now_ms = work.lease_until_ms  # it ran out, and nobody has claimed it yet
    with held_at(monkeypatch, claims, "_fitting") as held:
        claiming = asyncio.create_task(world.claim(endpoint, fifo=True, store=other))
        await held.reached()
        settling = asyncio.create_task(world.settle(work, Move.RETRY, due_in_ms=5_000))
        held.go_on()
        claimed = await claiming
    assert claimed.works[0].event_id == first.event_id
    assert not await settling  # its lease was another's by then


async def test_signs_of_life_are_taken_however_much_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for queue in world.store.database._queues.values():  # type: ignore[attr-defined]
        monkeypatch.setattr(queue, "_most_waiting", 50)
    source = await world.source()
    await world.store.nodes.join(Node("n1", "a", "all", "1", 0))
    waiting = [asyncio.create_task(world.accept(source)) for _ in range(50)]
    await asyncio.sleep(0)
    assert (await world.store.nodes.beat("n1")).is_counted
    await asyncio.gather(*waiting)


async def test_a_clock_that_is_ahead_does_not_stop_partitions_for_the_others(world: World) -> None:
    day = partitions.DAY_MS
    source = await world.source()
    await world.store.retention.make_room(world.now_ms, 10 * day)
    world.now_ms += 4 * day
    await world.accept(source)  # stored by a server whose clock is four days ahead
    for later in range(1, 8):
        await world.store.retention.make_room(START_MS + later * day, 10 * day)
    found = await world.store.database.read(partitions.present)  # type: ignore[arg-type]
    assert found[-1].end_ms >= START_MS + 9 * day
    assert not any(one.start_ms <= START_MS + 4 * day < one.end_ms for one in found)


@pytest.mark.parametrize(
    "said", ["postgresql://bob:s3cret@[::1/db", "postgresql://bob:s3cret%zz@h/db", "postgresql://bob:s3cret@h/db?no=1"]
)
def test_a_url_that_cannot_be_understood_is_not_repeated(said: str) -> None:
    with pytest.raises(ConfigError, match="cannot be understood") as raised:
        open_store(said, SECRET)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def test_a_change_whose_server_is_gone_holds_the_doors_no_longer_than_it_may(world: World, other: Store) -> None:
    """It stopped in the middle of a change, with all doors waiting behind it: the database ends its session."""
    source = await world.source()
    await world.accept(source, store=other)
    held = Held()

    def stops(changing: Changing) -> None:
        changing.version()
        held.stop()

    changing = asyncio.create_task(world.store.catalogue.change(stops))
    await held.reached()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            await world.accept(source, store=other)
            break
        except Exception as error:
            assert "timeout" in str(error)
    assert loop.time() - began < postgres_database.LIMITS_S[Stream.DOORS] + 4
    held.go_on()
    await changing  # when it wakes up, it begins anew on a session that is there
