"""What became of messages: every try, by endpoint and by message, and sending one again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending import attempt_out, endpoint_actions, message_out
from hookline.api.sending.access import App, AppMember, EndpointId, MessageId, OrgApp
from hookline.api.sending.attempt_out import Json, MessageStatus, StatusCodeClass
from hookline.api.sending.endpoint_models import endpoint_out
from hookline.api.sending.message import JSON_TYPE
from hookline.api.sending.message_models import (
    EmptyResponse,
    EndpointMessageOut,
    MessageAttemptOut,
    MessageEndpointOut,
)
from hookline.api.sending.message_query import EventTypes, IdOrUid, ProgressQuery, message_filter
from hookline.api.sending.messages import find_message
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, PageQuery, SendingQuery, page
from hookline.api.sending.refusal import wrong
from hookline.api.sending.route import SendingRoute
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Delivery
from hookline.storage.attempts import AttemptFilter, Owed, Tried, anchor_of, place_of
from hookline.storage.base import Slice
from hookline.storage.messages import Message

router = APIRouter(prefix="/api/v1/app/{app_id}", tags=["Attempts"], route_class=SendingRoute)

AttemptId = Annotated[str, Path(description="An attempt's id.", max_length=100)]
AttemptPage = ListResponse[MessageAttemptOut]


class AttemptQuery(ProgressQuery):
    """Which attempts, and which page of them."""

    status_code_class: StatusCodeClass | None = Field(
        default=None, description="The hundred of the response's status; 0: no response came."
    )
    with_msg: bool = Field(default=False, description="Whether to show the message of each attempt too.")


class MessageAttemptQuery(AttemptQuery):
    """Which attempts of one message, and which page of them."""

    endpoint_id: IdOrUid | None = Field(default=None, description="Only at this endpoint.")


class OneAttemptQuery(SendingQuery):
    """How to show an attempt."""

    expanded_statuses: bool = Field(default=False, description="Changes nothing: attempts are never canceled.")


# -- attempts ------------------------------------------------------------------------------------------


@router.get(
    "/attempt/endpoint/{endpoint_id}",
    response_model=AttemptPage,
    operation_id="v1.message-attempt.list-by-endpoint",
    summary="List the attempts at an endpoint, newest first",
)
async def list_attempts_by_endpoint(
    me: App, endpoint_id: EndpointId, query: Annotated[AttemptQuery, Query()], types: EventTypes
) -> Response:
    """Of all messages. Filters can be combined."""
    endpoint = await endpoint_actions.get(me, endpoint_id)
    where = _filter(me, query, types)
    found: list[Tried] = []
    if where is not None:
        found = await me.store.attempts.of_endpoint(
            me.org_id,
            me.application.id,
            endpoint.id,
            where,
            _part(query),
            with_payload=query.with_msg and query.with_content,
        )
    return _page(me, query, found)


@router.get("/msg/{msg_id}/attempt", response_model=AttemptPage, include_in_schema=False)
@router.get(
    "/attempt/msg/{msg_id}",
    response_model=AttemptPage,
    operation_id="v1.message-attempt.list-by-msg",
    summary="List the attempts of a message, newest first",
)
async def list_attempts_by_message(
    me: App, msg_id: MessageId, query: Annotated[MessageAttemptQuery, Query()], types: EventTypes
) -> Response:
    """At all endpoints. Filters can be combined."""
    return await _attempts_of_message(me, msg_id, query, types, query.endpoint_id)


@router.get("/msg/{msg_id}/endpoint/{endpoint_id}/attempt", response_model=AttemptPage, include_in_schema=False)
async def list_attempts_of_message_at_endpoint(
    me: App, msg_id: MessageId, endpoint_id: EndpointId, query: Annotated[AttemptQuery, Query()], types: EventTypes
) -> Response:
    """What older clients ask instead of `attempt/msg/{msg_id}?endpoint_id=`."""
    return await _attempts_of_message(me, msg_id, query, types, endpoint_id)


@router.get(
    "/msg/{msg_id}/attempt/{attempt_id}",
    response_model=MessageAttemptOut,
    operation_id="v1.message-attempt.get",
    summary="Get an attempt",
)
async def get_attempt(
    me: App, msg_id: MessageId, attempt_id: AttemptId, query: Annotated[OneAttemptQuery, Query()]
) -> Response:
    """With what the endpoint answered."""
    found = await me.store.attempts.get(me.org_id, me.application.id, msg_id, attempt_id)
    if found is None:
        raise NotFound(f"there is no attempt {attempt_id!r} of this message")
    return answer(attempt_out.attempt(found.attempt, found.endpoint_id, me.routing))


@router.delete(
    "/msg/{msg_id}/attempt/{attempt_id}/content",
    status_code=204,
    response_class=Response,
    operation_id="v1.message-attempt.expunge-content",
    summary="Delete what an endpoint answered",
)
async def expunge_attempt(me: OrgApp, msg_id: MessageId, attempt_id: AttemptId) -> Response:
    """For what an endpoint should never have answered."""
    await me.store.attempts.expunge(me.org_id, me.application.id, msg_id, attempt_id)
    return nothing()


# -- deliveries ----------------------------------------------------------------------------------------


@router.get(
    "/endpoint/{endpoint_id}/msg",
    response_model=ListResponse[EndpointMessageOut],
    operation_id="v1.message-attempt.list-attempted-messages",
    summary="List the messages of an endpoint, newest first",
)
async def list_attempted_messages(
    me: App, endpoint_id: EndpointId, query: Annotated[ProgressQuery, Query()], types: EventTypes
) -> Response:
    """What it was ever owed, and what became of it."""
    endpoint = await endpoint_actions.get(me, endpoint_id)
    states = () if query.status is None else attempt_out.states(query.status, expanded=query.expanded_statuses)
    found: list[Owed] = []
    if states or query.status is None:
        found = await me.store.attempts.messages_of_endpoint(
            me.org_id,
            me.application.id,
            endpoint.id,
            message_filter(me, query, types),
            states,
            query.part(descending=True),
            with_payload=query.with_content,
        )

    def present(one: Owed) -> Json:
        message = message_out.message(one.message, with_content=query.with_content)
        return {**message, **attempt_out.progress(one.delivery, expanded=query.expanded_statuses)}

    return page(query, found, present, lambda one: one.delivery.id)


@router.get(
    "/msg/{msg_id}/endpoint",
    response_model=ListResponse[MessageEndpointOut],
    operation_id="v1.message-attempt.list-attempted-destinations",
    summary="List the endpoints of a message",
)
async def list_attempted_destinations(me: App, msg_id: MessageId, query: Annotated[PageQuery, Query()]) -> Response:
    """All that it was ever owed to, and what became of it there."""
    message = await find_message(me, msg_id)
    found = await me.store.attempts.endpoints_of_message(
        me.org_id, me.application.id, message.event.id, query.part(descending=False)
    )
    shown = {one.endpoint_id: await _endpoint(me, one) for one in found}
    return page(
        query,
        found,
        lambda one: {**shown[one.endpoint_id], **attempt_out.progress(one, expanded=False)},
        lambda one: one.id,
    )


@router.post(
    "/msg/{msg_id}/endpoint/{endpoint_id}/resend",
    status_code=202,
    response_model=EmptyResponse,
    operation_id="v1.message-attempt.resend",
    summary="Send a message again to an endpoint",
)
async def resend_message(me: App, msg_id: MessageId, endpoint_id: EndpointId, key: Idempotency) -> Response:
    """With a fresh retry schedule, also when it had been delivered, or the endpoint does not want such messages."""
    message = await find_message(me, msg_id)
    endpoint = await endpoint_actions.get(me, endpoint_id)
    await me.store.deliveries.resend(
        me.org_id, message.event.id, endpoint.id, me.now_ms(), once=key.once(me.application.id)
    )
    return answer({}, 202)


# -- what they share -----------------------------------------------------------------------------------


async def _attempts_of_message(
    me: AppMember, msg_id: str, query: AttemptQuery, types: tuple[str, ...], endpoint_id: str | None
) -> Response:
    message = await find_message(me, msg_id, with_content=query.with_msg and query.with_content)
    endpoint = await endpoint_actions.get(me, endpoint_id) if endpoint_id is not None else None
    where = _filter(me, query, types, endpoint.id if endpoint is not None else "")
    found: list[Tried] = []
    if where is not None:
        found = await me.store.attempts.of_message(me.org_id, me.application.id, message.event.id, where, _part(query))
    return _page(me, query, found, message)


def _filter(me: AppMember, query: AttemptQuery, types: tuple[str, ...], endpoint_id: str = "") -> AttemptFilter | None:
    """What the store selects by; None when no attempt ever has the status that is asked for."""
    if query.status not in (None, MessageStatus.SUCCESS, MessageStatus.FAIL):
        return None
    where = message_filter(me, query, types)
    return AttemptFilter(
        success=None if query.status is None else query.status is MessageStatus.SUCCESS,
        status_class=query.status_code_class,
        channel=where.channel,
        types=where.types,
        tag=where.tag,
        since_ms=where.since_ms,
        until_ms=where.until_ms,
        endpoint_id=endpoint_id,
    )


def _part(query: AttemptQuery) -> Slice:
    """Which page of a list of attempts. Raises Unprocessable for an iterator that no such list gave."""
    part = query.part(descending=True)
    if part.anchor:
        try:
            place_of(part.anchor)
        except InvalidInput as error:
            raise wrong("query", "iterator", words=error.message) from None
    return part


def _page(me: AppMember, query: AttemptQuery, found: list[Tried], message: Message | None = None) -> Response:
    """One page of attempts: of one ``message``, or of several."""

    def present(one: Tried) -> Json:
        shown = attempt_out.attempt(one.attempt, one.endpoint_id, me.routing, with_content=query.with_content)
        if query.with_msg:
            whole = message or Message(one.event, one.payload, JSON_TYPE.decode())
            shown["msg"] = message_out.message(whole, with_content=query.with_content)
        return shown

    return page(query, found, present, anchor_of)


async def _endpoint(me: AppMember, delivery: Delivery) -> Json:
    """The endpoint of a delivery; what is known of one that was deleted."""
    try:
        return attempt_out.destination(endpoint_out(await endpoint_actions.get(me, delivery.endpoint_id)))
    except NotFound:
        return attempt_out.deleted_destination(delivery)
