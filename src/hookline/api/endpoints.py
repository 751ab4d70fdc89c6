"""``/api/v1/sources/{source}/endpoints``: where the events of a source go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer, invalid, nothing
from hookline.api.dependencies import Caller, Me
from hookline.api.inputs import EndpointInput, kept_secrets
from hookline.api.page import PageQuery, page_by_name
from hookline.api.route import ApiRoute
from hookline.api.sources import refuse_if_from_file
from hookline.core.errors import Conflict
from hookline.core.model import EndpointState
from hookline.storage.catalogue import PutEndpoint, StoredEndpoint

router = APIRouter(prefix="/api/v1/sources/{source}/endpoints", tags=["Endpoints"], route_class=ApiRoute)


@router.get("", response_model=shapes.Page[shapes.Endpoint], summary="List the endpoints of a source, by name")
async def list_endpoints(me: Me, source: str, query: Annotated[PageQuery, Query()]) -> Response:
    """Paused and disabled ones too."""
    known = await me.store.catalogue.source(me.org_id, source)
    return page_by_name(query, [present.endpoint(e) for e in await me.store.catalogue.endpoints(me.org_id, known.id)])


@router.post("", status_code=201, response_model=shapes.Endpoint, summary="Create an endpoint")
async def create_endpoint(me: Me, source: str, wanted: EndpointInput) -> Response:
    """Every event that is accepted after this answer goes there, if its type is wanted."""
    known = await me.store.catalogue.source(me.org_id, source)
    spec, secrets = wanted.with_headers({}), kept_secrets(wanted.secrets, ())
    put = PutEndpoint(me.org_id, known.id, spec, secrets, me.now_ms(), create_only=True)
    created = await me.store.catalogue.put_endpoint(put)
    location = f"/api/v1/sources/{known.id}/endpoints/{created.id}"
    return answer(present.endpoint(created), 201, {"location": location})


@router.get("/{endpoint}", response_model=shapes.Endpoint, summary="Show an endpoint")
async def get_endpoint(me: Me, source: str, endpoint: str) -> Response:
    """By name or id, with its state."""
    return answer(present.endpoint(await _find(me, source, endpoint)))


@router.put("/{endpoint}", response_model=shapes.Endpoint, summary="Replace an endpoint")
async def put_endpoint(me: Me, source: str, endpoint: str, wanted: EndpointInput) -> Response:
    """Everything is replaced but the name, and the secrets when none are sent. A new `url` ends a pause."""
    known = await _find(me, source, endpoint)
    refuse_if_from_file(known)
    if wanted.name != known.spec.name:
        raise invalid("name", words=f"an endpoint cannot be renamed; it is `{known.spec.name}`")
    spec, secrets = wanted.with_headers(known.spec.headers), kept_secrets(wanted.secrets, known.secrets)
    stored = await me.store.catalogue.put_endpoint(PutEndpoint(me.org_id, known.source_id, spec, secrets, me.now_ms()))
    return answer(present.endpoint(stored))


@router.delete("/{endpoint}", status_code=204, response_class=Response, summary="Delete an endpoint")
async def delete_endpoint(me: Me, source: str, endpoint: str) -> Response:
    """What it is still owed becomes dead."""
    known = await _find(me, source, endpoint)
    refuse_if_from_file(known)
    await me.store.catalogue.delete_endpoint(me.org_id, known.id)
    return nothing()


@router.post("/{endpoint}/pause", response_model=shapes.Endpoint, summary="Pause an endpoint")
async def pause_endpoint(me: Me, source: str, endpoint: str) -> Response:
    """Nothing more is sent; what it is owed waits, and new events are added to that."""
    return await _set_state(me, source, endpoint, EndpointState.PAUSED, "paused through the API")


@router.post("/{endpoint}/resume", response_model=shapes.Endpoint, summary="Resume an endpoint")
async def resume_endpoint(me: Me, source: str, endpoint: str) -> Response:
    """Send again, whatever it was that stopped it: a pause, too many failures, or a `410 Gone`."""
    return await _set_state(me, source, endpoint, EndpointState.ACTIVE, "")


@router.get("/{endpoint}/secret", response_model=shapes.Secrets, summary="Show an endpoint's signing secrets")
async def get_endpoint_secret(me: Me, source: str, endpoint: str) -> Response:
    """What its receiver verifies requests with. They are shown nowhere else."""
    known = await _find(me, source, endpoint)
    return answer({"secrets": list(known.secrets)})


async def _set_state(me: Caller, source: str, endpoint: str, state: EndpointState, reason: str) -> Response:
    known = await _find(me, source, endpoint)
    if not known.spec.enabled:
        raise Conflict(f"`{known.spec.name}` is disabled in its configuration; set `enabled: true` there")
    await me.store.catalogue.set_endpoint_state(known.id, state, reason, me.now_ms())
    return answer(present.endpoint(await _find(me, source, endpoint)))


async def _find(me: Caller, source: str, endpoint: str) -> StoredEndpoint:
    known = await me.store.catalogue.source(me.org_id, source)
    return await me.store.catalogue.endpoint(me.org_id, known.id, endpoint)
