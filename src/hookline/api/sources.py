"""``/api/v1/sources``: where events come from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer, invalid, nothing
from hookline.api.dependencies import Caller, Me
from hookline.api.inputs import SourceInput, kept_secrets
from hookline.api.page import PageQuery, page_by_name
from hookline.api.route import ApiRoute
from hookline.config.units import format_size
from hookline.core.errors import Conflict
from hookline.storage.catalogue import FILE, PutSource, StoredEndpoint, StoredSource

router = APIRouter(prefix="/api/v1/sources", tags=["Sources"], route_class=ApiRoute)


@router.get("", response_model=shapes.Page[shapes.Source], summary="List sources, by name")
async def list_sources(me: Me, query: Annotated[PageQuery, Query()]) -> Response:
    """All sources of the organisation."""
    return page_by_name(query, [present.source(one) for one in await me.store.catalogue.sources(me.org_id)])


@router.post("", status_code=201, response_model=shapes.Source, summary="Create a source")
async def create_source(me: Me, wanted: SourceInput) -> Response:
    """From now on its webhooks are accepted at `address`."""
    _check(me, wanted)
    secrets = kept_secrets(wanted.secrets, ())
    _check_has_secret(wanted, secrets)
    put = PutSource(me.org_id, wanted, secrets, me.now_ms(), create_only=True)
    created = await me.store.catalogue.put_source(put)
    return answer(present.source(created), 201, {"location": f"/api/v1/sources/{created.id}"})


@router.get("/{source}", response_model=shapes.Source, summary="Show a source")
async def get_source(me: Me, source: str) -> Response:
    """By name or id."""
    return answer(present.source(await me.store.catalogue.source(me.org_id, source)))


@router.put("/{source}", response_model=shapes.Source, summary="Replace a source")
async def put_source(me: Me, source: str, wanted: SourceInput) -> Response:
    """Everything is replaced but the name, and the secrets when none are sent."""
    known = await me.store.catalogue.source(me.org_id, source)
    refuse_if_from_file(known)
    if wanted.name != known.spec.name:
        raise invalid("name", words=f"a source cannot be renamed; it is `{known.spec.name}`")
    _check(me, wanted)
    secrets = kept_secrets(wanted.secrets, known.secrets)
    _check_has_secret(wanted, secrets)
    stored = await me.store.catalogue.put_source(PutSource(me.org_id, wanted, secrets, me.now_ms()))
    return answer(present.source(stored))


@router.delete("/{source}", status_code=204, response_class=Response, summary="Delete a source")
async def delete_source(me: Me, source: str) -> Response:
    """Its endpoints go with it; what they are still owed becomes dead. Its events stay until retention ends."""
    known = await me.store.catalogue.source(me.org_id, source)
    refuse_if_from_file(known)
    await me.store.catalogue.delete_source(me.org_id, known.id)
    return nothing()


def refuse_if_from_file(known: StoredSource | StoredEndpoint) -> None:
    """Raise Conflict when hookline.yaml says what this is: the next start would undo the change."""
    if known.managed_by == FILE:
        raise Conflict(
            f"`{known.spec.name}` is managed by hookline.yaml; change it there and run `hookline apply`",
            code="managed_by_file",
        )


def _check(me: Caller, wanted: SourceInput) -> None:
    if wanted.endpoints:
        path = f"/api/v1/sources/{wanted.name}/endpoints"
        raise invalid("endpoints", words=f"endpoints are created at {path}; leave this key out")
    largest = me.given.settings.max_body_bytes
    if wanted.max_body > largest:
        raise invalid("max_body", words=f"is more than the server's `max_body` ({format_size(largest)})")


def _check_has_secret(wanted: SourceInput, secrets: tuple[str, ...]) -> None:
    if not secrets and wanted.find_provider().needs_secret:
        raise invalid(
            "secrets", words=f"`provider: {wanted.provider}` needs at least one secret to verify webhooks with"
        )
