"""``/api/v1/operational-webhook/endpoint``: where Hookline tells you about your customers' endpoints and messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.api.sending import endpoint_actions, endpoint_headers, endpoint_secrets
from hookline.api.sending.access import AppMember, EndpointId, Org
from hookline.api.sending.endpoint_headers import EndpointHeadersIn, EndpointHeadersOut
from hookline.api.sending.endpoint_models import EndpointIn, EndpointOut, EndpointPatch, EndpointUpdate, endpoint_out
from hookline.api.sending.endpoint_secrets import EndpointSecretOut, EndpointSecretRotateIn
from hookline.api.sending.once import Idempotency
from hookline.api.sending.paging import ListResponse, OrderedQuery
from hookline.api.sending.route import SendingRoute
from hookline.core.model import Source

router = APIRouter(
    prefix="/api/v1/operational-webhook/endpoint", tags=["Operational webhooks"], route_class=SendingRoute
)

#: What there is to tell. The names and contents are Svix's.
TYPES = frozenset(
    {
        "endpoint.created",
        "endpoint.updated",
        "endpoint.deleted",
        "endpoint.disabled",
        "message.attempt.exhausted",
        "message.attempt.failing",
        "message.attempt.recovered",
    }
)

#: Stands for the source of an organisation that has never had such an endpoint: nothing belongs to it.
_NONE_YET = Source(id="", org_id="", name="", provider="none")


async def _operational(me: Org, request: Request) -> AppMember:
    """The organisation, for its operational source, which is made when its first endpoint is."""
    found = me.routing.operational(me.org_id) or (await me.store.catalogue.load()).operational(me.org_id)
    if found is None and request.method in ("POST", "PUT"):
        await me.store.applications.operational(me.org_id, me.now_ms())
        found = me.routing.operational(me.org_id)
    return AppMember(me.org_id, me.given, me.claims, found or _NONE_YET)


Operational = Annotated[AppMember, Depends(_operational)]


@router.get(
    "",
    response_model=ListResponse[EndpointOut],
    operation_id="v1.operational-webhook.endpoint.list",
    summary="List operational endpoints, newest first",
)
async def list_operational(me: Operational, query: Annotated[OrderedQuery, Query()]) -> Response:
    """Disabled ones too."""
    return await endpoint_actions.list_all(me, query)


@router.post(
    "",
    status_code=201,
    response_model=EndpointOut,
    operation_id="v1.operational-webhook.endpoint.create",
    summary="Create an operational endpoint",
)
async def create_operational(me: Operational, wanted: EndpointIn, key: Idempotency) -> Response:
    """It is told of everything that happens after this answer, if it wants that type."""
    return await endpoint_actions.create(me, wanted, key, TYPES.__contains__)


@router.get(
    "/{endpoint_id}",
    response_model=EndpointOut,
    operation_id="v1.operational-webhook.endpoint.get",
    summary="Get an operational endpoint",
)
async def get_operational(me: Operational, endpoint_id: EndpointId) -> Response:
    """By id or uid."""
    return answer(endpoint_out(await endpoint_actions.get(me, endpoint_id)))


@router.put(
    "/{endpoint_id}",
    response_model=EndpointOut,
    responses={201: {"model": EndpointOut, "description": "There was none, so it was created"}},
    operation_id="v1.operational-webhook.endpoint.update",
    summary="Replace an operational endpoint, or create it",
)
async def put_operational(me: Operational, endpoint_id: EndpointId, wanted: EndpointUpdate) -> Response:
    """As for an endpoint of an application."""
    return await endpoint_actions.put(me, endpoint_id, wanted, TYPES.__contains__)


@router.patch(
    "/{endpoint_id}",
    response_model=EndpointOut,
    operation_id="v1.operational-webhook.endpoint.patch",
    summary="Change an operational endpoint",
)
async def patch_operational(me: Operational, endpoint_id: EndpointId, wanted: EndpointPatch) -> Response:
    """As for an endpoint of an application."""
    return await endpoint_actions.patch(me, endpoint_id, wanted, TYPES.__contains__)


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    response_class=Response,
    operation_id="v1.operational-webhook.endpoint.delete",
    summary="Delete an operational endpoint",
)
async def delete_operational(me: Operational, endpoint_id: EndpointId) -> Response:
    """What it is still owed becomes dead."""
    return await endpoint_actions.delete(me, endpoint_id)


@router.get(
    "/{endpoint_id}/headers",
    response_model=EndpointHeadersOut,
    operation_id="v1.operational-webhook.endpoint.get-headers",
    summary="Get the headers of an operational endpoint",
)
async def get_operational_headers(me: Operational, endpoint_id: EndpointId) -> Response:
    """Values that could be credentials are not shown; `sensitive` has their names."""
    return await endpoint_headers.show(me, endpoint_id)


@router.put(
    "/{endpoint_id}/headers",
    status_code=204,
    response_class=Response,
    operation_id="v1.operational-webhook.endpoint.set-headers",
    summary="Set the headers of an operational endpoint",
)
async def put_operational_headers(me: Operational, endpoint_id: EndpointId, wanted: EndpointHeadersIn) -> Response:
    """Replaces all of them, those that are not shown too."""
    return await endpoint_headers.replace(me, endpoint_id, wanted)


@router.get(
    "/{endpoint_id}/secret",
    response_model=EndpointSecretOut,
    operation_id="v1.operational-webhook.endpoint.get-secret",
    summary="Get the secret of an operational endpoint",
)
async def get_operational_secret(me: Operational, endpoint_id: EndpointId) -> Response:
    """What its receiver verifies messages with. It is shown nowhere else."""
    return await endpoint_secrets.show(me, endpoint_id)


@router.post(
    "/{endpoint_id}/secret/rotate",
    response_model=EndpointSecretOut,
    operation_id="v1.operational-webhook.endpoint.rotate-secret",
    summary="Rotate the secret of an operational endpoint",
)
async def rotate_operational_secret(
    me: Operational, endpoint_id: EndpointId, wanted: EndpointSecretRotateIn, key: Idempotency
) -> Response:
    """As for an endpoint of an application."""
    return await endpoint_secrets.rotate(me, endpoint_id, wanted, key)
