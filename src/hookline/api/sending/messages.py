"""``/api/v1/app/{app}/msg``: what is published for an application."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending import message_out
from hookline.api.sending.access import App, AppMember, MessageId, OrgApp
from hookline.api.sending.message_models import (
    MessageOut,
    MessagePrecheckIn,
    MessagePrecheckOut,
    body_of_message,
)
from hookline.api.sending.message_query import EventTypes, MessageQuery, message_filter
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, SendingQuery, page
from hookline.api.sending.route import SendingRoute
from hookline.core.errors import NotFound
from hookline.storage.messages import Message

router = APIRouter(prefix="/api/v1/app/{app_id}/msg", tags=["Messages"], route_class=SendingRoute)


class ContentQuery(SendingQuery):
    """How to show a message."""

    with_content: bool = Field(default=True, description="Whether to show the payload too.")


@router.post(
    "",
    status_code=202,
    response_model=MessageOut,
    openapi_extra=body_of_message(),
    operation_id="v1.message.create",
    summary="Publish a message",
)
async def create_message(
    me: OrgApp, request: Request, query: Annotated[ContentQuery, Query()], key: Idempotency
) -> Response:
    """When this is answered, the message is on disk with all that it owes, and is sent to every endpoint that wants
    it. An `eventId` that another message of the application has is refused with 409."""
    # A server never gets here: `PublishDoor` answers such requests before any framework sees them.
    return answer(await me.given.publish_door.publish(request.scope, request.receive), 202)


@router.get(
    "", response_model=ListResponse[MessageOut], operation_id="v1.message.list", summary="List messages, newest first"
)
async def list_messages(me: App, query: Annotated[MessageQuery, Query()], types: EventTypes) -> Response:
    """Filters can be combined."""
    found = await me.store.messages.list(
        me.org_id,
        me.application.id,
        message_filter(me, query, types),
        query.part(descending=True),
        with_payload=query.with_content,
    )
    return page(
        query,
        found,
        lambda one: message_out.message(one, with_content=query.with_content),
        lambda one: one.event.id,
    )


@router.post(
    "/precheck/active",
    response_model=MessagePrecheckOut,
    operation_id="v1.message.precheck",
    summary="Would anybody be sent such a message?",
)
async def precheck_message(me: OrgApp, wanted: MessagePrecheckIn) -> Response:
    """Whether any endpoint wants it. Nothing is published."""
    channels = tuple(wanted.channels or ())
    return answer({"active": bool(me.routing.wanting(me.application.id, wanted.event_type, channels))})


@router.get("/{msg_id}", response_model=MessageOut, operation_id="v1.message.get", summary="Get a message")
async def get_message(me: App, msg_id: MessageId, query: Annotated[ContentQuery, Query()]) -> Response:
    """By id or event id."""
    found = await find_message(me, msg_id, with_content=query.with_content)
    return answer(message_out.message(found, with_content=query.with_content))


@router.delete(
    "/{msg_id}/content",
    status_code=204,
    response_class=Response,
    operation_id="v1.message.expunge-content",
    summary="Delete the payload of a message",
)
async def expunge_message(me: OrgApp, msg_id: MessageId) -> Response:
    """For what should never have been sent. What is still owed is cancelled; nothing can be sent again."""
    await me.store.messages.expunge(me.org_id, me.application.id, msg_id, me.now_ms())
    return nothing()


async def find_message(me: AppMember, msg_id: str, *, with_content: bool = False) -> Message:
    """A message of the application by id or event id. Raises NotFound."""
    found = await me.store.messages.get(me.org_id, me.application.id, msg_id, with_payload=with_content)
    if found is None:
        raise NotFound(f"there is no message {msg_id!r}")
    return found
