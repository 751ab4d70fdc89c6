"""Door 1 without HTTP: a request and a source go in, a decision comes out. Pure but for the limits it counts.

The order is the order of cost and of trust: who may speak at all, then whether it speaks the truth, and only
then what it says. Nothing of the body is parsed before its signature was verified.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec

from hookline.core.body import ParsedBody, kind_of
from hookline.core.errors import VerificationError
from hookline.core.model import Event, RateLimit, Request, Response, ReviewReason
from hookline.ingest.limits import Limits
from hookline.ingest.rules import Rules
from hookline.storage.base import Draft

#: The type of an event whose sender does not say one.
UNKNOWN_TYPE = "unknown"


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is refused: a stable ``cause``, words for a person, and the HTTP status."""

    cause: str
    detail: str
    status: int
    retry_after_s: int = 0
    allow: str = ""  #: the methods that are accepted (RFC 9110 §15.5.6)


Decision: TypeAlias = Draft | Response | Refusal


def admit(rules: Rules, limits: Limits | None, request: Request, now_ms: int) -> Refusal | None:
    """Whether the request may speak at all; asked before its body is read. ``request.body`` is empty yet.

    ``limits`` None: it came long ago, and is examined again.
    """
    source = rules.source
    if request.method not in rules.methods:
        allowed = ", ".join(sorted(rules.methods))
        detail = f"{source.name} accepts {allowed}, not {request.method}"
        return Refusal("method_not_allowed", detail, 405, allow=allowed)
    if source.require_https and request.scheme != "https":
        return Refusal("https_required", f"{source.name} accepts only HTTPS", 403)
    if not rules.admits(request.client):
        return Refusal("address_not_allowed", f"{source.name} does not accept requests from this address", 403)
    if limits is not None and source.client_rate_limit is not None:
        wait_ms = limits.take((source.id, request.client), source.client_rate_limit, now_ms)
        if wait_ms:
            return _too_many("this address", source.client_rate_limit, wait_ms)
    length = request.lookup.get(b"content-length")
    if length is not None and length.isdigit() and int(length[:18]) > rules.max_body_bytes:
        return too_large(rules)
    content_type = request.lookup.get(b"content-type")
    if rules.content_types and (content_type is not None or length not in (None, b"0")):
        kind = kind_of(content_type or b"")
        if kind not in rules.content_types:
            accepted = ", ".join(sorted(rules.content_types))
            return Refusal("unsupported_content_type", f"{source.name} accepts {accepted} bodies, not {kind}", 415)
    return None


def too_large(rules: Rules) -> Refusal:
    """The refusal of a body that is larger than the source allows."""
    limit = rules.max_body_bytes
    return Refusal("body_too_large", f"{rules.source.name} accepts at most {limit} bytes (`max_body`)", 413)


def examine(
    rules: Rules,
    limits: Limits | None,
    request: Request,
    event_id: str,
    now_ms: int,
    certificate: bytes | None = None,
) -> Decision:
    """Whether the request speaks the truth, and what it says.

    Returns a Draft to be stored, the Response that a handshake asks for, or a Refusal. ``limits`` None: it
    came long ago, and is examined again. ``certificate`` is the key that was fetched for it, if it needs one.
    """
    source, provider = rules.source, rules.provider
    now_s = now_ms / 1000
    try:
        answer = provider.handshake(request, source.secrets, now_s, source.tolerance_s, certificate)
        if answer is not None:
            return answer
        verified = provider.verify(request, source.secrets, now_s, source.tolerance_s, certificate)
    except VerificationError as error:
        return refused(error)
    # Only genuine requests count against the source: a stranger must not be able to use its limit up.
    if limits is not None and source.rate_limit is not None:
        wait_ms = limits.take((source.id, ""), source.rate_limit, now_ms)
        if wait_ms:
            return _too_many(source.name, source.rate_limit, wait_ms)
    parsed = ParsedBody(kind_of(request.lookup.get(b"content-type", b"")), request.body)
    identity = provider.identify(request, parsed)
    event_type = identity.event_type or UNKNOWN_TYPE
    reason, detail = _review(rules, event_type, parsed)
    if reason is ReviewReason.SCHEMA_MISMATCH and source.on_schema_mismatch == "refuse":
        return Refusal("schema_mismatch", f"the body of {event_type} does not match its schema {detail}", 422)
    # What a GET says stands in its query.
    body_hash = hashlib.sha256(request.body or b"?" + request.query).digest()[:16]
    key = rules.key(request, parsed, identity.event_id, body_hash)
    return Draft(
        event=Event(
            id=event_id,
            org_id=source.org_id,
            source_id=source.id,
            type=event_type,
            received_at_ms=now_ms,
            status="",
            request=request,
            provider_event_id=identity.event_id,
            verification=verified.level,
            review_reason=reason or "",
            review_detail=detail,
        ),
        key=key,
        guard=rules.guard(key, body_hash, verified.level),
        body_hash=body_hash,
        expires_at_ms=None if rules.window_ms is None else now_ms + rules.window_ms,
        review_conflicts=source.dedupe.on_conflict == "review",
        refuse_replays=source.dedupe.replay_guard == "refuse",
    )


def refused(error: VerificationError) -> Refusal:
    """What the sender is told: a key that could not be fetched is our trouble, and it shall try again."""
    if error.cause == "key_unavailable":
        return Refusal("key_unavailable", error.message, 503, retry_after_s=30)
    return Refusal(error.cause, error.message, 401)


def _review(rules: Rules, event_type: str, parsed: ParsedBody) -> tuple[ReviewReason | None, str]:
    """Why a person must look before the event is delivered."""
    if parsed.malformed:
        return ReviewReason.MALFORMED_BODY, parsed.malformed
    if not rules.knows(event_type):
        return ReviewReason.UNKNOWN_TYPE, f"{event_type} is not among the source's event_types"
    mismatch = rules.mismatch(event_type, parsed)
    return (ReviewReason.SCHEMA_MISMATCH, mismatch) if mismatch else (None, "")


def _too_many(who: str, limit: RateLimit, wait_ms: int) -> Refusal:
    detail = f"{who} may send {limit.count} requests per {limit.per_s:g} seconds"
    return Refusal("rate_limited", detail, 429, retry_after_s=-(-wait_ms // 1000))
