"""Nouns as the JSON that people see: what the API answers and what ``--json`` prints.

Times are ISO 8601 in UTC with milliseconds and end in ``_at``, null where there is none. Bodies are
``body_text`` where they are UTF-8, else ``body_base64``, with ``body_size_bytes``. Headers are lists of
``[name, value]`` in the order they came in. No secret is in any of it: see ``confidential.py``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, TypeAlias

from hookline.api import confidential
from hookline.config.endpoint_spec import HIDDEN
from hookline.core import ids, rfc3339
from hookline.core.model import (
    Attempt,
    Delivery,
    Endpoint,
    Event,
    Headers,
    Rejection,
    Request,
    Source,
    Work,
    door_path,
)
from hookline.core.providers import registry
from hookline.core.signature import Signer
from hookline.core.state import DeliveryState
from hookline.delivery.attempt import outgoing_headers
from hookline.storage.base import EventFilter, Receipt
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from hookline.storage.events import Story
from hookline.storage.replays import Count, Replay
from hookline.storage.routing import Routing

Json: TypeAlias = dict[str, Any]

#: More of a body than this is not put into JSON; the whole is at ``/api/v1/events/{id}/body``.
SHOWN_BODY_BYTES = 262_144

#: Signs in place of the endpoint's own secrets when a request is shown: the signature is struck out anyway.
_STAND_IN = ("whsec_" + "A" * 32,)


def time(at_ms: int) -> str | None:
    """``2026-01-01T00:00:00.000Z``; None for 0, which means that it has not happened."""
    return rfc3339.text(at_ms) if at_ms else None


def event(one: Event, routing: Routing | None = None) -> Json:
    """An event without its request, as lists show it. ``source`` is a name, null when the source is gone."""
    source = routing.sources.get(one.source_id) if routing is not None else None
    return {
        "id": one.id,
        "type": one.type,
        "status": one.status,
        "source": source.name if source is not None else None,
        "source_id": one.source_id,
        "received_at": time(one.received_at_ms),
        "provider_event_id": one.provider_event_id or None,
        "verification": one.verification,
        "review_reason": one.review_reason or None,
        "review_detail": one.review_detail or None,
        "duplicates": one.duplicates,
    }


def story(whole: Story, routing: Routing) -> Json:
    """An event with its request, and its deliveries with every attempt."""
    source = routing.sources.get(whole.event.source_id)
    return {
        **event(whole.event, routing),
        "request": request(whole.event.request, source),
        "deliveries": [delivery_story(one, whole, routing) for one in whole.deliveries],
    }


def request(one: Request, source: Source | None = None) -> Json:
    """A request as it came, credentials and signatures struck out."""
    return {
        "method": one.method,
        "path": one.path,
        "query": confidential.query(one.query, source),
        "scheme": one.scheme,
        "client": one.client or None,
        "headers": confidential.headers(one.headers, source),
        **body("body", one.body),
    }


def body(name: str, raw: bytes) -> Json:
    """``{name}_text`` or ``{name}_base64``, the size, and whether this is only the first part."""
    shown = raw[:SHOWN_BODY_BYTES]
    cut = len(shown) < len(raw)
    written = _utf8(shown, cut)
    key, value = (f"{name}_text", written) if written is not None else (f"{name}_base64", b64encode(shown).decode())
    return {key: value, f"{name}_size_bytes": len(raw), f"{name}_truncated": cut}


def _utf8(raw: bytes, cut: bool) -> str | None:
    """The text; when ``raw`` was ``cut``, without the character that the cut may have gone through."""
    for dropped in range(4 if cut else 1):
        try:
            return raw[: len(raw) - dropped].decode()
        except UnicodeDecodeError:
            continue
    return None


def delivery(one: Delivery, routing: Routing | None = None) -> Json:
    """A delivery without its attempts. ``endpoint`` is a name, null when the endpoint is gone."""
    endpoint = routing.endpoints.get(one.endpoint_id) if routing is not None else None
    return {
        "id": one.id,
        "event_id": one.event_id,
        "endpoint": endpoint.name if endpoint is not None else None,
        "endpoint_id": one.endpoint_id,
        "state": one.state,
        "reason": one.reason or None,
        "attempt_count": one.attempts,
        "failures": one.failures,
        "next_try_at": time(one.due_at_ms) if one.state == DeliveryState.WAITING else None,
        "created_at": time(one.created_at_ms),
        "finished_at": time(one.finished_at_ms),
    }


def delivery_story(one: Delivery, whole: Story, routing: Routing) -> Json:
    """A delivery with every attempt and the headers that each of them carried."""
    endpoint = routing.endpoints.get(one.endpoint_id)
    source = routing.sources.get(whole.event.source_id)
    attempts = [
        {**attempt(made), "request_headers": _sent(whole.event, made, endpoint, source)}
        for made in whole.attempts
        if made.delivery_id == one.id
    ]
    return {**delivery(one, routing), "attempts": attempts}


def attempt(one: Attempt) -> Json:
    """One try, with the response's headers and the first part of its body."""
    return {
        "id": ids.attempt(one.delivery_id, one.number),
        "number": one.number,
        "started_at": time(one.started_at_ms),
        "duration_ms": one.duration_ms,
        "status": one.status or None,
        "error": one.error or None,
        "detail": one.detail or None,
        "address": one.address or None,
        "response_headers": confidential.headers(one.response_headers),
        **body("response_body", one.response_body),
    }


