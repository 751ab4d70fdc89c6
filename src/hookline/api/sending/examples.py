"""``/api/v1/app/{app}/endpoint/{endpoint}/send-example``: a message that only shows what real ones look like."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.api.sending import endpoint_actions, message_out
from hookline.api.sending.access import AppMember, EndpointId, OrgApp, find_event_type
from hookline.api.sending.enforcement import matches
from hookline.api.sending.fields import Body, Name
from hookline.api.sending.message import JSON_TYPE, Message
from hookline.api.sending.message_models import MessageOut, Payload
from hookline.api.sending.once import Idempotency
from hookline.api.sending.refusal import Unprocessable, Wrong
from hookline.api.sending.route import SendingRoute
from hookline.core.errors import NotFound
from hookline.core.model import EventType
from hookline.core.schema_example import NoExample, example_of
from hookline.core.schema_versions import newest_schema

router = APIRouter(prefix="/api/v1/app/{app_id}/endpoint/{endpoint_id}", tags=["Attempts"], route_class=SendingRoute)

#: The event type of Svix that needs no definition, and what it says.
PING = "svix.ping"
_PONG = {"success": True}

_encode = msgspec.json.Encoder().encode


class ExampleImpossible(Unprocessable):
    """The event type has no schema that an example could be made from."""

    code = NoExample.code


class EventExampleIn(Body):
    """Which example to send."""

    event_type: Name = Field(examples=["invoice.paid"])
    example_index: int | None = Field(default=None, ge=0, description="Which of the `examples` in its schema.")
    payload: Payload | None = Field(default=None, description="Send this instead.")


@router.post(
    "/send-example",
    response_model=MessageOut,
    operation_id="v1.endpoint.send-example",
    summary="Send an example to an endpoint",
)
async def send_example(me: OrgApp, endpoint_id: EndpointId, wanted: EventExampleIn, key: Idempotency) -> Response:
    """One of the `examples` in the newest schema of the event type, else one that is made from it. It goes to this
    endpoint only, whatever that usually wants, and is a message like any other. `svix.ping` needs no definition."""
    endpoint = await endpoint_actions.get(me, endpoint_id)
    message = Message(
        event_type=wanted.event_type,
        payload=_encode(await _payload(me, wanted)),
        content_type=JSON_TYPE,
        event_id="",
        channels=(),
        tags=(),
        due_at_ms=0,
        payload_expires_at_ms=None,
        application=b"",
    )
    published = await me.given.publish_door.publisher.take(
        me.application, message, me.now_ms(), once=key.once(me.application.id), only_endpoint=endpoint.id
    )
    return answer(message_out.accepted(message, published.id, published.at_ms, with_content=True))


async def _payload(me: AppMember, wanted: EventExampleIn) -> Any:
    if wanted.payload is not None:
        return wanted.payload
    known = await find_event_type(me.store, me.org_id, wanted.event_type)
    if known is None and wanted.event_type == PING:
        return _PONG
    if known is None:
        raise NotFound(f"there is no event type {wanted.event_type!r}")
    return _example(known, wanted.example_index or 0)


def _example(known: EventType, index: int) -> Any:
    schema = newest_schema(known.schemas)
    if schema is None:
        raise _impossible(f"`{known.name}` has no schema to make an example from; give it one with `examples`")
    try:
        made = example_of(schema, index)
    except NoExample as error:
        raise _impossible(error.message) from None
    if not isinstance(made, dict):
        raise _impossible(f"the schema of `{known.name}` does not describe an object")
    if not (isinstance(schema, dict) and schema.get("examples")) and not matches(schema, made):
        raise _impossible(f"no example that fits the schema of `{known.name}` could be made; give it `examples`")
    return made


def _impossible(words: str) -> ExampleImpossible:
    return ExampleImpossible([Wrong(("body", "eventType"), words)])
