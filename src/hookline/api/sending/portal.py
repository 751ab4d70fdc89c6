"""``/api/v1/auth``: tokens for your customers, each for one application."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from ipaddress import ip_network
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from hookline.api.answer import answer, nothing
from hookline.api.sending.access import Anyone, AppId, Capability, Member, Org, find_application
from hookline.api.sending.application_models import ApplicationIn
from hookline.api.sending.fields import Body, Flag, Name, Shape, ShownUrl, none_as
from hookline.api.sending.first_message import create_named
from hookline.api.sending.once import Idempotency
from hookline.api.sending.refusal import wrong
from hookline.api.sending.route import SendingRoute
from hookline.api.token import Claims, TokenSigner
from hookline.core.errors import NotFound
from hookline.core.model import Source
from hookline.ingest.client import locator

router = APIRouter(prefix="/api/v1/auth", tags=["Authentication"], route_class=SendingRoute)

SHORTEST_LIFETIME_S = 3_600
LONGEST_LIFETIME_S = 7 * 86_400

_Lifetime = Annotated[int, Field(ge=SHORTEST_LIFETIME_S, le=LONGEST_LIFETIME_S)]
_Flags = Annotated[list[Name], Field(json_schema_extra={"uniqueItems": True}), none_as([])]
_Capabilities = Annotated[
    list[str],
    WithJsonSchema({"type": "array", "uniqueItems": True, "items": {"type": "string", "enum": list(Capability)}}),
]


class AppPortalAccessIn(Body):
    """What the token shall be good for."""

    application: ApplicationIn | None = Field(
        default=None, description="The application to create when there is none with the uid in the path."
    )
    feature_flags: _Flags = Field(default=[], description="Which event types with a feature flag are seen.")
    read_only: Flag = Field(default=False, description="Whether nothing can be changed with it.")
    capabilities: _Capabilities | None = Field(
        default=None, description="What can be done with it; null: everything that a customer may do."
    )
    expiry: _Lifetime | None = Field(
        default=None, description="For how many seconds it is valid, from 3600 (an hour) to 604800 (7 days, if null)."
    )


class AppPortalAccessOut(Shape):
    """A token for one application."""

    token: str
    url: ShownUrl = Field(description="The page for your customer, with the token in it.")


@router.post(
    "/app-portal-access/{app_id}",
    response_model=AppPortalAccessOut,
    operation_id="v1.authentication.app-portal-access",
    summary="Make a token for one application",
)
async def app_portal_access(
    me: Org, request: Request, app_id: AppId, wanted: AppPortalAccessIn, key: Idempotency
) -> Response:
    """For the customer behind it: it finds that application and no other. It cannot be taken back, it ends by
    itself."""
    application = await find_application(me.store, me.org_id, app_id)
    if application is None:
        if wanted.application is None:
            raise NotFound(f"there is no application {app_id!r}; name one in `application` to create it")
        application = await create_named(me.store, me.org_id, app_id, wanted.application, me.now_ms())
    return _access(me, request, application, wanted)


@router.post(
    "/dashboard-access/{app_id}",
    response_model=AppPortalAccessOut,
    operation_id="v1.authentication.dashboard-access",
    summary="Make a token for one application, in the old way",
    deprecated=True,
)
async def dashboard_access(me: Org, request: Request, app_id: AppId) -> Response:
    """As `app-portal-access`, which is newer."""
    application = await find_application(me.store, me.org_id, app_id)
    if application is None:
        raise NotFound(f"there is no application {app_id!r}")
    return _access(me, request, application, AppPortalAccessIn())


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    operation_id="logout_api_v1_auth_logout__post",
    summary="Log out",
)
async def logout(me: Anyone, key: Idempotency) -> Response:
    """Tokens are not remembered, so there is nothing to forget: whoever logs out throws the token away. It ends by
    itself."""
    return nothing()


def _access(me: Member, request: Request, application: Source, wanted: AppPortalAccessIn) -> Response:
    claims = Claims(
        me.org_id, application.id, frozenset(wanted.feature_flags), wanted.read_only, _capabilities(wanted.capabilities)
    )
    signer = request.app.state.tokens
    assert isinstance(signer, TokenSigner)
    lifetime_s = LONGEST_LIFETIME_S if wanted.expiry is None else wanted.expiry
    token = signer.create_for_application(claims, me.now_ms() // 1000, lifetime_s)
    return answer({"token": token, "url": _login_url(_base(me, request), application.id, token)})


def _base(me: Member, request: Request) -> str:
    """Where people reach this server: as it is set, or as this request reached it."""
    settings, peer = me.given.settings, request.client.host if request.client is not None else ""
    locate = locator([ip_network(text) for text in settings.trusted_proxies])
    scheme = locate(peer, dict(request.scope["headers"]), request.url.scheme)[1]
    return settings.public_url or str(request.base_url.replace(scheme=scheme))


def _capabilities(names: list[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    if unknown := sorted(set(names) - set(Capability)):
        words = f"there is no capability {unknown[0]!r}; there are {', '.join(Capability)}"
        raise wrong("body", "capabilities", words=words)
    return frozenset(names)


def _login_url(base: str, application_id: str, token: str) -> str:
    """The token stands behind ``#``: browsers do not send that part, so it is in no server's log."""
    key = urlsafe_b64encode(msgspec.json.encode({"appId": application_id, "token": token})).rstrip(b"=").decode()
    return f"{base.rstrip('/')}/portal/login#key={key}"