def _sent(what: Event, made: Attempt, endpoint: Endpoint | None, source: Source | None) -> list[list[str]] | None:
    """The headers of a request, by the endpoint's present configuration; None when it has none any more."""
    if endpoint is None or not what.request.method:
        return None
    work = Work(
        delivery_id=made.delivery_id,
        event_id=what.id,
        event_type=what.type,
        endpoint_id=endpoint.id,
        attempts=made.number - 1,
        failures=0,
        lease="",
        lease_until_ms=0,
        headers=what.request.headers,
        body=b"",
    )
    stay_here = registry.for_source(source).secret_headers if source is not None else frozenset()
    signer = Signer(_STAND_IN, spellings=source.signature_headers if source is not None else ("webhook",))
    lines: Headers = outgoing_headers(work, endpoint, signer, stay_here, made.started_at_ms)
    return confidential.headers(lines, source)


def rejection(one: Rejection, routing: Routing | None = None, *, full: bool = False) -> Json:
    """A refused request: its cause, and when ``full`` what came."""
    shown: Json = {
        "id": one.id,
        "source": one.source_name,
        "received_at": time(one.received_at_ms),
        "cause": one.cause,
        "detail": one.detail,
        "status": one.status,
        "method": one.request.method,
        "path": one.request.path,
        "client": one.request.client or None,
        "acceptable": one.complete and not one.event_id,
        "event_id": one.event_id or None,
    }
    if full:
        source = routing.source(one.org_id, one.source_name) if routing is not None else None
        shown["request"] = request(one.request, source)
    return shown


def receipt(one: Receipt) -> Json:
    """What became of a request that was examined again."""
    return {
        "event_id": one.event_id,
        "status": one.status,
        "duplicate": one.duplicate,
        "deliveries": one.deliveries,
    }


def replay(one: Replay) -> Json:
    """A replay of many events and how far it is."""
    return {
        "id": one.id,
        "state": one.state,
        "filter": event_filter(one.filter),
        "total": one.total,
        "seen": one.seen,
        "replayed": one.replayed,
        "created_at": time(one.created_at_ms),
        "finished_at": time(one.finished_at_ms),
    }


def event_filter(where: EventFilter) -> Json:
    """What a filter restricts, and nothing else."""
    restricts = {
        "source_id": where.source_id,
        "endpoint_id": where.endpoint_id,
        "status": where.status,
        "type": where.type,
        "provider_event_id": where.provider_event_id,
        "since": time(where.since_ms),
        "until": time(where.until_ms),
    }
    return {name: value for name, value in restricts.items() if value}


def count(one: Count) -> Json:
    """What a replay would do: the answer of a dry run."""
    return {
        "dry_run": True,
        "events": one.events,
        "oldest_at": time(one.oldest_ms),
        "newest_at": time(one.newest_ms),
    }


def source(one: StoredSource, endpoints: Iterable[StoredEndpoint] | None = None) -> Json:
    """A source, with its ``endpoints`` when they are given. Each of its secrets is shown as ``(hidden)``."""
    spec = one.spec.public()
    del spec["endpoints"]
    shown = {
        "id": one.id,
        **spec,
        "secrets": [HIDDEN] * len(one.secrets),
        "address": address(one),
        "managed_by": one.managed_by,
        "created_at": time(one.created_at_ms),
        "updated_at": time(one.updated_at_ms),
    }
    if endpoints is not None:
        shown["endpoints"] = [endpoint(each) for each in endpoints]
    return shown


def address(one: StoredSource) -> str:
    """The path at which the webhooks of a source arrive."""
    return door_path(one.org_id, one.spec.name, one.id)


def endpoint(one: StoredEndpoint) -> Json:
    """An endpoint. Its secrets and the values of confidential headers are shown as ``(hidden)``."""
    built = one.build()
    return {
        "id": one.id,
        "source_id": one.source_id,
        **one.spec.public(),
        "secrets": [HIDDEN] * len(one.secrets),
        "state": built.state,
        "state_reason": built.state_reason or None,
        "state_since": time(one.state_since_ms),
        "managed_by": one.managed_by,
        "created_at": time(one.created_at_ms),
        "updated_at": time(one.updated_at_ms),
    }
