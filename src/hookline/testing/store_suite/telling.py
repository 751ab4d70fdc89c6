"""Telling: an organisation learns what became of its messages, in the transaction in which it became so."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from hookline.core import ids
from hookline.core.model import DEFAULT_ORG, Work
from hookline.core.state import DeliveryState, Move
from hookline.storage.base import EventFilter, Settled
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, settlement


async def the_death_of_a_delivery_is_told(world: World) -> None:
    ear, shop, endpoint = await _listening(world)
    receipt = await world.accept(shop, key="order-7")
    (work,) = (await world.claim(endpoint)).works
    settled = await _settle(world, work, Move.EXHAUST)
    assert settled == Settled(True, (ear.id,))
    (told,) = await _told(world)
    assert told == {
        "type": "message.attempt.exhausted",
        "data": {
            "appId": shop.id,
            "appUid": "acme",
            "endpointId": endpoint.id,
            "msgId": receipt.event_id,
            "msgEventId": "order-7",
            "lastAttempt": {
                "id": ids.attempt(work.delivery_id, 1),
                "responseStatusCode": 500,
                "timestamp": "2026-01-01T00:00:00.000Z",
            },
        },
    }
    (owed,) = (await world.claim(ear)).works
    assert (owed.event_type, owed.headers) == (
        "message.attempt.exhausted",
        ((b"content-type", b"application/json"),),
    )


async def the_fourth_failure_is_told_and_the_recovery_after_it(world: World) -> None:
    _, shop, endpoint = await _listening(world)
    await world.accept(shop)
    told = []
    for _ in range(6):
        (work,) = (await world.claim(endpoint)).works
        told.append(bool((await _settle(world, work, Move.RETRY)).owed))
    assert told == [False, False, False, True, False, False]
    (work,) = (await world.claim(endpoint)).works
    assert (await _settle(world, work, Move.DELIVER)).owed
    types = [one["type"] for one in await _told(world)]
    assert types == ["message.attempt.failing", "message.attempt.recovered"]
    assert [one["data"]["msgEventId"] for one in await _told(world)] == [None, None]


async def what_goes_well_is_not_told(world: World) -> None:
    _, shop, endpoint = await _listening(world)
    await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    assert await _settle(world, work, Move.RETRY) == Settled(True)
    (work,) = (await world.claim(endpoint)).works
    assert await _settle(world, work, Move.GIVE_BACK) == Settled(True)
    (work,) = (await world.claim(endpoint)).works
    assert await _settle(world, work, Move.DELIVER) == Settled(True)
    assert await _told(world) == []


async def a_lost_lease_tells_nothing(world: World) -> None:
    _, shop, endpoint = await _listening(world)
    await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    answers = await asyncio.gather(*(_settle(world, work, Move.EXHAUST) for _ in range(3)))
    assert sorted(len(settled.owed) for settled in answers) == [0, 0, 1]
    assert len(await _told(world)) == 1


async def what_is_told_is_undone_with_what_it_tells_of(world: World) -> None:
    """Another write of the group fails: each is written again, and told of once."""
    _, shop, endpoint = await _listening(world)
    for _ in range(3):
        await world.accept(shop)
    works = (await world.claim(endpoint)).works
    await asyncio.gather(*(_settle(world, work, Move.EXHAUST) for work in works), world.fail())
    assert len(await _told(world)) == 3


async def only_those_are_told_who_want_to_know(world: World) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    assert (await _settle(world, work, Move.EXHAUST)).owed == ()  # there is nobody to tell
    source = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    await world.customer_endpoint(source, events=["endpoint.*"])
    failing = await world.customer_endpoint(source, events=["message.attempt.failing"])
    await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    assert (await _settle(world, work, Move.EXHAUST)).owed == ()
    assert await _told(world) == []
    await world.accept(shop)
    for _ in range(3):
        await world.try_once(endpoint, Move.RETRY)
    (work,) = (await world.claim(endpoint)).works
    assert (await _settle(world, work, Move.RETRY)).owed == (failing.id,)


async def another_organisation_is_not_told(world: World) -> None:
    source = await world.store.applications.operational(OTHER_ORG, world.now_ms)
    await world.customer_endpoint(source)
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    await world.accept(shop)
    (work,) = (await world.claim(endpoint)).works
    assert (await _settle(world, work, Move.EXHAUST)).owed == ()
    assert await world.store.events.find(OTHER_ORG, EventFilter()) == []


async def operational_webhooks_and_provider_sources_are_not_told_about(world: World) -> None:
    ear, shop, endpoint = await _listening(world)
    received = await world.source("received")
    ledger = await world.endpoint(received)
    await world.accept(received)
    (work,) = (await world.claim(ledger)).works
    assert (await _settle(world, work, Move.EXHAUST)).owed == ()
    await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    (work,) = (await world.claim(ear)).works
    assert (await _settle(world, work, Move.EXHAUST)).owed == ()
    assert len(await _told(world)) == 1


async def what_is_told_is_delivered_like_any_event(world: World) -> None:
    ear, shop, endpoint = await _listening(world)
    await world.accept(shop)
    await world.try_once(endpoint, Move.EXHAUST)
    source = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    (event,) = await world.store.events.find(DEFAULT_ORG, EventFilter(source_id=source.id))
    assert await world.status(event.id) == "pending"
    assert (await world.delivery(event.id)).state == DeliveryState.WAITING
    await world.try_once(ear)
    assert await world.status(event.id) == "processed"


async def _listening(
    world: World,
) -> tuple[StoredApplicationEndpoint, StoredApplication, StoredApplicationEndpoint]:
    """An endpoint for all that is told of messages, and an application with one."""
    source = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    ear = await world.customer_endpoint(source, "told", events=["message.*"])
    shop = await world.application()
    return ear, shop, await world.customer_endpoint(shop)


async def _settle(world: World, work: Work, move: Move) -> Settled:
    return await world.settle_as(settlement(work, move, world.now_ms))


async def _told(world: World) -> list[dict[str, Any]]:
    """What the organisation was told, in the order of telling."""
    source = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    events = await world.store.events.find(DEFAULT_ORG, EventFilter(source_id=source.id))
    stories = [await world.story(event.id) for event in events]
    bodies = [msgspec.json.decode(story.event.request.body) for story in stories]
    return sorted(bodies, key=lambda body: str(body["type"]))


BEHAVIOURS = behaviours(
    the_death_of_a_delivery_is_told,
    the_fourth_failure_is_told_and_the_recovery_after_it,
    what_goes_well_is_not_told,
    a_lost_lease_tells_nothing,
    what_is_told_is_undone_with_what_it_tells_of,
    only_those_are_told_who_want_to_know,
    another_organisation_is_not_told,
    operational_webhooks_and_provider_sources_are_not_told_about,
    what_is_told_is_delivered_like_any_event,
)
