from __future__ import annotations

import pytest
from svix.api import (
    EventTypeDeleteOptions,
    EventTypeIn,
    EventTypeListOptions,
    EventTypePatch,
    EventTypeUpsertIn,
    MessageIn,
    Ordering,
    SvixAsync,
)
from svix.exceptions import HttpError, HTTPValidationError

from .customer import Customer
from .walking import backward, forward
from .world import World

SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
PAID = EventTypeIn(name="order.paid", description="An order was paid", schemas={"1": SCHEMA})


async def test_an_event_type_is_created_and_found_by_its_name(svix: SvixAsync) -> None:
    created = await svix.event_type.create(PAID)
    assert (created.name, created.description) == ("order.paid", "An order was paid")
    assert created.schemas == {"1": SCHEMA}
    assert (created.archived, created.deprecated) == (False, False)
    assert await svix.event_type.get("order.paid") == created


async def test_a_name_that_is_taken_is_a_conflict(svix: SvixAsync) -> None:
    await svix.event_type.create(PAID)
    with pytest.raises(HttpError) as refused:
        await svix.event_type.create(PAID)
    assert refused.value.status_code == 409 and "order.paid" in refused.value.detail


async def test_upsert_creates_an_event_type_and_then_replaces_all_of_it(svix: SvixAsync, world: World) -> None:
    await svix.event_type.upsert("order.paid", EventTypeUpsertIn(description="Paid", schemas={"1": SCHEMA}))
    replaced = await svix.event_type.upsert("order.paid", EventTypeUpsertIn(description="Was paid", deprecated=True))
    assert [one.status for one in world.witness.seen] == [201, 200]
    assert (replaced.description, replaced.deprecated, replaced.schemas) == ("Was paid", True, None)


async def test_a_patch_changes_what_it_names_and_null_takes_away(svix: SvixAsync) -> None:
    await svix.event_type.create(PAID)
    patched = await svix.event_type.patch("order.paid", EventTypePatch(deprecated=True))
    assert (patched.description, patched.deprecated, patched.schemas) == ("An order was paid", True, {"1": SCHEMA})
    patched = await svix.event_type.patch("order.paid", EventTypePatch(schemas=None, description="Paid"))
    assert (patched.description, patched.deprecated, patched.schemas) == ("Paid", True, None)


async def test_a_deleted_event_type_is_archived_and_comes_back_when_it_is_created_again(svix: SvixAsync) -> None:
    await svix.event_type.create(PAID)
    await svix.event_type.delete("order.paid")
    assert (await svix.event_type.get("order.paid")).archived is True
    assert (await svix.event_type.list()).data == []
    with_archived = await svix.event_type.list(EventTypeListOptions(include_archived=True))
    assert [one.name for one in with_archived.data] == ["order.paid"]
    again = await svix.event_type.create(EventTypeIn(name="order.paid", description="Paid at last"))
    assert (again.archived, again.description, again.schemas) == (False, "Paid at last", None)


async def test_an_expunged_event_type_is_gone(svix: SvixAsync) -> None:
    await svix.event_type.create(PAID)
    await svix.event_type.delete("order.paid", EventTypeDeleteOptions(expunge=True))
    with pytest.raises(HttpError) as refused:
        await svix.event_type.get("order.paid")
    assert refused.value.status_code == 404
    assert (await svix.event_type.list(EventTypeListOptions(include_archived=True))).data == []


async def test_schemas_are_listed_only_when_asked_for(svix: SvixAsync) -> None:
    await svix.event_type.create(PAID)
    assert (await svix.event_type.list()).data[0].schemas is None
    assert (await svix.event_type.list(EventTypeListOptions(with_content=True))).data[0].schemas == {"1": SCHEMA}


async def test_event_types_are_listed_by_name_and_paged_both_ways(svix: SvixAsync) -> None:
    names = [f"order.{step}" for step in ("created", "paid", "returned", "sent", "shown")]
    for name in reversed(names):
        await svix.event_type.create(EventTypeIn(name=name, description=name))
    assert [one.name for one in (await svix.event_type.list()).data] == names
    options = EventTypeListOptions(limit=2)
    pages = [page async for page in forward(svix.event_type.list, options)]
    assert [[one.name for one in page.data] for page in pages] == [names[:2], names[2:4], names[4:]]
    before = [page async for page in backward(svix.event_type.list, options, pages[-1])]
    assert [[one.name for one in page.data] for page in before] == [names[2:4], names[:2]]
    falling = await svix.event_type.list(EventTypeListOptions(order=Ordering.DESCENDING))
    assert [one.name for one in falling.data] in (names, names[::-1])  # the contract's server ignores it


async def test_a_schema_that_is_none_is_refused(svix: SvixAsync) -> None:
    with pytest.raises(HTTPValidationError) as refused:
        await svix.event_type.create(EventTypeIn(name="a.b", description="a", schemas={"1": {"type": "no-such"}}))
    assert refused.value.detail[0].loc[:2] == ["body", "schemas"]


async def test_a_message_that_does_not_match_its_type_is_refused_where_this_is_enforced(
    shop: Customer, world: World
) -> None:
    await shop.svix.event_type.create(PAID)
    enforced = await world.http.patch(
        f"/api/v1/app/{shop.app.id}",
        json={"enforceSchemas": True},
        headers={"Authorization": f"Bearer {world.token()}"},
    )
    assert enforced.status_code == 200
    for event_type, payload, place in (
        ("order.paid", {"order": "one"}, ["body", "payload", "order"]),
        ("order.lost", {"order": 1}, ["body", "eventType"]),
    ):
        with pytest.raises(HTTPValidationError) as refused:
            await shop.svix.message.create(shop.app.id, MessageIn(event_type=event_type, payload=payload))
        assert refused.value.detail[0].loc == place
    await shop.publish("order.paid", {"order": 1})
    assert len(shop.received) == 1
