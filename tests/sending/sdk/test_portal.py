"""Tokens for customers, and whether the server is well."""

from __future__ import annotations

import pytest
from svix.api import (
    ApplicationIn,
    AppPortalAccessIn,
    AppPortalCapability,
    EndpointIn,
    EventTypeIn,
    MessageIn,
)
from svix.exceptions import HttpError

from .conftest import Connect
from .customer import Customer
from .world import World


async def customers_client(connect: Connect, shop: Customer, **access: object) -> Customer:
    """The same customer with a token of their own."""
    given = await shop.svix.authentication.app_portal_access(shop.app.id, AppPortalAccessIn(**access))  # type: ignore[arg-type]
    return Customer(shop.world, await connect(given.token), shop.app, shop.endpoint)


async def test_a_customers_token_manages_the_endpoints_of_its_application(connect: Connect, shop: Customer) -> None:
    me = await customers_client(connect, shop)
    made = await me.svix.endpoint.create("shop", EndpointIn(url="https://shop.example.com/hooks"))
    listed = {one.id for one in (await me.svix.endpoint.list("shop")).data}
    assert listed == {made.id, shop.endpoint.id}
    assert (await me.svix.application.get(shop.app.id)).id == shop.app.id
    await shop.publish()
    assert len(await me.attempts()) == 1


async def test_a_customers_token_may_not_do_what_is_the_organisations(connect: Connect, shop: Customer) -> None:
    me = (await customers_client(connect, shop)).svix
    for refused_call in (
        lambda: me.application.list(),
        lambda: me.application.delete("shop"),
        lambda: me.message.create("shop", MessageIn(event_type="order.paid", payload={})),
        lambda: me.event_type.create(EventTypeIn(name="a.b", description="a")),
        lambda: me.operational_webhook.endpoint.list(),
        lambda: me.authentication.app_portal_access("shop", AppPortalAccessIn()),
    ):
        with pytest.raises(HttpError) as refused:
            await refused_call()
        assert (refused.value.status_code, refused.value.code) == (403, "insufficient_access")


async def test_a_customers_token_finds_no_other_application(connect: Connect, shop: Customer, world: World) -> None:
    other = await Customer.create(world, shop.svix, "other")
    me = (await customers_client(connect, shop)).svix
    for app in ("other", other.app.id):
        with pytest.raises(HttpError) as refused:
            await me.endpoint.list(app)
        assert refused.value.status_code == 404


async def test_a_token_that_may_only_read_changes_nothing(connect: Connect, shop: Customer) -> None:
    me = (await customers_client(connect, shop, read_only=True)).svix
    assert len((await me.endpoint.list("shop")).data) == 1
    with pytest.raises(HttpError) as refused:
        await me.endpoint.delete("shop", shop.endpoint.id)
    assert refused.value.status_code == 403


async def test_a_token_does_what_its_capabilities_allow(connect: Connect, shop: Customer) -> None:
    me = (await customers_client(connect, shop, capabilities=[AppPortalCapability.VIEW_BASE])).svix
    assert (await me.endpoint.get("shop", shop.endpoint.id)).id == shop.endpoint.id
    with pytest.raises(HttpError) as refused:
        await me.endpoint.get_secret("shop", shop.endpoint.id)
    assert refused.value.status_code == 403


async def test_a_customers_token_ends_when_it_was_said_to(connect: Connect, shop: Customer, world: World) -> None:
    me = (await customers_client(connect, shop, expiry=3600)).svix
    await world.later(3599)
    assert (await me.application.get("shop")).id == shop.app.id
    await world.later(2)
    with pytest.raises(HttpError) as refused:
        await me.application.get("shop")
    assert (refused.value.status_code, refused.value.code) == (401, "authentication_failed")


async def test_access_is_given_with_an_address_for_people(shop: Customer) -> None:
    given = await shop.svix.authentication.app_portal_access("shop", AppPortalAccessIn())
    assert given.url.startswith("http") and given.token


async def test_access_makes_an_application_that_is_new(shop: Customer) -> None:
    access = AppPortalAccessIn(application=ApplicationIn(name="New", uid="new"))
    assert (await shop.svix.authentication.app_portal_access("new", access)).token
    assert (await shop.svix.application.get("new")).name == "New"


async def test_a_customer_sees_event_types_that_are_hidden_only_by_their_flag(
    connect: Connect, shop: Customer, world: World
) -> None:
    """The SDK names several flags, the contract's server one; the flag is set as the contract says."""
    for body in ({"name": "open.type"}, {"name": "beta.type", "featureFlag": "beta"}):
        answer = await world.http.post(
            "/api/v1/event-type",
            json={"description": "a", **body},
            headers={"Authorization": f"Bearer {world.token()}"},
        )
        assert answer.status_code == 201
    plain = (await customers_client(connect, shop)).svix
    beta = (await customers_client(connect, shop, feature_flags=["beta"])).svix
    assert [one.name for one in (await plain.event_type.list()).data] == ["open.type"]
    assert [one.name for one in (await beta.event_type.list()).data] == ["beta.type", "open.type"]
    assert len((await shop.svix.event_type.list()).data) == 2


async def test_the_server_says_that_it_is_well(shop: Customer) -> None:
    await shop.svix.health.get()


async def test_logging_out_is_answered(connect: Connect, shop: Customer) -> None:
    """There is nothing to log out of: a token ends by itself."""
    me = (await customers_client(connect, shop)).svix
    await me.authentication.logout()
