"""``/api/v1/app/{app}/endpoint``: where the messages of an application go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.api.sending import endpoint_actions
from hookline.api.sending.access import App, AppMember, EndpointId
from hookline.api.sending.endpoint_actions import IsKnown
from hookline.api.sending.endpoint_models import EndpointIn, EndpointOut, EndpointPatch, EndpointUpdate, endpoint_out
from hookline.api.sending.event_type_models import is_visible
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, OrderedQuery
from hookline.api.sending.route import SendingRoute

router = APIRouter(prefix="/api/v1/app/{app_id}/endpoint", tags=["Application endpoints"], route_class=SendingRoute)


@router.get(
    "",
    response_model=ListResponse[EndpointOut],
    operation_id="v1.endpoint.list",
    summary="List the endpoints of an application, newest first",
)
async def list_endpoints(me: App, query: Annotated[OrderedQuery, Query()]) -> Response:
    """Disabled ones too."""
    return await endpoint_actions.list_all(me, query)


@router.post(
    "",
    status_code=201,
    response_model=EndpointOut,
    operation_id="v1.endpoint.create",
    summary="Create an endpoint of an application",
)
async def create_endpoint(me: App, wanted: EndpointIn, key: Idempotency) -> Response:
    """Every message that is accepted after this answer goes there, if it is wanted."""
    return await endpoint_actions.create(me, wanted, key, await _known(me, wanted.event_types))


@router.get(
    "/{endpoint_id}",
    response_model=EndpointOut,
    operation_id="v1.endpoint.get",
    summary="Get an endpoint of an application",
)
async def get_endpoint(me: App, endpoint_id: EndpointId) -> Response:
    """By id or uid."""
    return answer(endpoint_out(await endpoint_actions.get(me, endpoint_id)))


@router.put(
    "/{endpoint_id}",
    response_model=EndpointOut,
    responses={201: {"model": EndpointOut, "description": "There was none, so it was created"}},
    operation_id="v1.endpoint.update",
    summary="Replace an endpoint of an application, or create it",
)
async def put_endpoint(me: App, endpoint_id: EndpointId, wanted: EndpointUpdate) -> Response:
    """Replaces everything but its secret, its headers and the fields that only Hookline has, which stay as they are
    when they are left out. An endpoint that is not there is created with the uid in the path."""
    return await endpoint_actions.put(me, endpoint_id, wanted, await _known(me, wanted.event_types))


@router.patch(
    "/{endpoint_id}",
    response_model=EndpointOut,
    operation_id="patch_endpoint",
    summary="Change an endpoint of an application",
)
async def patch_endpoint(me: App, endpoint_id: EndpointId, wanted: EndpointPatch) -> Response:
    """What is left out stays as it is; null removes what can be removed. `disabled: false` makes an endpoint active
    again that was disabled because it failed for too long, or answered `410 Gone`."""
    return await endpoint_actions.patch(me, endpoint_id, wanted, await _known(me, wanted.event_types))


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    response_class=Response,
    operation_id="v1.endpoint.delete",
    summary="Delete an endpoint of an application",
)
async def delete_endpoint(me: App, endpoint_id: EndpointId) -> Response:
    """What it is still owed becomes dead."""
    return await endpoint_actions.delete(me, endpoint_id)


async def _known(me: AppMember, names: list[str] | None) -> IsKnown:
    """Which event types can be subscribed to, also when another process has just made them."""

    def is_known(name: str) -> bool:
        found = me.routing.event_type(me.org_id, name)
        return found is not None and not found.archived and is_visible(found, me.flags)

    if not all(is_known(name) for name in names or ()):
        await me.store.catalogue.load()
    return is_known
