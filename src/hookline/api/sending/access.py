"""Who may do what: a function of the sending API says by its parameter who may call it.

``Org``: a token of the organisation. ``App``: that, or a token of the application in the path. ``OrgApp``: a token
of the organisation, for the application in the path. ``Anyone``: any token, also of an application, where nothing
belongs to one application. A token of one application finds no other one, and does what its capabilities allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic.config import JsonDict

from hookline.api.dependencies import Caller, dependencies_of
from hookline.api.token import AuthenticationFailed, Claims, InsufficientAccess, refuse_application
from hookline.core.errors import NotFound
from hookline.core.model import EventType, Source
from hookline.storage.store import Store


class Capability(StrEnum):
    """What the token of an application may be good for; the words are those of Svix."""

    VIEW_BASE = "ViewBase"  #: see everything but signing secrets
    VIEW_ENDPOINT_SECRET = "ViewEndpointSecret"  # noqa: S105 - a word, not a secret
    MANAGE_ENDPOINT_SECRET = "ManageEndpointSecret"  # noqa: S105 - see and rotate them
    MANAGE_TRANSFORMATIONS = "ManageTransformations"  #: nothing: there are none here
    CREATE_ATTEMPTS = "CreateAttempts"  #: send messages again, and examples
    MANAGE_ENDPOINT = "ManageEndpoint"  #: all of an endpoint, its secrets too


_READING = frozenset({"GET", "HEAD", "OPTIONS"})

_SEES_SECRET = frozenset(
    {Capability.VIEW_ENDPOINT_SECRET, Capability.MANAGE_ENDPOINT_SECRET, Capability.MANAGE_ENDPOINT}
)

#: One of which is needed, by the last part of a path; what is not here needs ViewBase to read, else ManageEndpoint.
_NEEDED: dict[str, frozenset[Capability]] = {
    "secret": _SEES_SECRET,
    "rotate": frozenset({Capability.MANAGE_ENDPOINT_SECRET, Capability.MANAGE_ENDPOINT}),
    **dict.fromkeys(
        ("recover", "replay-missing", "bulk-replay", "resend", "send-example"), frozenset({Capability.CREATE_ATTEMPTS})
    ),
}

_NAME: JsonDict = {"pattern": r"^[a-zA-Z0-9\-_.]+$", "minLength": 1, "maxLength": 256}

AppId = Annotated[str, Path(description="An application's id or uid.", json_schema_extra=_NAME)]
EndpointId = Annotated[str, Path(description="An endpoint's id or uid.", json_schema_extra=_NAME)]
MessageId = Annotated[str, Path(description="A message's id or event id.", json_schema_extra=_NAME)]


@dataclass(frozen=True, slots=True)
class Member(Caller):
    """Whoever sent the request, with what their token says."""

    claims: Claims

    @property
    def flags(self) -> frozenset[str] | None:
        """The feature flags that decide which event types they see; None: all of them."""
        return self.claims.feature_flags if self.claims.application_id else None


@dataclass(frozen=True, slots=True)
class AppMember(Member):
    """Whoever sent the request, for one application. ``application`` has its id and uid."""

    application: Source


async def find_application(store: Store, org_id: str, id_or_uid: str) -> Source | None:
    """An application of an organisation, also one that another process has just made."""
    found = store.routing.application(org_id, id_or_uid)
    return found or (await store.catalogue.load()).application(org_id, id_or_uid)


async def find_event_type(store: Store, org_id: str, name: str) -> EventType | None:
    """An event type of an organisation, archived or not, also one that another process has just made."""
    found = store.routing.event_type(org_id, name)
    return found or (await store.catalogue.load()).event_type(org_id, name)


async def _anyone(request: Request) -> Member:
    claims = request.state.claims
    assert isinstance(claims, Claims)
    me = Member(claims.org_id, dependencies_of(request), claims)
    if claims.application_id:
        await _admit_application(me, request.method, request.scope["route"].path)
    return me


async def _admit_application(me: Member, method: str, path: str) -> None:
    """Raise InsufficientAccess, or AuthenticationFailed when the application of the token is gone."""
    found = await find_application(me.store, me.org_id, me.claims.application_id)
    if found is None or found.id != me.claims.application_id:
        raise AuthenticationFailed("the application that this token is for was deleted")
    if me.claims.read_only and method not in _READING:
        raise InsufficientAccess("this token may only read")
    may = me.claims.capabilities
    if may is not None and may.isdisjoint(needed := _needed(method, path)):
        raise InsufficientAccess(f"this token lacks the capability {' or '.join(sorted(needed))}")


def _needed(method: str, path: str) -> frozenset[Capability]:
    """The capabilities one of which is needed; ``path`` is the route's, with its parameters in braces."""
    base = Capability.VIEW_BASE if method in _READING else Capability.MANAGE_ENDPOINT
    return _NEEDED.get(path.rpartition("/")[2], frozenset({base}))


async def _org(me: Anyone) -> Member:
    refuse_application(me.claims)
    return me


async def _app(me: Anyone, app_id: AppId) -> AppMember:
    found = await find_application(me.store, me.org_id, app_id)
    if found is None or me.claims.application_id not in ("", found.id):
        raise NotFound(f"there is no application {app_id!r}")
    return AppMember(me.org_id, me.given, me.claims, found)


async def _org_app(me: App) -> AppMember:
    refuse_application(me.claims)
    return me


Anyone = Annotated[Member, Depends(_anyone)]
Org = Annotated[Member, Depends(_org)]
App = Annotated[AppMember, Depends(_app)]
OrgApp = Annotated[AppMember, Depends(_org_app)]
