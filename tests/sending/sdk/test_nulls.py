"""What a product leaves unset it may also send as null: some set every field of the SDK's models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pydantic
from svix.api import (
    ApplicationIn,
    AppPortalAccessIn,
    BulkReplayIn,
    EndpointIn,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventExampleIn,
    EventTypeIn,
    EventTypeUpsertIn,
    MessageIn,
    OperationalWebhookEndpointIn,
    RecoverIn,
    ReplayIn,
)

from .customer import Customer
from .world import World

Model = TypeVar("Model", bound=pydantic.BaseModel)

URL = "https://shop.example.com/hooks"


def with_nulls(model: type[Model], **known: Any) -> Model:
    """A model whose every other field is null."""
    return model(**{name: None for name, field in model.model_fields.items() if not field.is_required()} | known)


async def test_applications_and_endpoints_with_nulls_are_accepted(shop: Customer) -> None:
    svix, app = shop.svix, shop.app.id
    made = await svix.application.create(with_nulls(ApplicationIn, name="Shop"))
    assert (made.uid, made.throttle_rate, made.metadata) == (None, None, {})
    await svix.application.upsert("shop", with_nulls(ApplicationIn, name="Shop"))
    endpoint = await svix.endpoint.create(app, with_nulls(EndpointIn, url=URL))
    assert (endpoint.description, endpoint.disabled, endpoint.metadata) == ("", False, {})
    await svix.endpoint.upsert(app, endpoint.id, with_nulls(EndpointUpsertIn, url=URL))
    await svix.endpoint.rotate_secret(app, endpoint.id, with_nulls(EndpointSecretRotateIn))
    await svix.operational_webhook.endpoint.create(with_nulls(OperationalWebhookEndpointIn, url=URL))
    await svix.authentication.app_portal_access(app, with_nulls(AppPortalAccessIn))


async def test_event_types_and_messages_with_nulls_are_accepted(shop: Customer, world: World) -> None:
    svix, app, endpoint = shop.svix, shop.app.id, shop.endpoint.id
    made = await svix.event_type.create(with_nulls(EventTypeIn, name="order.paid", description="paid"))
    assert (made.archived, made.deprecated, made.schemas) == (False, False, None)
    await svix.event_type.upsert(
        "order.paid", with_nulls(EventTypeUpsertIn, description="paid", schemas={"1": {"type": "object"}})
    )
    await svix.message.create(app, with_nulls(MessageIn, event_type="order.paid", payload={"order": 1}))
    await world.delivered()
    assert [one.json() for one in shop.received] == [{"order": 1}]
    await svix.endpoint.send_example(app, endpoint, with_nulls(EventExampleIn, event_type="order.paid"))
    since = datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC) - timedelta(hours=1)
    await svix.endpoint.recover(app, endpoint, with_nulls(RecoverIn, since=since))
    await svix.endpoint.replay_missing(app, endpoint, with_nulls(ReplayIn, since=since))
    await svix.endpoint.bulk_replay(app, endpoint, with_nulls(BulkReplayIn, since=since))
