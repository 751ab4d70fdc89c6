"""Refusing: what fails harms nobody else, what is too much is said, what is closed stays closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from hookline.core.errors import HooklineError, NotFound, StoreBusy, StoreError
from hookline.core.model import DEFAULT_ORG
from hookline.storage.base import EventFilter, Stream, Transaction, on
from hookline.testing.store_suite.world import World, behaviours, raises


async def one_that_fails_does_not_harm_the_others_of_its_group(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    working = [world.accept(source, key=f"id:{n}") for n in range(20)]
    failing = [world.store.deliveries.cancel(DEFAULT_ORG, f"dlv_{n}", world.now_ms) for n in range(3)]
    results = await asyncio.gather(*working[:10], *failing, *working[10:], return_exceptions=True)
    wrong = [result for result in results if isinstance(result, BaseException)]
    assert [type(result) for result in wrong] == [NotFound] * 3
    assert len(await world.store.events.find(DEFAULT_ORG, EventFilter())) == 20
    (backlog,) = await world.store.deliveries.backlog()
    assert backlog.depth == 20


async def what_was_written_by_one_that_fails_is_not_there(world: World) -> None:
    def half(tx: Transaction, items: Sequence[Any]) -> Sequence[Any]:
        tx.run("bump_routing")
        raise RuntimeError("as an example")

    before = (await world.store.catalogue.load()).version
    other = world.store.ping()
    results = await asyncio.gather(world.store.database.write(half, 1), other, return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, type(None)]
    assert (await world.store.catalogue.load()).version == before


async def too_much_at_once_is_refused_and_later_accepted(world: World) -> None:
    source = await world.source()
    database = world.store.database

    @on(Stream.DOORS)
    def nothing(tx: Transaction, items: Sequence[None]) -> Sequence[None]:
        return items

    all_answered = asyncio.Event()

    def answered(result: None, error: BaseException | None) -> None:
        if not database.waiting:
            all_answered.set()

    with contextlib.suppress(StoreBusy):
        for _ in range(1_000_000):  # in one turn of the event loop, so that nothing is answered meanwhile
            database.submit(nothing, None, answered)
    assert 1_000 < database.waiting < 1_000_000
    assert "try again" in (await raises(StoreBusy, world.accept(source))).message
    await all_answered.wait()
    assert (await world.accept(source)).status == "ignored"


async def a_store_writes_what_waits_before_it_is_closed(world: World) -> None:
    source = await world.source()
    accepting = [asyncio.create_task(world.accept(source)) for _ in range(700)]
    await asyncio.sleep(0)
    await world.store.close()
    receipts = await asyncio.gather(*accepting)
    assert len({receipt.event_id for receipt in receipts}) == 700
    await world.store.close()  # a second time is nothing


async def a_closed_store_says_so(world: World) -> None:
    source = await world.source()
    await world.store.events.find(DEFAULT_ORG, EventFilter())
    await world.store.close()
    await raises(StoreError, world.accept(source))
    await raises(StoreError, world.store.ping())
    await raises(StoreError, world.store.events.find(DEFAULT_ORG, EventFilter()))
    await raises(StoreError, world.store.deliveries.owed())


async def what_a_closed_store_was_told_is_there_for_the_next(world: World) -> None:
    source = await world.source()
    receipt = await world.accept(source)
    await world.store.close()
    world.store = world.open()
    assert (await world.story(receipt.event_id)).event.source_id == source.id


async def an_unknown_status_is_refused_with_the_known_ones(world: World) -> None:
    finding = world.store.events.find(DEFAULT_ORG, EventFilter(status="lost"))
    assert "processed" in (await raises(HooklineError, finding)).message


BEHAVIOURS = behaviours(
    one_that_fails_does_not_harm_the_others_of_its_group,
    what_was_written_by_one_that_fails_is_not_there,
    too_much_at_once_is_refused_and_later_accepted,
    a_store_writes_what_waits_before_it_is_closed,
    a_closed_store_says_so,
    an_unknown_status_is_refused_with_the_known_ones,
) + behaviours(what_a_closed_store_was_told_is_there_for_the_next, shared=True)
