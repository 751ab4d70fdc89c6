"""Accepting: an event, its bytes and its deliveries are stored in one commit, routed by the endpoints of now."""

from __future__ import annotations

import asyncio

from hookline.core.model import DEFAULT_ORG, EndpointState, EventStatus, ReviewReason
from hookline.core.state import DeliveryState
from hookline.storage.base import EventFilter
from hookline.testing.store_suite.world import World, behaviours

#: As they come on the wire: in this order, with this case, with these bytes.
ODD_LINES = ((b"X-One", b"1"), (b"x-one", b""), (b"Content-Type", b"text/\xe4"), (b"X-One", b"\xff\x00"))


async def an_event_is_stored_whole_and_byte_for_byte(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    draft = world.draft(source, key="evt-1", body=b"\x00\xff{", headers=ODD_LINES)
    receipt = await world.store.events.accept(draft)
    assert (receipt.event_id, receipt.status, receipt.duplicate, receipt.deliveries) == (
        draft.event.id,
        EventStatus.PENDING,
        False,
        1,
    )
    story = await world.story(receipt.event_id)
    event = story.event
    assert event.request == draft.event.request
    assert (event.type, event.provider_event_id, event.verification) == ("order.paid", "evt-1", "verified")
    assert (event.received_at_ms, event.status, event.duplicates) == (world.now_ms, EventStatus.PENDING, 0)
    assert [(one.endpoint_id, one.state, one.attempts) for one in story.deliveries] == [
        (endpoint.id, DeliveryState.WAITING, 0)
    ]
    assert story.attempts == []
    assert await world.store.events.get(DEFAULT_ORG, event.id) == event


async def an_accepted_event_is_seen_by_every_other_store(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    another = world.open()
    receipt = await world.accept(source)
    story = await world.story(receipt.event_id, store=another)
    assert len(story.deliveries) == 1
    assert story.event.request.body == b'{"n":1}'


async def an_event_goes_to_the_endpoints_whose_patterns_match(world: World) -> None:
    source = await world.source()
    names = {
        (await world.endpoint(source, name, events=events)).id: name
        for name, events in (
            ("exact", ["order.paid"]),
            ("below", ["order.*"]),
            ("everything", ["*"]),
            ("several", ["customer.created", "order.paid"]),
            ("other", ["customer.*"]),
            ("longer", ["order.paid.*"]),
        )
    }
    receipt = await world.accept(source, type="order.paid")
    assert receipt.deliveries == 4
    wanted = {names[endpoint_id] for endpoint_id in await world.states(receipt.event_id)}
    assert wanted == {"exact", "below", "everything", "several"}


async def an_event_stays_within_its_source(world: World) -> None:
    shop, forum = await world.source("shop"), await world.source("forum")
    await world.endpoint(shop)
    assert (await world.accept(forum)).deliveries == 0


async def an_event_that_nobody_wants_is_ignored(world: World) -> None:
    source = await world.source()
    await world.endpoint(source, events=["customer.*"])
    receipt = await world.accept(source)
    assert (receipt.status, receipt.deliveries) == (EventStatus.IGNORED, 0)
    assert await world.status(receipt.event_id) == EventStatus.IGNORED


async def an_event_that_a_person_must_see_is_stored_and_not_delivered(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    receipt = await world.accept(source, review=ReviewReason.SCHEMA_MISMATCH)
    assert (receipt.status, receipt.deliveries) == (EventStatus.NEEDS_REVIEW, 0)
    story = await world.story(receipt.event_id)
    assert (story.event.status, story.event.review_reason) == ("needs_review", "schema_mismatch")
    assert story.deliveries == []


async def an_endpoint_gets_every_event_that_is_accepted_after_it_was_created(world: World) -> None:
    source = await world.source()
    for number in range(5):
        created = asyncio.create_task(world.endpoint(source, f"endpoint-{number}"))
        await created
        receipt = await world.accept(source)
        assert receipt.deliveries == number + 1
        assert created.result().id in await world.states(receipt.event_id)


async def an_endpoint_of_another_process_gets_every_event_too(world: World) -> None:
    source = await world.source()
    await world.accept(source)
    another = world.open()
    for number in range(3):
        endpoint = await world.endpoint(source, f"endpoint-{number}", store=another)
        receipt = await world.accept(source)
        assert endpoint.id in await world.states(receipt.event_id)


async def an_endpoint_that_was_deleted_or_disabled_gets_nothing_more(world: World) -> None:
    source = await world.source()
    deleted, disabled = await world.endpoint(source, "deleted"), await world.endpoint(source, "disabled")
    assert (await world.accept(source)).deliveries == 2
    await world.store.catalogue.delete_endpoint(DEFAULT_ORG, deleted.id)
    await world.store.catalogue.set_endpoint_state(disabled.id, EndpointState.DISABLED, "gone", world.now_ms)
    assert (await world.accept(source)).status == EventStatus.IGNORED
    await world.store.catalogue.set_endpoint_state(disabled.id, EndpointState.PAUSED, "lunch", world.now_ms)
    assert (await world.accept(source)).deliveries == 1


async def many_events_at_once_are_all_stored(world: World) -> None:
    source = await world.source()
    await world.endpoint(source)
    receipts = await asyncio.gather(*(world.accept(source, body=b"%d" % n) for n in range(1_200)))
    assert len({receipt.event_id for receipt in receipts}) == 1_200
    bodies = set()
    for receipt in receipts[::100]:
        bodies.add((await world.story(receipt.event_id)).event.request.body)
    assert bodies == {b"%d" % n for n in range(0, 1_200, 100)}
    (backlog,) = await world.store.deliveries.backlog()
    assert backlog.depth == 1_200


async def events_are_found_newest_first_by_each_of_their_sides(world: World) -> None:
    shop, forum = await world.source("shop"), await world.source("forum")
    await world.endpoint(shop, events=["order.*"])
    wanted = [
        (shop, "order.paid", "a"),
        (forum, "post.created", "b"),
        (shop, "order", "c"),
        (shop, "order.sent", "d"),
        (shop, "order.sent.late", "e"),
    ]
    made = []
    for source, kind, key in wanted:
        made.append(await world.accept(source, type=kind, key=key))
        world.now_ms += 1000

    async def found(**where: object) -> str:
        events = await world.store.events.find(DEFAULT_ORG, EventFilter(**where))  # type: ignore[arg-type]
        return "".join(event.provider_event_id for event in events)

    start = world.now_ms - 5000
    assert await found() == "edcba"
    assert await found(source_id=shop.id) == "edca"
    assert await found(type="order.paid") == "a"
    assert await found(type="order.*") == "eda"
    assert await found(type="*") == "edcba"
    assert await found(source_id=shop.id, type="order.*", status="pending") == "eda"
    assert await found(status="ignored") == "cb"
    assert await found(status="ignored", source_id=forum.id) == "b"
    assert await found(status="failed") == ""
    assert await found(provider_event_id="d") == "d"
    assert await found(since_ms=start + 1000, until_ms=start + 3000) == "cb"
    first = await world.store.events.find(DEFAULT_ORG, EventFilter(), limit=2)
    rest = await world.store.events.find(DEFAULT_ORG, EventFilter(), before=first[-1].id)
    assert [event.id for event in first + rest] == [receipt.event_id for receipt in reversed(made)]


BEHAVIOURS = behaviours(
    an_event_is_stored_whole_and_byte_for_byte,
    an_event_goes_to_the_endpoints_whose_patterns_match,
    an_event_stays_within_its_source,
    an_event_that_nobody_wants_is_ignored,
    an_event_that_a_person_must_see_is_stored_and_not_delivered,
    an_endpoint_gets_every_event_that_is_accepted_after_it_was_created,
    an_endpoint_that_was_deleted_or_disabled_gets_nothing_more,
    many_events_at_once_are_all_stored,
    events_are_found_newest_first_by_each_of_their_sides,
) + behaviours(
    an_accepted_event_is_seen_by_every_other_store,
    an_endpoint_of_another_process_gets_every_event_too,
    shared=True,
)
