"""``/api/v1/events``: what came, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer
from hookline.api.dependencies import Caller, Me
from hookline.api.inputs import ReplayOneInput, Selection
from hookline.api.page import PageQuery, page
from hookline.api.route import ApiRoute
from hookline.api.select import event_filter
from hookline.core.errors import NotFound
from hookline.core.model import Event

router = APIRouter(prefix="/api/v1/events", tags=["Events"], route_class=ApiRoute)

#: The bytes come from a stranger: a browser must neither guess what they are nor run them.
_BYTES = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
}


class EventQuery(Selection, PageQuery):
    """Which events, and which page of them."""


@router.get("", response_model=shapes.Page[shapes.Event], summary="List events, newest first")
async def list_events(me: Me, query: Annotated[EventQuery, Query()]) -> Response:
    """Filters can be combined. Bodies and deliveries are in the story of each event."""
    where = event_filter(me, query)
    found = await me.store.events.find(me.org_id, where, before=query.iterator, limit=query.limit + 1)
    return page(query, found, lambda one: present.event(one, me.routing))


@router.get("/{event}", response_model=shapes.Story, summary="Show an event's whole story")
async def get_event(me: Me, event: str) -> Response:
    """The request, how far its sender was proven, its deliveries, and every attempt of each."""
    found = await me.store.events.story(me.org_id, event)
    if found is None:
        raise NotFound(f"there is no event {event!r}")
    return answer(present.story(found, me.routing))


@router.get(
    "/{event}/body",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
    summary="Download an event's body",
)
async def get_event_body(me: Me, event: str) -> Response:
    """Byte for byte as it came."""
    found = await _find(me, event)
    headers = {**_BYTES, "content-disposition": f'attachment; filename="{found.id}.bin"'}
    return Response(found.request.body, 200, headers, "application/octet-stream")


@router.post("/{event}/replay", status_code=202, response_model=shapes.Replayed, summary="Send an event again")
async def replay_event(me: Me, event: str, wanted: ReplayOneInput | None = None) -> Response:
    """What died or was cancelled is owed again; where everything had succeeded, everything is. `deliveries` says
    how many. What is still owed is left alone: it comes anyway."""
    found = await _find(me, event)
    endpoint_id = ""
    if wanted is not None and wanted.endpoint:
        endpoint = await me.store.catalogue.endpoint(me.org_id, found.source_id, wanted.endpoint)
        endpoint_id = endpoint.id
    count = await me.store.deliveries.replay_event(me.org_id, found.id, me.now_ms(), endpoint_id)
    return answer({"event_id": found.id, "deliveries": count}, 202)


async def _find(me: Caller, event: str) -> Event:
    found = await me.store.events.get(me.org_id, event)
    if found is None:
        raise NotFound(f"there is no event {event!r}")
    return found
