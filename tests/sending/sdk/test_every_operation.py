"""One product's whole day: every operation that the SDK has in the contract, and the other three over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from svix.api import (
    ApplicationIn,
    ApplicationPatch,
    AppPortalAccessIn,
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventExampleIn,
    EventTypeIn,
    EventTypePatch,
    EventTypeUpsertIn,
    MessageIn,
    RecoverIn,
    SvixAsync,
)

from ..contract import contract
from .world import World

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}

#: No client has these: they are for load balancers.
BY_HAND = [("HEAD", "/api/v1/health"), ("GET", "/api/v1/health/ping"), ("HEAD", "/api/v1/health/ping")]


async def test_every_operation_of_the_contract_is_done_and_answered_as_it_says(svix: SvixAsync, world: World) -> None:
    """What is answered is compared with the contract when the server ends."""
    await _set_up(svix, world)
    await _publish_and_look(svix, world)
    await _send_again(svix, world)
    await _clear_away(svix)
    for method, path in BY_HAND:
        assert (await world.http.request(method, path)).is_success
    assert world.witness.operations == set(contract().operations)


async def _set_up(svix: SvixAsync, world: World) -> None:
    await svix.health.get()
    await svix.event_type.create(EventTypeIn(name="order.paid", description="An order was paid"))
    await svix.event_type.upsert("order.paid", EventTypeUpsertIn(description="Paid", schemas={"1": SCHEMA}))
    await svix.event_type.patch("order.paid", EventTypePatch(deprecated=False))
    await svix.event_type.get("order.paid")
    await svix.event_type.list()
    await svix.application.create(ApplicationIn(name="Shop", uid="shop"))
    await svix.application.upsert("shop", ApplicationIn(name="Shop", uid="shop"))
    await svix.application.patch("shop", ApplicationPatch(name="Bazaar"))
    await svix.application.get("shop")
    await svix.application.list()
    await svix.endpoint.create("shop", EndpointIn(url=f"{world.receiver.url}/shop", uid="hooks"))
    await svix.endpoint.upsert("shop", "hooks", EndpointUpsertIn(url=f"{world.receiver.url}/shop", uid="hooks"))
    await svix.endpoint.patch("shop", "hooks", EndpointPatch(description="for orders"))
    await svix.endpoint.get("shop", "hooks")
    await svix.endpoint.list("shop")
    await svix.endpoint.set_headers("shop", "hooks", EndpointHeadersIn(headers={"X-Shop": "1"}))
    await svix.endpoint.patch_headers("shop", "hooks", EndpointHeadersPatchIn(headers={"X-Region": "eu"}))
    await svix.endpoint.get_headers("shop", "hooks")
    await svix.endpoint.rotate_secret("shop", "hooks", EndpointSecretRotateIn())
    await svix.endpoint.get_secret("shop", "hooks")


async def _publish_and_look(svix: SvixAsync, world: World) -> None:
    message = await svix.message.create("shop", MessageIn(event_type="order.paid", event_id="e-1", payload={"n": 1}))
    await world.delivered()
    await svix.message.get("shop", message.id)
    await svix.message.list("shop")
    [attempt] = (await svix.message_attempt.list_by_endpoint("shop", "hooks")).data
    await svix.message_attempt.list_by_msg("shop", "e-1")
    await svix.message_attempt.list_attempted_messages("shop", "hooks")
    await svix.message_attempt.list_attempted_destinations("shop", "e-1")
    await svix.message_attempt.get("shop", "e-1", attempt.id)
    await svix.endpoint.get_stats("shop", "hooks")
    await svix.message_attempt.expunge_content("shop", "e-1", attempt.id)


async def _send_again(svix: SvixAsync, world: World) -> None:
    await svix.message_attempt.resend("shop", "e-1", "hooks")
    since = datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC) - timedelta(hours=1)
    await svix.endpoint.recover("shop", "hooks", RecoverIn(since=since))
    await svix.endpoint.send_example("shop", "hooks", EventExampleIn(event_type="order.paid"))
    await world.delivered()


async def _clear_away(svix: SvixAsync) -> None:
    await svix.message.expunge_content("shop", "e-1")
    await svix.authentication.app_portal_access("shop", AppPortalAccessIn())
    await svix.authentication.logout()
    await svix.endpoint.delete("shop", "hooks")
    await svix.application.delete("shop")
    await svix.event_type.delete("order.paid")
