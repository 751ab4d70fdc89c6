"""What changes between the search of a replay's events, beside the writer, and their being sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage.base import Transaction
from hookline.storage.redrive import Replayed, send_again
from hookline.storage.store import open_store
from hookline.testing.store_suite.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(lambda secret: open_store("sqlite://:memory:", secret))
    yield made
    await made.close()


async def again(world: World, event_id: str, endpoint_id: str, states: frozenset[str | None]) -> Replayed:
    def batch(tx: Transaction, items: Sequence[None]) -> list[Replayed]:
        return [send_again(tx, world.store.routing, event_id, endpoint_id, world.now_ms, states)]

    done: Replayed = await world.store.database.write(batch, None)
    return done


async def test_what_is_as_it_was_is_sent_again(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    assert (await again(world, receipt.event_id, endpoint.id, frozenset({"dead"}))).owed == 1
    assert (await again(world, receipt.event_id, endpoint.id, frozenset({"dead"}))).owed == 0  # it is owed by now


async def test_a_message_that_was_expunged_meanwhile_is_not_sent(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, receipt.event_id, world.now_ms)
    assert (await again(world, receipt.event_id, endpoint.id, frozenset({"dead"}))).owed == 0
    assert await world.store.deliveries.owed() == []


async def test_an_endpoint_that_went_meanwhile_is_owed_nothing(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    receipt = await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    await world.store.application_endpoints.delete(DEFAULT_ORG, shop.id, endpoint.id, world.now_ms)
    assert (await again(world, receipt.event_id, endpoint.id, frozenset({"dead"}))).owed == 0


async def test_an_event_that_retention_took_meanwhile_is_passed_over(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    assert (await again(world, "msg_0", endpoint.id, frozenset({None}))).owed == 0
