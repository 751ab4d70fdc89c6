"""The SDK asks again when an answer was lost: nothing is done twice, and nothing is lost."""

from __future__ import annotations

import pytest
from svix.api import (
    ApplicationCreateOptions,
    ApplicationIn,
    EndpointCreateOptions,
    EndpointIn,
    MessageCreateOptions,
    MessageIn,
    SvixAsync,
)
from svix.exceptions import HttpError

from .conftest import Connect
from .customer import Customer
from .world import World

ORDER = MessageIn(event_type="order.paid", payload={"order": 1})


async def test_after_a_503_the_client_asks_again_and_the_message_is_published_once(
    shop: Customer, world: World
) -> None:
    world.witness.instead = [503, 503]
    message = await shop.svix.message.create(shop.app.id, ORDER)
    await world.delivered()
    asked = [one for one in world.witness.seen if one.operation.path.endswith("/msg")]
    assert [one.status for one in asked] == [503, 503, 202]
    assert [one.headers.get("svix-retry-count") for one in asked] == [None, "1", "2"]
    assert len({one.headers["idempotency-key"] for one in asked}) == 1
    assert [one.header("svix-id") for one in shop.received] == [message.id]


async def test_a_client_that_missed_the_answer_gets_it_again_and_nothing_new(shop: Customer, world: World) -> None:
    """The server did it, but something between them said 503."""
    world.witness.afterwards = [503]
    message = await shop.svix.message.create(shop.app.id, ORDER)
    await world.delivered()
    assert [one.status for one in world.witness.seen[-2:]] == [503, 202]
    assert [one.id for one in (await shop.svix.message.list(shop.app.id)).data] == [message.id]
    assert len(shop.received) == 1


async def test_the_same_key_and_the_same_body_are_done_once(shop: Customer) -> None:
    svix, options = shop.svix, MessageCreateOptions(idempotency_key="key-1", with_content=True)
    first = await svix.message.create(shop.app.id, ORDER, options)
    again = await svix.message.create(shop.app.id, ORDER, options)
    assert again == first
    await shop.world.delivered()
    assert len(shop.received) == 1


async def test_the_same_key_with_another_body_is_a_conflict(shop: Customer) -> None:
    options = MessageCreateOptions(idempotency_key="key-1")
    await shop.svix.message.create(shop.app.id, ORDER, options)
    with pytest.raises(HttpError) as refused:
        await shop.svix.message.create(shop.app.id, MessageIn(event_type="order.paid", payload={"order": 2}), options)
    assert (refused.value.status_code, refused.value.code) == (409, "idempotency_key_reused")


async def test_a_key_is_forgotten_after_a_day(shop: Customer, world: World) -> None:
    options = MessageCreateOptions(idempotency_key="key-1")
    first = await shop.svix.message.create(shop.app.id, ORDER, options)
    await world.later(24 * 3600 + 1)
    assert (await shop.svix.message.create(shop.app.id, ORDER, options)).id != first.id


async def test_a_key_belongs_to_one_application_and_one_operation(shop: Customer, world: World) -> None:
    other = await Customer.create(world, shop.svix, "other")
    options = MessageCreateOptions(idempotency_key="key-1")
    ids = {(await shop.svix.message.create(app, ORDER, options)).id for app in (shop.app.id, other.app.id)}
    assert len(ids) == 2
    key = EndpointCreateOptions(idempotency_key="key-1")
    url = "https://shop.example.com/hooks"
    made = await shop.svix.endpoint.create(shop.app.id, EndpointIn(url=url), key)
    assert (await shop.svix.endpoint.create(shop.app.id, EndpointIn(url=url), key)).id == made.id


async def test_an_application_is_created_once_however_often_it_is_asked_for(svix: SvixAsync, world: World) -> None:
    options = ApplicationCreateOptions(idempotency_key="key-1")
    first = await svix.application.create(ApplicationIn(name="Shop"), options)
    assert await svix.application.create(ApplicationIn(name="Shop"), options) == first
    assert [one.status for one in world.witness.seen] == [201, 201]
    assert len((await svix.application.list()).data) == 1


async def test_without_a_key_of_its_own_each_call_is_one(svix: SvixAsync, world: World) -> None:
    ids = {(await svix.application.create(ApplicationIn(name="Shop"))).id for _ in range(2)}
    keys = {one.headers["idempotency-key"] for one in world.witness.seen}
    assert len(ids) == len(keys) == 2 and all(key.startswith("auto_") for key in keys)


async def test_a_client_that_never_gets_through_says_what_it_was_told(connect: Connect, world: World) -> None:
    svix = await connect(retry_schedule=[0.001])
    world.witness.instead = [503] * 2
    with pytest.raises(HttpError) as refused:
        await svix.application.list()
    assert (refused.value.status_code, refused.value.code) == (503, "not_now")
