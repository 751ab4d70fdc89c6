"""Webhooks about webhooks: the organisation is told what happens to its endpoints and messages."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from svix.api import (
    ApplicationIn,
    EndpointIn,
    EndpointPatch,
    MessageStatus,
    OperationalWebhookEndpointHeadersIn,
    OperationalWebhookEndpointIn,
    OperationalWebhookEndpointOut,
    OperationalWebhookEndpointSecretIn,
    OperationalWebhookEndpointUpsertIn,
    SvixAsync,
)
from svix.exceptions import HttpError

from hookline.testing.receiver import Received

from ..contract import contract
from .customer import Customer, verify
from .witness import json_schema
from .world import World


@pytest.fixture
async def office(svix: SvixAsync, world: World) -> OperationalWebhookEndpointOut:
    """Where the organisation is told, at ``/office``."""
    return await svix.operational_webhook.endpoint.create(
        OperationalWebhookEndpointIn(url=f"{world.receiver.url}/office", uid="office", description="for the team")
    )


async def told(world: World, *types: str) -> dict[str, Received]:
    """What the organisation was told, by its type: exactly this."""
    came = await world.received("/office", len(types))
    assert sorted(one.json()["type"] for one in came) == sorted(types)
    return {one.json()["type"]: one for one in came}


async def test_an_endpoint_of_the_organisation_is_managed_like_any_other(
    svix: SvixAsync, office: OperationalWebhookEndpointOut
) -> None:
    endpoints = svix.operational_webhook.endpoint
    assert (office.uid, office.description, office.disabled) == ("office", "for the team", False)
    assert await endpoints.get("office") == office
    assert [one.id for one in (await endpoints.list()).data] == [office.id]
    await endpoints.set_headers(office.id, OperationalWebhookEndpointHeadersIn(headers={"X-Office": "1"}))
    assert (await endpoints.get_headers(office.id)).headers == {"X-Office": "1"}
    secret = (await endpoints.get_secret(office.id)).key
    await endpoints.rotate_secret(office.id, OperationalWebhookEndpointSecretIn())
    assert (await endpoints.get_secret(office.id)).key != secret
    moved = OperationalWebhookEndpointUpsertIn(url=f"{office.url}/2", uid="office", event_types=["endpoint.disabled"])
    replaced = await endpoints.upsert("office", moved)
    assert (replaced.id, replaced.url, replaced.event_types) == (office.id, f"{office.url}/2", ["endpoint.disabled"])
    await endpoints.delete("office")
    with pytest.raises(HttpError) as refused:
        await endpoints.get(office.id)
    assert refused.value.status_code == 404


async def test_the_organisation_is_told_of_every_change_of_an_endpoint(
    svix: SvixAsync, world: World, office: OperationalWebhookEndpointOut
) -> None:
    shop = await Customer.create(world, svix, "shop", uid="hooks")
    await svix.endpoint.patch(shop.app.id, shop.endpoint.id, EndpointPatch(description="changed"))
    await svix.endpoint.delete(shop.app.id, shop.endpoint.id)
    came = await told(world, "endpoint.created", "endpoint.updated", "endpoint.deleted")
    secret = (await svix.operational_webhook.endpoint.get_secret(office.id)).key
    data = {"appId": shop.app.id, "appUid": "shop", "endpointId": shop.endpoint.id, "endpointUid": "hooks"}
    for type, received in came.items():
        assert verify(secret, received) == {"type": type, "data": data}
        check(received)


async def test_the_organisation_is_told_when_a_message_fails_and_recovers(
    svix: SvixAsync, world: World, office: OperationalWebhookEndpointOut
) -> None:
    shop = await Customer.create(world, svix, "shop")
    world.receiver.script([500] * 5 + [200], path="/shop")
    message = await shop.publish(event_id="e-1")
    for _ in range(5):
        await world.later(6 * 3600)
    came = await told(world, "endpoint.created", "message.attempt.failing", "message.attempt.recovered")
    attempts = {one.response_status_code: one.id for one in await shop.attempts()}
    for name, status in (("failing", 500), ("recovered", 200)):
        data = check(came[f"message.attempt.{name}"])["data"]
        assert (data["msgId"], data["msgEventId"], data["endpointId"]) == (message.id, "e-1", shop.endpoint.id)
        assert data["lastAttempt"]["responseStatusCode"] == status
    assert data["lastAttempt"]["id"] == attempts[200]


async def test_the_organisation_is_told_when_a_message_is_given_up(
    svix: SvixAsync, world: World, office: OperationalWebhookEndpointOut
) -> None:
    shop = await Customer.create(world, svix, "shop")
    world.receiver.answers(500, path="/shop")
    message = await shop.publish()
    for _ in range(8):
        await world.later(12 * 3600)
    came = await told(world, "endpoint.created", "message.attempt.failing", "message.attempt.exhausted")
    data = check(came["message.attempt.exhausted"])["data"]
    attempts = await shop.attempts()
    assert [one.status for one in attempts] == [MessageStatus.FAIL] * 8
    assert (data["msgId"], data["lastAttempt"]["id"]) == (message.id, attempts[0].id)


async def test_the_organisation_is_told_when_an_endpoint_is_disabled(
    svix: SvixAsync, world: World, office: OperationalWebhookEndpointOut
) -> None:
    shop = await Customer.create(world, svix, "shop")
    world.receiver.answers(410, path="/shop")
    await shop.publish()
    came = await told(world, "endpoint.created", "endpoint.disabled", "message.attempt.exhausted")
    data = check(came["endpoint.disabled"])["data"]
    assert data["endpointId"] == shop.endpoint.id and data["failSince"]
    assert (await svix.endpoint.get(shop.app.id, shop.endpoint.id)).disabled is True


async def test_an_endpoint_of_the_organisation_is_not_seen_among_those_of_customers(
    svix: SvixAsync, world: World, office: OperationalWebhookEndpointOut
) -> None:
    app = await svix.application.create(ApplicationIn(name="Shop"))
    assert [one.id for one in (await svix.application.list()).data] == [app.id]
    made = await svix.endpoint.create(app.id, EndpointIn(url="https://shop.example.com/hooks"))
    assert [one.id for one in (await svix.operational_webhook.endpoint.list()).data] == [office.id]
    with pytest.raises(HttpError):
        await svix.operational_webhook.endpoint.get(made.id)


def check(received: Received) -> Any:
    """The body of a webhook that is as the contract says."""
    body = received.json()
    jsonschema_rs.validator_for(json_schema(contract().webhooks[body["type"]]), validate_formats=True).validate(body)
    return body
