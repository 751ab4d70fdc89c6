"""Door 1 over HTTP: ``ANY /webhooks/{source}``, bare ASGI because every microsecond here is paid per event.

A 2xx is written only after the store said that the event is on disk.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import msgspec

from hookline.core import fault, ids
from hookline.core.clock import Clock
from hookline.core.errors import NotFound, StoreError, VerificationError
from hookline.core.model import DEFAULT_ORG, Rejection, Request, Response, Source, with_body
from hookline.core.notice import (
    EventAccepted,
    EventDuplicate,
    HandshakeAnswered,
    Notify,
    RequestRejected,
    ServiceFailed,
)
from hookline.ingest.body import BodyReader, ClientGone, Receive, Scope, TooMuchUnderWay
from hookline.ingest.client import Network, locator
from hookline.ingest.freshness import Freshness
from hookline.ingest.keys import Fetch, Keys, no_keys
from hookline.ingest.limits import Limits
from hookline.ingest.protocol import Answer as Respond
from hookline.ingest.receiver import Decision, Refusal, admit, examine, refused, too_large
from hookline.ingest.rules import NO_RANGES, Ranges, Rules, RulesTable
from hookline.mint import Mint
from hookline.storage.base import Draft, Receipt
from hookline.storage.store import Store

#: Keeps a secret that a handshake brought for a source.
Learn: TypeAlias = Callable[[Source, str], Awaitable[None]]

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Status, header lines and body.
Answer: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]

PREFIX = "/webhooks/"

#: Beyond this many waiting writes, refusals are counted but no longer kept: a flood of forged requests
#: must not hold up genuine ones.
MOST_WAITING_FOR_REJECTIONS = 1_000

#: Bytes of refused bodies that are written before the oldest are looked after.
MOST_REJECTED_BYTES = 16 * 1024 * 1024

#: Larger bodies of refused requests are not kept: a stranger must not be able to fill the disk. GitHub's
#: largest documented example has 30 KB.
LARGEST_KEPT_BODY = 262_144

_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")


class Door:
    """The ASGI application behind ``/webhooks/``."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notify: Notify,
        *,
        trusted_proxies: Iterable[Network] = (),
        body_timeout_s: float = 10.0,
        dedupe_window_s: float = math.inf,
        max_body_bytes: int = 26_214_400,
        rejections_max: int = 10_000,
        mint: Mint | None = None,
        public_url: str = "",
        published: Ranges = NO_RANGES,
        fetch: Fetch = no_keys,
        learn: Learn | None = None,
    ) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self._locate = locator(trusted_proxies)
        self._bodies = BodyReader(body_timeout_s)
        self._body_timeout_s = body_timeout_s
        self._rules = RulesTable(dedupe_window_s, max_body_bytes, public_url, published)
        self._keys = Keys(fetch, clock)
        self._learn = learn
        self._limits = Limits()
        self._freshness = Freshness(store, clock)
        self._mint = mint or Mint()
        self._rejections_max = rejections_max
        self._rejections_since_trim = self._rejected_bytes_since_trim = 0

    def take(self, request: Request, respond: Respond) -> bool:
        """Accept a whole request, when all it has to wait for is its commit; False: ask `__call__` instead.

        The most common case of what `__call__` does, without a task.
        """
        source = self._store.routing.at_door(request.path[len(PREFIX) :])
        if source is None or not source.enabled:
            return False
        rules = self._rules.of(source)
        if not rules.at_once or len(request.body) > rules.max_body_bytes:
            return False
        now_ms = self._clock.now_ms()
        client, scheme = self._locate(request.client, request.lookup, request.scheme)
        if (client, scheme) != (request.client, request.scheme):
            request = msgspec.structs.replace(request, client=client, scheme=scheme)
        if admit(rules, None, request, now_ms) is not None:
            return False
        decision = examine(rules, None, request, self._mint.make(ids.EVENT, now_ms), now_ms)
        if not isinstance(decision, Draft):
            return False

        def done(receipt: Receipt | None, error: BaseException | None) -> None:
            try:
                if receipt is None:
                    assert error is not None
                    raise error
                answer = self._acknowledge(rules, decision, receipt)
            except StoreError as refused:
                answer = _unavailable(refused)
            except Exception as unforeseen:  # who waits for an answer gets one, and sends it again
                answer = _at_fault()
                self._notify(ServiceFailed("door", fault.described(unforeseen)))
            respond(*answer)

        self._store.events.take(decision, done)
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, headers, body = await self._answer(scope, receive)
        except ClientGone:
            return
        if status != 204:  # RFC 9110 §8.6
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        now_ms = self._clock.now_ms()
        request = self._request(scope)
        name = scope["path"][len(PREFIX) :]
        try:
            source = self._store.routing.at_door(name) or await self._newer(name, None)
        except StoreError as error:
            return _unavailable(error)
        if source is None or not source.enabled:
            unknown = Refusal("unknown_source", "there is no source at this address", 404)
            body, _ = await self._read(scope, receive, unknown, LARGEST_KEPT_BODY)
            return await self._refuse(name, DEFAULT_ORG, request, body, unknown, now_ms)
        rules = self._rules.of(source)
        refusal = admit(rules, self._limits, request, now_ms)
        body, refusal = await self._read(scope, receive, refusal, rules.max_body_bytes)
        if refusal is None and body is None:
            refusal = too_large(rules)
        if refusal is not None or body is None:
            assert refusal is not None
            return await self._refuse(source.name, source.org_id, request, body, refusal, now_ms)
        event_id = self._mint.make(ids.EVENT, now_ms)
        request = with_body(request, body)
        decision = await self._decide(rules, self._limits, request, event_id, now_ms)
        try:
            if isinstance(decision, Refusal) and (newer := await self._newer(name, source)) is not None:
                rules = self._rules.of(newer)
                decision = await self._decide(rules, self._limits, request, event_id, now_ms)
            return await self._carry_out(rules, decision, request, now_ms)
        except StoreError as error:
            return _unavailable(error)

    async def _decide(
        self, rules: Rules, limits: Limits | None, request: Request, event_id: str, now_ms: int
    ) -> Decision:
        """What `examine` says; where a provider publishes its keys, after the one that is wanted was fetched."""
        if not rules.fetches_keys:
            return examine(rules, limits, request, event_id, now_ms)
        wanted = rules.provider, request, rules.source.secrets
        try:
            certificate = await self._keys.wanted_by(*wanted)
            decision = examine(rules, limits, request, event_id, now_ms, certificate)
            if certificate is None or not isinstance(decision, Refusal) or decision.status not in (401, 503):
                return decision
            newer = await self._keys.wanted_by(*wanted, doubted=True)
        except VerificationError as error:
            return refused(error)
        return decision if newer == certificate else examine(rules, limits, request, event_id, now_ms, newer)

    async def _newer(self, name: str, known: Source | None) -> Source | None:
        """The source, if another server has changed it since we learned of it."""
        await self._freshness.look()
        found = self._store.routing.at_door(name)
        return found if found is not known else None

    async def _read(
        self, scope: Scope, receive: Receive, refusal: Refusal | None, limit: int
    ) -> tuple[bytes | None, Refusal | None]:
        """The body, also of a request that is refused already: the configuration may be mended later.

        None when it is larger than ``limit``, known to be, or did not come in time.
        """
        if refusal is not None and refusal.status == 413:
            return None, refusal
        try:
            return await self._bodies.read(scope, receive, limit), refusal
        except TimeoutError:
            late = Refusal("body_timeout", f"the body did not come within {self._body_timeout_s:g} s", 408)
            return None, refusal or late
        except TooMuchUnderWay:
            busy = Refusal("too_busy", "too many bodies are coming in at once; send it again", 503, retry_after_s=1)
            return None, refusal or busy

    async def _carry_out(self, rules: Rules, decision: Decision, request: Request, now_ms: int) -> Answer:
        source = rules.source
        if isinstance(decision, Refusal):
            answer = await self._refuse(source.name, source.org_id, request, request.body, decision, now_ms)
            return (decision.status, [], b"") if rules.provider.bare_refusals else answer
        if isinstance(decision, Response):
            return await self._shake_hands(rules, decision)
        receipt = await self._store.events.accept(decision)
        if receipt.replay:
            refusal = Refusal("replayed", f"this body came before as {receipt.event_id}, under another id", 409)
            return await self._refuse(source.name, source.org_id, request, request.body, refusal, now_ms)
        return self._acknowledge(rules, decision, receipt)

    def _acknowledge(self, rules: Rules, draft: Draft, receipt: Receipt) -> Answer:
        self._tell(rules.source.name, draft, receipt)
        reply = rules.provider.reply
        return _written(reply) if reply is not None else (200, [_JSON], _receipt_body(receipt))

    async def _shake_hands(self, rules: Rules, response: Response) -> Answer:
        """Answer a handshake, after what it asks for was done."""
        source = rules.source
        if response.visit and not await self._keys.visit(response.visit):
            return _refused(Refusal("visit_failed", "the address that confirms this did not answer", 503, 30))
        if response.learned and not source.secrets and self._learn is not None:
            await self._learn(source, response.learned)  # only the first: a stranger must not replace it
        self._notify(HandshakeAnswered(source.name, rules.provider.slug))
        return _written(response)

    def _tell(self, source: str, draft: Draft, receipt: Receipt) -> None:
        if receipt.duplicate:
            self._notify(EventDuplicate(receipt.event_id, source))
        else:
            self._notify(EventAccepted(receipt.event_id, source, draft.event.type, receipt.status, receipt.deliveries))

    def _request(self, scope: Scope) -> Request:
        """The request without its body. Names keep the case they came with when the server hands it on."""
        lookup = scope.get("hookline.lookup") or dict(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        client, scheme = self._locate(peer, lookup, scope["scheme"])
        raw_path = scope.get("raw_path")
        return Request(
            method=scope["method"],
            path=raw_path.decode("latin-1") if raw_path else scope["path"],
            query=scope["query_string"],
            headers=tuple(scope.get("hookline.wire_headers") or scope["headers"]),
            lookup=lookup,
            body=b"",
            client=client,
            scheme=scheme,
        )

    async def _refuse(
        self, source_name: str, org_id: str, request: Request, body: bytes | None, refusal: Refusal, now_ms: int
    ) -> Answer:
        """Keep the refused request with its cause, and answer it. ``body`` None: there is none to keep."""
        name = source_name[:100]
        complete = body is not None and len(body) <= LARGEST_KEPT_BODY
        kept = self._store.database.waiting < MOST_WAITING_FOR_REJECTIONS
        if kept:
            rejection = Rejection(
                id=self._mint.make(ids.REJECTION, now_ms),
                org_id=org_id,
                source_name=name,
                received_at_ms=now_ms,
                cause=refusal.cause,
                detail=refusal.detail,
                status=refusal.status,
                request=with_body(request, body) if complete and body is not None else with_body(request, b""),
                complete=complete,
            )
            try:
                await self._store.rejections.add(rejection)
                await self._bound_rejections(len(rejection.request.body))
            except StoreError:
                kept = False
        self._notify(RequestRejected(name, refusal.cause, refusal.status, request.client, kept))
        return _refused(refusal)

    async def _bound_rejections(self, size: int) -> None:
        """Housekeeping comes once a minute; a flood must not grow the file until then."""
        self._rejections_since_trim += 1
        self._rejected_bytes_since_trim += size
        many = self._rejections_since_trim > self._rejections_max // 10 + 100
        if many or self._rejected_bytes_since_trim > MOST_REJECTED_BYTES:
            self._rejections_since_trim = self._rejected_bytes_since_trim = 0
            await self._store.rejections.trim(self._rejections_max, older_than_ms=0)

    # -- a second chance -------------------------------------------------------------------------------

    async def accept_rejection(self, org_id: str, rejection_id: str) -> Receipt:
        """Examine a refused request again, by today's configuration and the clock of its arrival.

        One that was accepted before is a duplicate of that event. Raises NotFound, VerificationError when it is
        still refused, or StoreError.
        """
        rejection = await self._store.rejections.get(org_id, rejection_id)
        if rejection is None:
            raise NotFound(f"there is no rejection {rejection_id}")
        if rejection.event_id:  # also of a source that does not deduplicate
            event = await self._store.events.get(org_id, rejection.event_id)
            return Receipt(rejection.event_id, event.status if event is not None else "", duplicate=True)
        decision = await self._examine_again(rejection)
        if isinstance(decision, Refusal):
            raise VerificationError(decision.cause, decision.detail)
        if isinstance(decision, Response):
            raise VerificationError("handshake", "the request is a handshake: there is no event in it")
        receipt = await self._store.events.accept(decision)
        if receipt.replay:
            raise VerificationError("replayed", f"this body came before as {receipt.event_id}, under another id")
        await self._store.rejections.accepted(org_id, rejection_id, receipt.event_id)
        self._tell(rejection.source_name, decision, receipt)
        return receipt

    async def _examine_again(self, rejection: Rejection) -> Decision:
        source = self._store.routing.source(rejection.org_id, rejection.source_name)
        if source is None or not source.enabled:
            return Refusal(
                "unknown_source", f"there is no enabled source {rejection.source_name!r}; create it first", 404
            )
        if not rejection.complete:
            return Refusal(rejection.cause, "the body of this request was not kept, it cannot be accepted", 409)
        rules = self._rules.of(source)
        refusal = admit(rules, None, rejection.request, rejection.received_at_ms)
        if refusal is not None:
            return refusal
        event_id = self._mint.make(ids.EVENT, self._clock.now_ms())
        decision = await self._decide(rules, None, rejection.request, event_id, rejection.received_at_ms)
        if isinstance(decision, Draft):
            event = msgspec.structs.replace(decision.event, received_at_ms=self._clock.now_ms())
            return msgspec.structs.replace(decision, event=event)
        return decision


def _receipt_body(receipt: Receipt) -> bytes:
    """The acknowledgement; ids and statuses are ours and need no escaping."""
    duplicate = "true" if receipt.duplicate else "false"
    return f'{{"id":"{receipt.event_id}","status":"{receipt.status}","duplicate":{duplicate}}}'.encode()


def _written(response: Response) -> Answer:
    content_type = (b"content-type", response.content_type.encode("latin-1"))  # Discord wants it of an empty answer too
    return response.status, [content_type, *response.headers], response.body


def _unavailable(error: StoreError) -> Answer:
    return _refused(Refusal(error.code, "nothing was stored; send it again", 503, retry_after_s=1))


def _at_fault() -> Answer:
    return _refused(Refusal("internal_error", fault.WORDS, 500))


def _refused(refusal: Refusal) -> Answer:
    headers = [_JSON]
    if refusal.retry_after_s:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    if refusal.allow:
        headers.append((b"allow", refusal.allow.encode("ascii")))
    if refusal.status in (408, 413, 503):
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    return refusal.status, headers, _encode({"code": refusal.cause, "detail": refusal.detail})
