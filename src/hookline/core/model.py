"""The nouns. Everything else in Hookline is said in these words (see docs/glossary.md).

This file imports nothing of Hookline, does nothing, and knows neither databases nor HTTP libraries.
Times are integers of UTC milliseconds and end in ``_ms``; durations in seconds end in ``_s``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

#: Header lines in the order and with the bytes they came with; a name may occur several times.
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

#: The tenant of everything that no other organisation was named for.
DEFAULT_ORG = "org_default"


class EventStatus(StrEnum):
    """What people see of an event."""

    PENDING = "pending"  #: stored; no attempt has been made yet
    PROCESSING = "processing"  #: attempted at least once; at least one delivery is still owed
    PROCESSED = "processed"  #: every delivery succeeded
    FAILED = "failed"  #: nothing is owed any more and at least one delivery is dead
    IGNORED = "ignored"  #: no endpoint wanted it
    NEEDS_REVIEW = "needs_review"  #: a person must look before anything is delivered


class SourceKind(StrEnum):
    """What kind of sender a source stands for."""

    PROVIDER = "provider"  #: its webhooks arrive at ``/webhooks/{source}``
    APPLICATION = "application"  #: one customer of your own product, published for through the API
    OPERATIONAL = "operational"  #: Hookline itself, telling an organisation about its endpoints and messages


#: In ``allow_ips``: the addresses that the source's provider publishes.
PUBLISHED_ADDRESSES = "published"


class ReviewReason(StrEnum):
    """Why an event waits for a person."""

    SCHEMA_MISMATCH = "schema_mismatch"
    UNKNOWN_TYPE = "unknown_type"
    MALFORMED_BODY = "malformed_body"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"  #: a known id came again with another body
    POSSIBLE_REPLAY = "possible_replay"  #: a known signed body came again under another, unsigned id


class EndpointState(StrEnum):
    """Whether an endpoint is sent to, and who decided otherwise."""

    ACTIVE = "active"
    PAUSED = "paused"  #: by a person: deliveries are kept and wait
    FAILING = "failing"  #: by the breaker: deliveries wait, one at a time probes
    DISABLED = "disabled"  #: by a person or a 410: nothing new is routed to it


class Verification(StrEnum):
    """How far the sender of an event was proven."""

    VERIFIED = "verified"  #: a signature over the body matched
    AUTHENTICATED = "authenticated"  #: the sender proved itself, the body is not covered
    UNVERIFIED = "unverified"  #: the source asks for no proof


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request as it came.

    ``headers`` are exactly as received; ``lookup`` maps lower-case names to the last value.
    ``client`` is the address of the sender after trusted proxies were taken away. ``url`` is the whole address as
    the sender called it, where it is known; else it is put together from the other parts (`full_url`).
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    lookup: dict[bytes, bytes]
    body: bytes
    client: str = ""
    scheme: str = "http"
    url: str = ""


def door_path(org_id: str, name: str, source_id: str) -> str:
    """The path at which the webhooks of a source arrive: names are unique only within an organisation."""
    return f"/webhooks/{name if org_id == DEFAULT_ORG else source_id}"


def full_url(request: Request) -> str:
    """The address that the sender called, as far as the request tells: scheme, Host header, path and query."""
    if request.url:
        return request.url
    host = request.lookup.get(b"host", b"").decode("latin-1")
    query = f"?{request.query.decode('latin-1')}" if request.query else ""
    return f"{request.scheme}://{host}{request.path}{query}"


def with_body(request: Request, body: bytes) -> Request:
    """The request with this body."""
    return Request(
        request.method,
        request.path,
        request.query,
        request.headers,
        request.lookup,
        body,
        request.client,
        request.scheme,
        request.url,
    )


def with_url(request: Request, base: str) -> Request:
    """The request as it was sent to ``base``, an address without a query; it keeps its own."""
    query = f"?{request.query.decode('latin-1')}" if request.query else ""
    return Request(
        request.method,
        request.path,
        request.query,
        request.headers,
        request.lookup,
        request.body,
        request.client,
        request.scheme,
        base + query,
    )


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer that a rule (a handshake, a refusal) asks the door to give."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    #: A secret that the request gave us, to be kept for the source.
    learned: str = field(default="", repr=False)
    #: An address of the provider that must be called to finish the handshake.
    visit: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``count`` in any window of ``per_s`` seconds on average, bursts up to ``count``."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again.

    ``schedule_s[i]`` is the wait after attempt ``i + 1``; when it is used up the delivery is dead.
    ``jitter`` is the share by which each wait is spread, 0.1 meaning plus or minus ten percent.
    """

    #: Immediately, then over 27.5 hours: the schedule that Svix and Standard Webhooks made customary.
    schedule_s: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 36000)
    jitter: float = 0.1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events of a source go."""

    id: str
    org_id: str
    source_id: str
    name: str
    url: str
    events: tuple[str, ...] = ("*",)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    retry: RetryPolicy = RetryPolicy()
    connect_timeout_s: float = 5.0
    timeout_s: float = 15.0
    concurrency: int = 10
    rate_limit: RateLimit | None = None
    #: How many failures in a row make the breaker hold an endpoint back; 0 means never.
    pause_after_failures: int = 20
    state: EndpointState = EndpointState.ACTIVE
    state_reason: str = ""
    uid: str = ""  #: the id that its owner gave it
    #: Only events of one of these channels are sent; empty means all events.
    channels: tuple[str, ...] = ()
    #: Strictly in the order of publishing: one at a time, and a failing one holds the others back.
    fifo: bool = False
    #: Secrets that were rotated away, each with the UTC millisecond until which it still signs.
    old_secrets: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    #: When it first failed after its last success; 0 when it does not fail.
    failing_since_ms: int = 0
    #: After failing for so long it is disabled when one more delivery dies; None means never.
    disable_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Dedupe:
    """How two requests are known to carry the same event.

    ``by`` is ``provider`` (the event id the provider documents), ``header``, ``body`` (a JSON pointer),
    ``content`` (the hash of the body) or ``none``. ``window_s`` None means what the server's settings say.
    """

    by: str = "provider"
    name: str = ""
    window_s: float | None = None
    #: What a known key with another body means: ``ignore`` (a duplicate) or ``review``.
    on_conflict: str = "ignore"
    #: What a known body under another *unsigned* id means: ``review``, ``refuse`` or ``off``.
    replay_guard: str = "review"


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from, and every rule that its door applies."""

    id: str
    org_id: str
    name: str
    provider: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    #: For ``provider: generic`` the scheme as people wrote it, for others the options of the provider.
    signature: dict[str, Any] | None = field(default=None, repr=False)
    enabled: bool = True
    tolerance_s: float | None = None  #: None: what the provider documents
    methods: tuple[str, ...] = ()  #: empty: what the provider documents
    content_types: tuple[str, ...] = ()  #: of json, form, xml, text, any; empty: what the provider documents
    max_body_bytes: int = 1_048_576
    require_https: bool = False
    allow_ips: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    client_rate_limit: RateLimit | None = None
    dedupe: Dedupe = Dedupe()
    #: JSON Schema documents by event-type pattern.
    schemas: tuple[tuple[str, dict[str, Any]], ...] = ()
    on_schema_mismatch: str = "review"  #: ``review`` or ``refuse``
    #: Event types this source is expected to send; empty means any.
    known_types: tuple[str, ...] = ()
    retention_s: float | None = None
    kind: SourceKind = SourceKind.PROVIDER
    uid: str = ""  #: the id that its owner gave it
    #: How many tries may begin in a time, over all endpoints together.
    delivery_rate: RateLimit | None = None
    #: How the names of our signature's headers begin: ``webhook``, ``svix``, or both.
    signature_headers: tuple[str, ...] = ("webhook",)
    #: Whether a new endpoint has to prove that its owner controls it.
    challenge_endpoints: bool = False
    #: Whether a message must have a known event type and match its schema; None means what the settings say.
    enforce_schemas: bool | None = None


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of message that the applications of an organisation may be sent."""

    org_id: str
    name: str
    description: str = ""
    archived: bool = False
    deprecated: bool = False
    #: Customers see it only when their portal token names this flag; empty means everybody does.
    feature_flag: str = ""
    #: JSON Schema documents by version, as in ``{"1": {…}}``; None when there are none.
    schemas: dict[str, Any] | None = None
    created_at_ms: int = 0
    updated_at_ms: int = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened, as it is stored."""

    id: str
    org_id: str
    source_id: str
    type: str
    received_at_ms: int
    status: str
    request: Request
    provider_event_id: str = ""
    verification: str = Verification.UNVERIFIED
    review_reason: str = ""
    review_detail: str = ""
    duplicates: int = 0
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One event owed to one endpoint, as people see it."""

    id: str
    event_id: str
    endpoint_id: str
    state: str
    attempts: int  #: how many were made, ever
    failures: int  #: how many failed since it was last owed anew; the retry schedule counts these
    due_at_ms: int
    created_at_ms: int
    finished_at_ms: int = 0
    reason: str = ""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One try of one delivery.

    ``status`` is the HTTP status or 0 when none came; then ``error`` says why, by a stable code
    (``connect_timeout``, ``timeout``, ``blocked_address``, …) and ``detail`` in words.
    """

    delivery_id: str
    number: int
    started_at_ms: int
    duration_ms: float
    status: int = 0
    error: str = ""
    detail: str = ""
    response_headers: Headers = ()
    response_body: bytes = b""
    address: str = ""  #: the vetted address that was connected to
    manual: bool = False  #: a person asked for it (a replay, a resend)


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A request that was refused, with its cause, kept for a bounded time."""

    id: str
    org_id: str
    source_name: str
    received_at_ms: int
    cause: str
    detail: str
    status: int
    request: Request
    #: Set when the configuration was mended and the request became this event.
    event_id: str = ""
    #: False when the body was too large to keep; such a rejection cannot be accepted later.
    complete: bool = True


class Work(msgspec.Struct, frozen=True, gc=False):
    """A delivery that this process holds a lease on, with all that is needed to send it."""

    delivery_id: str
    event_id: str
    event_type: str
    endpoint_id: str
    attempts: int  #: made before this one
    failures: int  #: since it was last owed anew
    lease: str
    lease_until_ms: int
    headers: Headers
    body: bytes
    manual: bool = False  #: a person asked for it (a replay, a resend)


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a leased delivery after an attempt. Fenced: it names the lease it holds."""

    delivery_id: str
    event_id: str
    endpoint_id: str
    lease: str
    state: str
    failures: int
    due_at_ms: int
    attempt: Attempt | None  #: None: given back without having been tried
    reason: str = ""
