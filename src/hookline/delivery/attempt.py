"""One attempt, purely: what is sent, and what becomes of the delivery when the outcome is known."""

from __future__ import annotations

from hookline.core.headers import forwardable
from hookline.core.model import Attempt, Endpoint, Headers, Settlement, Source, Work
from hookline.core.retry import next_wait_s, parse_retry_after
from hookline.core.signature import Signer
from hookline.core.state import DeliveryState, Move, after
from hookline.delivery.outcome import Outcome

#: Reasons a delivery is dead.
EXHAUSTED = "exhausted"
GONE = "gone"

#: Later than any time.
NEVER_MS = 1 << 62


def signer_of(endpoint: Endpoint, source: Source | None, now_ms: int) -> tuple[Signer, int]:
    """What signs for an endpoint, and until when: secrets that were rotated away sign until their time."""
    old = [(secret, until_ms) for secret, until_ms in endpoint.old_secrets if until_ms > now_ms]
    secrets = (*endpoint.secrets, *(secret for secret, _ in old))
    spellings = source.signature_headers if source is not None else ("webhook",)
    return Signer(secrets, spellings=spellings), min((until_ms for _, until_ms in old), default=NEVER_MS)


def outgoing_headers(
    work: Work, endpoint: Endpoint, signer: Signer, sender_secrets: frozenset[bytes], now_ms: int
) -> Headers:
    """The event's own headers, then the endpoint's, then our signature, with a fresh timestamp."""
    return signed_headers(forwardable(work.headers, sender_secrets), endpoint, signer, work.event_id, work.body, now_ms)


def signed_headers(
    original: Headers, endpoint: Endpoint, signer: Signer, event_id: str, body: bytes, now_ms: int
) -> Headers:
    """``original`` with the endpoint's headers in the place of those of the same name, and our signature."""
    if endpoint.headers:
        extra = tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in endpoint.headers)
        replaced = {name.lower() for name, _ in extra}
        original = tuple((name, value) for name, value in original if name.lower() not in replaced) + extra
    return original + signer.headers(event_id, now_ms // 1000, body)


def succeeded(outcome: Outcome) -> bool:
    """2xx is success; everything else is not (Standard Webhooks, *Responses*)."""
    return 200 <= outcome.status < 300


def retry_after_s(outcome: Outcome, now_ms: int) -> float | None:
    """How long a 429 or 503 asks us to wait (RFC 9110 §10.2.3)."""
    if outcome.status not in (429, 503):
        return None
    for name, value in outcome.headers:
        if name.lower() == b"retry-after":
            return parse_retry_after(value, now_ms / 1000)
    return None


def settle(work: Work, endpoint: Endpoint, outcome: Outcome, started_ms: int, now_ms: int, dice: float) -> Settlement:
    """What becomes of the delivery. ``dice`` in [0, 1) spreads the wait."""
    attempt = Attempt(
        delivery_id=work.delivery_id,
        number=work.attempts + 1,
        started_at_ms=started_ms,
        duration_ms=round(outcome.duration_ms, 3),
        status=outcome.status,
        error=outcome.error,
        detail=outcome.detail,
        response_headers=outcome.headers,
        response_body=outcome.body,
        address=outcome.address,
        manual=work.manual,
    )
    if succeeded(outcome):
        return _settlement(work, Move.DELIVER, work.failures, now_ms, attempt, "")
    failures = work.failures + 1
    if outcome.status == 410:
        return _settlement(work, Move.EXHAUST, failures, now_ms, attempt, GONE)
    wait_s = next_wait_s(endpoint.retry, failures, dice, retry_after_s(outcome, now_ms))
    if wait_s is None:
        return _settlement(work, Move.EXHAUST, failures, now_ms, attempt, EXHAUSTED)
    reason = outcome.error or f"http_{outcome.status}"
    return _settlement(work, Move.RETRY, failures, now_ms + round(wait_s * 1000), attempt, reason)


def give_back(work: Work, due_at_ms: int) -> Settlement:
    """The lease ends without an attempt: due again at that time, for anybody."""
    return _settlement(work, Move.GIVE_BACK, work.failures, due_at_ms, None, "")


def _settlement(work: Work, move: Move, failures: int, at_ms: int, attempt: Attempt | None, reason: str) -> Settlement:
    return Settlement(
        delivery_id=work.delivery_id,
        event_id=work.event_id,
        endpoint_id=work.endpoint_id,
        lease=work.lease,
        state=after(DeliveryState.LEASED, move),
        failures=failures,
        due_at_ms=at_ms,
        attempt=attempt,
        reason=reason,
    )
