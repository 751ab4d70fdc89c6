"""Whatever goes wrong is told in the shape that the SDK's own errors read."""

from __future__ import annotations

import pytest
from svix.api import (
    ApplicationIn,
    EndpointIn,
    EndpointListOptions,
    EndpointPatch,
    EventTypeIn,
    MessageAttemptListByEndpointOptions,
    MessageIn,
    SvixAsync,
)
from svix.exceptions import HttpError, HTTPValidationError

from .conftest import Connect
from .customer import Customer
from .world import World


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("not-a-real-token", "not one of this server"),
        ("a.b.c", "not one of this server"),
    ],
)
async def test_a_token_that_is_none_is_401(connect: Connect, token: str, words: str) -> None:
    svix = await connect(token)
    with pytest.raises(HttpError) as refused:
        await svix.application.list()
    assert (refused.value.status_code, refused.value.code) == (401, "authentication_failed")
    assert words in refused.value.detail


async def test_an_expired_token_is_401_and_says_so(connect: Connect, world: World) -> None:
    svix = await connect(world.token(lifetime_s=60))
    await world.later(61)
    with pytest.raises(HttpError) as refused:
        await svix.application.create(ApplicationIn(name="Shop"))
    assert refused.value.status_code == 401 and "expired" in refused.value.detail


async def test_the_servers_secret_sent_as_a_token_is_told_apart(connect: Connect, world: World) -> None:
    svix = await connect(world.server.settings.secret)
    with pytest.raises(HttpError) as refused:
        await svix.application.list()
    assert refused.value.status_code == 401 and "HOOKLINE_SECRET" in refused.value.detail
    assert world.server.settings.secret not in refused.value.detail


async def test_what_is_not_there_is_404_and_named(shop: Customer) -> None:
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    message = await shop.publish()
    for call in (
        lambda: svix.application.get("missing"),
        lambda: svix.endpoint.list("missing"),
        lambda: svix.endpoint.get(app, "missing"),
        lambda: svix.endpoint.get_secret(app, "missing"),
        lambda: svix.endpoint.patch(app, "missing", EndpointPatch(description="a")),
        lambda: svix.event_type.get("missing"),
        lambda: svix.message.get(app, "missing"),
        lambda: svix.message.create("missing", MessageIn(event_type="order.paid", payload={})),
        lambda: svix.message_attempt.list_by_endpoint(app, "missing"),
        lambda: svix.message_attempt.get(app, message.id, "missing"),
        lambda: svix.message_attempt.resend(app, message.id, "missing"),
        lambda: svix.message_attempt.resend(app, "missing", endpoint),
    ):
        with pytest.raises(HttpError) as refused:
            await call()
        assert refused.value.status_code == 404 and refused.value.code == "not_found"
        assert "missing" in refused.value.detail


async def test_everything_that_is_wrong_is_422_with_its_place(shop: Customer) -> None:
    svix, app, url = shop.svix, shop.app.id, "https://shop.example.com/hooks"
    for call, place in (
        (lambda: svix.application.create(ApplicationIn(name="")), ["body", "name"]),
        (lambda: svix.application.create(ApplicationIn(name="a", uid="not a uid")), ["body", "uid"]),
        (lambda: svix.application.create(ApplicationIn(name="a", throttle_rate=0)), ["body", "throttleRate"]),
        (lambda: svix.endpoint.create(app, EndpointIn(url="no address")), ["body", "url"]),
        (lambda: svix.endpoint.create(app, EndpointIn(url=url, channels=["a b"])), ["body", "channels", "0"]),
        (lambda: svix.endpoint.create(app, EndpointIn(url=url, event_types=[])), ["body", "eventTypes"]),
        (lambda: svix.endpoint.create(app, EndpointIn(url=url, secret="short")), ["body", "secret"]),
        (lambda: svix.endpoint.list(app, EndpointListOptions(limit=251)), ["query", "limit"]),
        (lambda: svix.event_type.create(EventTypeIn(name="a b", description="a")), ["body", "name"]),
        (lambda: svix.message.create(app, MessageIn(event_type="a b", payload={})), ["body", "eventType"]),
        (
            lambda: svix.message.create(app, MessageIn(event_type="a.b", payload={}, payload_retention_period=91)),
            ["body", "payloadRetentionPeriod"],
        ),
        (
            lambda: svix.message_attempt.list_by_endpoint(
                app, shop.endpoint.id, MessageAttemptListByEndpointOptions(channel="a b")
            ),
            ["query", "channel"],
        ),
    ):
        with pytest.raises(HTTPValidationError) as refused:
            await call()
        problem = refused.value.detail[0]
        assert problem.loc == place and problem.msg and problem.type, f"{place}: {refused.value.detail}"


async def test_several_mistakes_are_told_at_once(svix: SvixAsync) -> None:
    with pytest.raises(HTTPValidationError) as refused:
        await svix.application.create(ApplicationIn(name="", uid="not a uid", throttle_rate=-1))
    assert {tuple(one.loc) for one in refused.value.detail} == {
        ("body", "name"),
        ("body", "uid"),
        ("body", "throttleRate"),
    }


async def test_a_secret_is_never_said_back(shop: Customer) -> None:
    secret = "whsec_not-a-real-secret"
    with pytest.raises(HTTPValidationError) as refused:
        await shop.svix.endpoint.create(shop.app.id, EndpointIn(url="https://shop.example.com", secret=secret))
    assert "not-a-real-secret" not in str(refused.value)
