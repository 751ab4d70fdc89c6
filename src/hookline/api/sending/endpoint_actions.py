"""What is done with endpoints, whether they belong to an application or tell of operational events."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TypeAlias

from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending.access import AppMember
from hookline.api.sending.endpoint_models import (
    EndpointIn,
    EndpointPatch,
    EndpointUpdate,
    endpoint_out,
)
from hookline.api.sending.fields import check_endpoint_uid
from hookline.api.sending.once import IdempotencyKey
from hookline.api.sending.paging import OrderedQuery, page
from hookline.api.sending.refusal import Unprocessable, Wrong, check_in_path
from hookline.config.application_spec import ApplicationEndpointSpec
from hookline.core import ids
from hookline.core.errors import NotFound
from hookline.core.filter import EVERYTHING
from hookline.core.signature import generate_secret
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.stored import StoredApplicationEndpoint

#: Whether an event type can be subscribed to.
IsKnown: TypeAlias = Callable[[str], bool]


async def list_all(me: AppMember, query: OrderedQuery) -> Response:
    """One page of the endpoints."""
    found = await me.store.application_endpoints.list(me.org_id, me.application.id, query.ordered(descending=True))
    return page(query, found, endpoint_out, lambda one: one.id)


async def create(me: AppMember, wanted: EndpointIn, key: IdempotencyKey, is_known: IsKnown) -> Response:
    """A new endpoint, once its owner has proven to control it, if the application asks for that."""
    spec, secret = wanted.apply(), wanted.secret or ""
    check_event_types(spec, (), is_known)
    if me.application.challenge_endpoints:
        secret = secret or generate_secret(os.urandom(24))
        await challenge(me, spec, (secret,))
    once = key.once(me.application.id)
    new = NewEndpoint(me.org_id, me.application.id, spec, secret=secret, now_ms=me.now_ms(), once=once)
    made = await me.store.application_endpoints.create(new)
    return answer(endpoint_out(made.value), 201)


async def get(me: AppMember, endpoint_id: str) -> StoredApplicationEndpoint:
    """An endpoint by id or uid. Raises NotFound."""
    return await me.store.application_endpoints.get(me.org_id, me.application.id, endpoint_id)


async def put(me: AppMember, endpoint_id: str, wanted: EndpointUpdate, is_known: IsKnown) -> Response:
    """Replace an endpoint, or create it with the uid in the path."""
    if not endpoint_id.startswith(ids.ENDPOINT):
        check_in_path("endpoint_id", endpoint_id, check_endpoint_uid)
    known = await _find(me, endpoint_id)
    spec = wanted.apply(known.spec if known is not None else None)
    check_event_types(spec, known.spec.events if known is not None else (), is_known)
    await _challenge_change(me, known, spec)

    endpoints = me.store.application_endpoints
    made = await endpoints.put(me.org_id, me.application.id, endpoint_id, wanted.apply, me.now_ms())
    return answer(endpoint_out(made.value), 201 if made.created else 200)


async def patch(me: AppMember, endpoint_id: str, wanted: EndpointPatch, is_known: IsKnown) -> Response:
    """Change some of an endpoint."""
    known = await get(me, endpoint_id)
    spec = wanted.apply(known.spec)
    check_event_types(spec, known.spec.events, is_known)
    await _challenge_change(me, known, spec)
    return answer(endpoint_out(await edit(me, known.id, wanted.apply)))


async def edit(
    me: AppMember, endpoint_id: str, change: Callable[[ApplicationEndpointSpec], ApplicationEndpointSpec]
) -> StoredApplicationEndpoint:
    """Change an endpoint by reading and writing it in one transaction. Raises NotFound."""
    return await me.store.application_endpoints.edit(me.org_id, me.application.id, endpoint_id, change, me.now_ms())


async def delete(me: AppMember, endpoint_id: str) -> Response:
    """What it is still owed becomes dead."""
    await me.store.application_endpoints.delete(me.org_id, me.application.id, endpoint_id, me.now_ms())
    return nothing()


def check_event_types(spec: ApplicationEndpointSpec, subscribed: Collection[str], is_known: IsKnown) -> None:
    """Raise Unprocessable for types that are not there; one that is subscribed to already may stay."""
    missing = [name for name in spec.events if name not in (EVERYTHING, *subscribed) and not is_known(name)]
    if missing:
        words = f"there are no such event types: {', '.join(missing)}. Create them first, or bring them back"
        raise Unprocessable([Wrong(("body", "eventTypes"), words)])


async def challenge(me: AppMember, spec: ApplicationEndpointSpec, secrets: tuple[str, ...]) -> None:
    """Ask the receiver to echo something. Raises what `delivery.challenge` raises, a 422."""
    endpoint_id = ids.make(ids.ENDPOINT, me.now_ms(), os.urandom(10))
    asked = spec.build(id=endpoint_id, org_id=me.org_id, source_id=me.application.id, secrets=secrets)
    await me.given.challenge(asked, me.application)


async def _challenge_change(
    me: AppMember, known: StoredApplicationEndpoint | None, spec: ApplicationEndpointSpec
) -> None:
    """Where messages go is proven anew when it changes."""
    if me.application.challenge_endpoints and (known is None or known.spec.url != spec.url):
        secrets = known.secrets if known is not None else (generate_secret(os.urandom(24)),)
        await challenge(me, spec, secrets)


async def _find(me: AppMember, endpoint_id: str) -> StoredApplicationEndpoint | None:
    try:
        return await get(me, endpoint_id)
    except NotFound:
        if endpoint_id.startswith(ids.ENDPOINT):
            raise
        return None
