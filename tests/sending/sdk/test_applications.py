from __future__ import annotations

import pytest
from svix.api import (
    ApplicationIn,
    ApplicationListOptions,
    ApplicationPatch,
    EndpointIn,
    MessageIn,
    Ordering,
    SvixAsync,
)
from svix.exceptions import HttpError

from .customer import Customer
from .walking import backward, forward
from .world import World


async def test_an_application_is_created_and_found_by_its_id_and_by_its_uid(svix: SvixAsync) -> None:
    created = await svix.application.create(
        ApplicationIn(name="Shop", uid="shop-1", throttle_rate=20, metadata={"plan": "large"})
    )
    assert created.id.startswith("app_")
    assert (created.name, created.uid, created.throttle_rate) == ("Shop", "shop-1", 20)
    assert created.metadata == {"plan": "large"}
    assert created.created_at == created.updated_at
    assert await svix.application.get(created.id) == created
    assert await svix.application.get("shop-1") == created


async def test_an_application_needs_nothing_but_a_name(svix: SvixAsync) -> None:
    created = await svix.application.create(ApplicationIn(name="Shop"))
    assert (created.uid, created.throttle_rate, created.metadata) == (None, None, {})


async def test_get_or_create_creates_once(svix: SvixAsync) -> None:
    wanted = ApplicationIn(name="Shop", uid="shop-1")
    created = await svix.application.get_or_create(wanted)
    again = await svix.application.get_or_create(ApplicationIn(name="Another name", uid="shop-1"))
    assert again == created


async def test_a_uid_that_is_taken_is_a_conflict(svix: SvixAsync) -> None:
    await svix.application.create(ApplicationIn(name="Shop", uid="shop-1"))
    with pytest.raises(HttpError) as refused:
        await svix.application.create(ApplicationIn(name="Other", uid="shop-1"))
    assert refused.value.status_code == 409 and refused.value.code and "shop-1" in refused.value.detail


async def test_upsert_creates_an_application_and_then_replaces_all_of_it(svix: SvixAsync, world: World) -> None:
    created = await svix.application.upsert("shop-1", ApplicationIn(name="Shop", uid="shop-1", throttle_rate=5))
    replaced = await svix.application.upsert("shop-1", ApplicationIn(name="Bazaar", uid="shop-1"))
    assert [one.status for one in world.witness.seen] == [201, 200]
    assert replaced.id == created.id and replaced.name == "Bazaar" and replaced.throttle_rate is None


async def test_a_patch_changes_what_it_names_and_null_takes_away(svix: SvixAsync, world: World) -> None:
    made = ApplicationIn(name="Shop", uid="shop-1", throttle_rate=5, metadata={"plan": "large"})
    created = await svix.application.create(made)
    await world.later(1)
    renamed = await svix.application.patch(created.id, ApplicationPatch(name="Bazaar"))
    assert (renamed.name, renamed.uid, renamed.throttle_rate) == ("Bazaar", "shop-1", 5)
    assert renamed.metadata == {"plan": "large"}
    assert renamed.created_at == created.created_at and renamed.updated_at > created.updated_at
    cleared = await svix.application.patch(created.id, ApplicationPatch(uid=None, throttle_rate=None))
    assert (cleared.name, cleared.uid, cleared.throttle_rate) == ("Bazaar", None, None)
    with pytest.raises(HttpError):
        await svix.application.get("shop-1")


async def test_a_deleted_application_is_gone_with_its_endpoints_and_its_uid_is_free(svix: SvixAsync) -> None:
    created = await svix.application.create(ApplicationIn(name="Shop", uid="shop-1"))
    endpoint = await svix.endpoint.create(created.id, EndpointIn(url="https://shop.example.com/hooks"))
    await svix.application.delete("shop-1")
    for gone in (svix.application.get(created.id), svix.endpoint.get(created.id, endpoint.id)):
        with pytest.raises(HttpError) as refused:
            await gone
        assert refused.value.status_code == 404
    assert (await svix.application.create(ApplicationIn(name="Shop", uid="shop-1"))).id != created.id


async def several(svix: SvixAsync, world: World, count: int) -> list[str]:
    """The ids of new applications, each made later than the one before."""
    ids = []
    for number in range(count):
        ids.append((await svix.application.create(ApplicationIn(name=f"Shop {number}"))).id)
        await world.later(0.001)
    return ids


async def test_applications_are_listed_oldest_first_or_as_asked(svix: SvixAsync, world: World) -> None:
    ids = await several(svix, world, 3)
    assert [one.id for one in (await svix.application.list()).data] == ids
    latest_first = await svix.application.list(ApplicationListOptions(order=Ordering.DESCENDING))
    assert [one.id for one in latest_first.data] == ids[::-1]


async def test_the_list_of_applications_is_paged_both_ways(svix: SvixAsync, world: World) -> None:
    ids = await several(svix, world, 5)
    pages = [page async for page in forward(svix.application.list, ApplicationListOptions(limit=2))]
    assert [[one.id for one in page.data] for page in pages] == [ids[:2], ids[2:4], ids[4:]]
    assert [page.done for page in pages] == [False, False, True]
    assert (await svix.application.list(ApplicationListOptions(limit=5))).done is True
    before = [page async for page in backward(svix.application.list, ApplicationListOptions(limit=2), pages[-1])]
    assert [[one.id for one in page.data] for page in before] == [ids[2:4], ids[:2]]


async def test_a_customer_that_is_new_is_made_by_the_first_message_to_it(shop: Customer) -> None:
    message = MessageIn(event_type="order.paid", payload={}, application=ApplicationIn(name="New", uid="new"))
    await shop.svix.message.create("new", message)
    assert (await shop.svix.application.get("new")).name == "New"
