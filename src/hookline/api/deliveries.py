"""``/api/v1/deliveries``: events owed to endpoints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer
from hookline.api.dependencies import Caller, Me
from hookline.api.page import PageQuery, page
from hookline.api.route import ApiRoute
from hookline.api.select import find_endpoint
from hookline.core import ids
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import Delivery
from hookline.core.state import DeliveryState, Move, after

router = APIRouter(prefix="/api/v1/deliveries", tags=["Deliveries"], route_class=ApiRoute)


class DeliveryQuery(PageQuery):
    """Which deliveries, and which page of them."""

    endpoint: str = Field(default="", max_length=200, description="An endpoint's id, or `source/endpoint`.")
    state: DeliveryState | None = Field(default=None, description="Where it is in its life.")


@router.get("", response_model=shapes.Page[shapes.Delivery], summary="List deliveries, newest first")
async def list_deliveries(me: Me, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """Of all events, or only to one endpoint, or only in one state."""
    endpoint_id = find_endpoint(me, query.endpoint) if query.endpoint else ""
    found = await me.store.deliveries.find(
        me.org_id,
        endpoint_id=endpoint_id,
        state=query.state or "",
        before=query.iterator,
        limit=query.limit + 1,
    )
    return page(query, found, lambda one: present.delivery(one, me.routing))


@router.get("/{delivery}", response_model=shapes.DeliveryStory, summary="Show a delivery with its attempts")
async def get_delivery(me: Me, delivery: str) -> Response:
    """Every attempt with request headers, status, duration and the first part of the response."""
    story = await me.store.events.story(me.org_id, ids.event_of(delivery))
    for one in story.deliveries if story is not None else ():
        if story is not None and one.id == delivery:
            return answer(present.delivery_story(one, story, me.routing))
    raise _not_found(delivery)


@router.post("/{delivery}/cancel", response_model=shapes.Delivery, summary="Cancel a delivery")
async def cancel_delivery(me: Me, delivery: str) -> Response:
    """It is owed no longer; it can be replayed. An attempt that is under way is not called back."""
    await me.store.deliveries.cancel(me.org_id, delivery, me.now_ms())
    return answer(present.delivery(await _find(me, delivery), me.routing))


@router.post("/{delivery}/replay", status_code=202, response_model=shapes.Delivery, summary="Send a delivery again")
async def replay_delivery(me: Me, delivery: str) -> Response:
    """With a fresh retry schedule. Its earlier attempts stay on record."""
    known = await _find(me, delivery)
    after(DeliveryState(known.state), Move.REPLAY)
    if known.endpoint_id not in me.routing.endpoints:
        raise Conflict("the endpoint of this delivery was deleted")
    await me.store.deliveries.replay_event(me.org_id, known.event_id, me.now_ms(), known.endpoint_id)
    return answer(present.delivery(await _find(me, delivery), me.routing), 202)


async def _find(me: Caller, delivery: str) -> Delivery:
    found = await me.store.deliveries.get(me.org_id, delivery)
    if found is None:
        raise _not_found(delivery)
    return found


def _not_found(delivery: str) -> NotFound:
    return NotFound(f"there is no delivery {delivery!r}")
