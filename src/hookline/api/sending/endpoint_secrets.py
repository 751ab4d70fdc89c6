"""``…/endpoint/{endpoint}/secret``: what messages are signed with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending import endpoint_actions
from hookline.api.sending.access import App, AppMember, EndpointId
from hookline.api.sending.fields import KEY_PATTERN, Body, Secret, Shape, verifying_key
from hookline.api.sending.once import Idempotency, IdempotencyKey
from hookline.api.sending.route import SendingRoute
from hookline.storage.stored import StoredApplicationEndpoint

router = APIRouter(
    prefix="/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret",
    tags=["Application endpoints"],
    route_class=SendingRoute,
)

USUAL_OVERLAP_S = 86_400
LONGEST_OVERLAP_S = 604_800

_Overlap = Annotated[
    int,
    Field(ge=0, le=LONGEST_OVERLAP_S),
    WithJsonSchema({"type": "integer", "format": "uint32", "minimum": 0, "maximum": LONGEST_OVERLAP_S}),
]


class EndpointSecretRotateIn(Body):
    """A new secret."""

    key: Secret | None = Field(default=None, repr=False, description="The new secret; one is made when there is none.")
    grace_period_seconds: _Overlap | None = Field(
        default=USUAL_OVERLAP_S, description="How long the old secret signs as well."
    )


class EndpointSecretOut(Shape):
    """What a receiver verifies messages with."""

    key: Annotated[str, WithJsonSchema({"type": "string", "pattern": KEY_PATTERN})] = Field(
        description="`whsec_…`, or the public key `whpk_…` where an Ed25519 key signs.",
        examples=["whsec_bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ=="],
    )


@router.get(
    "", response_model=EndpointSecretOut, operation_id="v1.endpoint.get-secret", summary="Get the secret of an endpoint"
)
async def get_secret(me: App, endpoint_id: EndpointId) -> Response:
    """What its receiver verifies messages with. It is shown nowhere else."""
    return await show(me, endpoint_id)


_Preference = Annotated[
    str, Header(alias="prefer", description="`return=minimal` for an answer without the secret (RFC 7240).")
]

#: What rotating answers: newer SDKs read the new secret out of it, older ones look at nothing.
ROTATED: dict[int | str, dict[str, Any]] = {204: {"description": "Done, with `Prefer: return=minimal`"}}


@router.post(
    "/rotate",
    response_model=EndpointSecretOut,
    responses=ROTATED,
    operation_id="v1.endpoint.rotate-secret",
    summary="Rotate the secret of an endpoint",
)
async def rotate_secret(
    me: App, endpoint_id: EndpointId, wanted: EndpointSecretRotateIn, key: Idempotency, prefer: _Preference = ""
) -> Response:
    """The new secret signs at once, the old one as well until the overlap is over: receivers accept either. At most
    ten old ones may still sign."""
    return await rotate(me, endpoint_id, wanted, key, minimal="return=minimal" in prefer)


async def show(me: AppMember, endpoint_id: str) -> Response:
    """The newest secret as an answer."""
    return _shown(await endpoint_actions.get(me, endpoint_id))


async def rotate(
    me: AppMember, endpoint_id: str, wanted: EndpointSecretRotateIn, key: IdempotencyKey, *, minimal: bool = False
) -> Response:
    """Give an endpoint a new secret."""
    overlap_s = USUAL_OVERLAP_S if wanted.grace_period_seconds is None else wanted.grace_period_seconds
    rotated = await me.store.application_endpoints.rotate(
        me.org_id,
        me.application.id,
        endpoint_id,
        secret=wanted.key or "",
        overlap_s=overlap_s,
        now_ms=me.now_ms(),
        once=key.once(me.application.id),
    )
    return nothing() if minimal else _shown(rotated)


def _shown(stored: StoredApplicationEndpoint) -> Response:
    return answer({"key": verifying_key(stored.secrets[-1])})
