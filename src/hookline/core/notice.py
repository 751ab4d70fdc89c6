"""What can happen, as values. Rooms say them through an injected ``notify``; sinks count, log and trace them.

A notice never holds a secret, a signature, a header value or a body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec


class Notice(msgspec.Struct, frozen=True, gc=False):
    """The base of all notices."""


class EventAccepted(Notice, frozen=True, gc=False):
    """An event and its deliveries are on disk; the sender has its 2xx."""

    event_id: str
    source: str
    event_type: str
    status: str
    deliveries: int


class EventDuplicate(Notice, frozen=True, gc=False):
    """An event that is already on disk came again."""

    event_id: str
    source: str


class RequestRejected(Notice, frozen=True, gc=False):
    """A request was refused."""

    source: str
    cause: str
    status: int
    client: str
    kept: bool


class HandshakeAnswered(Notice, frozen=True, gc=False):
    """A provider's handshake was answered by its own rule."""

    source: str
    provider: str


class AttemptMade(Notice, frozen=True, gc=False):
    """An attempt ended. ``state`` is what became of the delivery."""

    delivery_id: str
    event_id: str
    endpoint_id: str
    number: int
    status: int
    error: str
    duration_ms: float
    state: str


class LeaseLost(Notice, frozen=True, gc=False):
    """An attempt ended after its lease had gone to somebody else; it changed nothing."""

    delivery_id: str


class EndpointPaused(Notice, frozen=True, gc=False):
    """The breaker holds an endpoint back."""

    endpoint_id: str
    reason: str


class EndpointResumed(Notice, frozen=True, gc=False):
    """A held-back endpoint answered again."""

    endpoint_id: str


class EndpointDisabled(Notice, frozen=True, gc=False):
    """An endpoint said 410 Gone, or failed for too long: nothing more is sent to it."""

    endpoint_id: str
    reason: str


class RetentionDone(Notice, frozen=True, gc=False):
    """Old rows were removed."""

    events: int
    rejections: int
    keys: int
    payloads: int = 0


class ServiceFailed(Notice, frozen=True, gc=False):
    """A background service met an error; it goes on."""

    service: str
    error: str


class NodeDied(Notice, frozen=True, gc=False):
    """A server gave no sign of life any more; what it had leased is due again, at so many endpoints."""

    node: str
    name: str
    endpoints: int


class NodeLost(Notice, frozen=True, gc=False):
    """This server was declared dead by another one, while it was paused or cut off: it begins anew."""

    node: str


class Started(Notice, frozen=True, gc=False):
    """The server answers."""

    address: str
    database: str


class Stopped(Notice, frozen=True, gc=False):
    """The server is down; ``given_back`` deliveries go to whoever serves next."""

    given_back: int


Notify: TypeAlias = Callable[[Notice], None]
