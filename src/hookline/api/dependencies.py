"""What the API works with, and for whom it works in one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from hookline.config.settings import Settings
from hookline.core.clock import Clock
from hookline.core.model import Endpoint, Source
from hookline.observe.metrics import Metrics
from hookline.storage.base import Receipt
from hookline.storage.routing import Routing
from hookline.storage.store import Store

if TYPE_CHECKING:
    from hookline.api.sending.publish import PublishDoor


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """What the API works with; handed in by the composition root."""

    settings: Settings
    store: Store
    clock: Clock
    metrics: Metrics
    #: ``(org_id, rejection_id) -> receipt``: a refused request is examined again.
    accept_rejection: Callable[[str, str], Awaitable[Receipt]]
    #: There is a new replay to push.
    wake_replayer: Callable[[], None]
    #: Takes messages.
    publish_door: PublishDoor
    #: ``(endpoint, source)``: the endpoint's receiver has to echo something. Raises InvalidInput when it does not.
    challenge: Callable[[Endpoint, Source], Awaitable[None]]
    #: The metrics of this server, and of its siblings if it has some.
    metrics_text: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent the request that is being answered: everything is asked and done as this organisation."""

    org_id: str
    given: ApiDependencies

    @property
    def store(self) -> Store:
        """The store. Every call names ``org_id``."""
        return self.given.store

    @property
    def routing(self) -> Routing:
        """The sources and endpoints of all organisations, for names of what was already found by ``org_id``."""
        return self.given.store.routing

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return self.given.clock.now_ms()


def dependencies_of(request: Request) -> ApiDependencies:
    """What the application of this request was created with."""
    given = request.app.state.dependencies
    assert isinstance(given, ApiDependencies)
    return given


async def _caller(request: Request) -> Caller:
    return Caller(request.state.org_id, dependencies_of(request))


#: The parameter by which a route learns for whom it works.
Me = Annotated[Caller, Depends(_caller)]
