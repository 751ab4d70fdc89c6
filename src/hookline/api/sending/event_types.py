"""``/api/v1/event-type``: the kinds of message that customers can choose."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending.access import Anyone, Org
from hookline.api.sending.event_type_models import (
    EventTypeIn,
    EventTypeOut,
    EventTypePatch,
    EventTypeUpdate,
    event_type_out,
    is_visible,
)
from hookline.api.sending.fields import NAME_PATTERN
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, OrderedQuery, SendingQuery, page
from hookline.api.sending.refusal import check_in_path
from hookline.api.sending.route import SendingRoute
from hookline.config.application_spec import check_name
from hookline.core.errors import NotFound
from hookline.core.model import EventType

router = APIRouter(prefix="/api/v1/event-type", tags=["Event types"], route_class=SendingRoute)

_NAME: Any = {"pattern": NAME_PATTERN, "maxLength": 256}

TypeName = Annotated[str, Path(description="An event type's name.", json_schema_extra=_NAME)]


class ListQuery(OrderedQuery):
    """Which event types."""

    include_archived: bool = Field(default=False, description="Whether archived ones are shown too.")
    with_content: bool = Field(default=False, description="Whether their schemas are shown.")


class DeleteQuery(SendingQuery):
    """How to delete."""

    expunge: bool = Field(default=False, description="Remove it entirely, instead of archiving it.")


@router.get(
    "",
    response_model=ListResponse[EventTypeOut],
    operation_id="v1.event-type.list",
    summary="List event types, by name",
)
async def list_event_types(me: Anyone, query: Annotated[ListQuery, Query()]) -> Response:
    """Customers see those without a feature flag, and those whose flag their token names."""
    part = query.ordered(descending=False)
    found = await me.store.event_types.list(me.org_id, part, include_archived=query.include_archived, flags=me.flags)
    return page(query, found, lambda one: event_type_out(one, with_content=query.with_content), lambda one: one.name)


@router.post(
    "",
    status_code=201,
    response_model=EventTypeOut,
    operation_id="v1.event-type.create",
    summary="Create an event type, or bring an archived one back",
)
async def create_event_type(me: Org, wanted: EventTypeIn, key: Idempotency) -> Response:
    """An archived one comes back with the new content. A name that is taken is refused with 409."""
    new = wanted.apply(me.org_id, wanted.name, None, me.now_ms())
    made = await me.store.event_types.create(new, once=key.once(me.org_id))
    return answer(event_type_out(made.value), 201)


@router.get(
    "/{event_type_name}",
    response_model=EventTypeOut,
    operation_id="v1.event-type.get",
    summary="Get an event type",
)
async def get_event_type(me: Anyone, event_type_name: TypeName) -> Response:
    """Also an archived one."""
    found = await me.store.event_types.get(me.org_id, event_type_name)
    if not is_visible(found, me.flags):
        raise NotFound(f"there is no event type {event_type_name!r}")
    return answer(event_type_out(found))


@router.put(
    "/{event_type_name}",
    response_model=EventTypeOut,
    responses={201: {"model": EventTypeOut, "description": "There was none, so it was created"}},
    operation_id="v1.event-type.update",
    summary="Replace an event type, or create it",
)
async def put_event_type(me: Org, event_type_name: TypeName, wanted: EventTypeUpdate) -> Response:
    """Everything but its name."""
    check_in_path("event_type_name", event_type_name, check_name)
    now_ms = me.now_ms()

    def make(known: EventType | None) -> EventType:
        return wanted.apply(me.org_id, event_type_name, known, now_ms)

    made = await me.store.event_types.put(me.org_id, event_type_name, make, now_ms)
    return answer(event_type_out(made.value), 201 if made.created else 200)


@router.patch(
    "/{event_type_name}", response_model=EventTypeOut, operation_id="patch_event_type", summary="Change an event type"
)
async def patch_event_type(me: Org, event_type_name: TypeName, wanted: EventTypePatch) -> Response:
    """What is left out stays as it is; null removes what can be removed."""
    now_ms = me.now_ms()
    changed = await me.store.event_types.edit(
        me.org_id, event_type_name, lambda known: wanted.apply(known, now_ms), now_ms
    )
    return answer(event_type_out(changed))


@router.delete(
    "/{event_type_name}",
    status_code=204,
    response_class=Response,
    operation_id="v1.event-type.delete",
    summary="Archive an event type, or remove it",
)
async def delete_event_type(me: Org, event_type_name: TypeName, query: Annotated[DeleteQuery, Query()]) -> Response:
    """Archived, nobody can subscribe to it anew; whoever has, keeps it. With `expunge` it is gone."""
    if query.expunge:
        await me.store.event_types.expunge(me.org_id, event_type_name, me.now_ms())
    else:
        await me.store.event_types.archive(me.org_id, event_type_name, me.now_ms())
    return nothing()
