"""Door 2: ``POST /api/v1/app/{app_id}/msg``, bare ASGI because every microsecond here is paid per message.

A 202 is written only after the store said that the message and what it owes are on disk. What is refused is
not kept: its publisher is told, and still has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.responses import Response

from hookline.api.answer import InvalidBody, refusal
from hookline.api.sending.access import find_application
from hookline.api.sending.first_message import create_application
from hookline.api.sending.message import Message, read
from hookline.api.sending.message_out import Json, accepted
from hookline.api.sending.once import make_once
from hookline.api.sending.publisher import Publisher
from hookline.api.sending.refusal import refusal_of, wrong
from hookline.api.sending.verdicts import Verdicts
from hookline.api.token import TokenSigner, refuse_application
from hookline.config.settings import Settings
from hookline.core import fault
from hookline.core.clock import Clock
from hookline.core.errors import HooklineError, NotFound, StoreBusy
from hookline.core.model import Request, Source
from hookline.core.notice import Notify, ServiceFailed
from hookline.ingest.body import BodyReader, ClientGone, Receive, Scope, TooMuchUnderWay
from hookline.ingest.client import Network, locator
from hookline.ingest.protocol import Answer as Respond
from hookline.storage.base import Receipt
from hookline.storage.store import Store

_encode = msgspec.json.Encoder().encode

PREFIX = "/api/v1/app/"

#: An idempotency key is for one operation; the application is its scope.
OPERATION = "POST msg"

_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class TooBusy(StoreBusy):
    """More bodies are coming in than there is memory for; try again in a moment."""

    code = "too_busy"


def application_in(path: str) -> str:
    """The application that is published for at ``path``; empty when something else is there."""
    if not path.startswith(PREFIX):
        return ""
    name, _, rest = path[len(PREFIX) :].partition("/")
    return name if rest in ("msg", "msg/") else ""


class PublishDoor:
    """The ASGI application behind the publishing of messages."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        publisher: Publisher,
        settings: Settings,
        notify: Notify,
        *,
        trusted_proxies: Iterable[Network] = (),
    ) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self.publisher = publisher
        self._verdicts = Verdicts(TokenSigner(settings.secret))
        self._locate = locator(trusted_proxies)
        self._bodies = BodyReader(settings.read_timeout_s)
        self._body_timeout_s = settings.read_timeout_s
        self._max_body_bytes = settings.max_body_bytes

    def take(self, request: Request, respond: Respond) -> bool:
        """Take a whole request, when all it has to wait for is its commit; False: ask `__call__` instead.

        The most common case of what `__call__` does, without a task. What is wrong with a request, `__call__` says.
        """
        name = application_in(request.path)
        if not name or len(request.body) > self._max_body_bytes:
            return False
        now_ms, lookup = self._clock.now_ms(), request.lookup
        try:
            claims = self._verdicts.of(lookup.get(b"authorization", b""), now_ms / 1000)
            refuse_application(claims)
            with_content = _with_content(request.query)
            message = read(request.body, now_ms)
        except HooklineError:
            return False
        source = self._store.routing.application(claims.org_id, name)
        if source is None or self.publisher.enforces(source):
            return False
        key = lookup.get(b"idempotency-key")
        once = make_once(source.id, OPERATION, key.decode("latin-1"), request.body, now_ms) if key else None
        client = self._locate(request.client, lookup, request.scheme)[0]
        draft = self.publisher.draft(source, message, now_ms, once=once, client=client)

        def done(receipt: Receipt | None, error: BaseException | None) -> None:
            try:
                if receipt is None:
                    assert error is not None
                    raise error
                published = self.publisher.judged(draft, receipt)
                said = accepted(message, published.id, published.at_ms, with_content=with_content)
                respond(202, _HEADERS, _encode(said))
            except HooklineError as refused:
                _refuse(respond, refusal_of(refused))
            except Exception as unforeseen:  # who waits for an answer gets one, and sends it again
                _refuse(respond, refusal(500, "internal_error", fault.WORDS))
                self._notify(ServiceFailed("door", fault.described(unforeseen)))

        self._store.events.take(draft, done)
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Answer one request."""
        try:
            body = _encode(await self.publish(scope, receive))
        except ClientGone:
            return
        except HooklineError as error:
            await refusal_of(error)(scope, receive, send)
            return
        headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def publish(self, scope: Scope, receive: Receive) -> Json:
        """Take the message of a request; the body of its 202. Raises HooklineError, ClientGone."""
        now_ms = self._clock.now_ms()
        lookup: dict[bytes, bytes] = scope.get("hookline.lookup") or dict(scope["headers"])
        claims = self._verdicts.of(lookup.get(b"authorization", b""), now_ms / 1000)
        refuse_application(claims)
        with_content = _with_content(scope["query_string"])
        body = await self._read(scope, receive, lookup)
        message = read(body, now_ms)
        source = await self._application(claims.org_id, application_in(scope["path"]), message, now_ms)
        key = lookup.get(b"idempotency-key")
        once = make_once(source.id, OPERATION, key.decode("latin-1"), body, now_ms) if key else None
        peer = scope["client"][0] if scope.get("client") else ""
        client = self._locate(peer, lookup, scope["scheme"])[0]
        published = await self.publisher.take(source, message, now_ms, once=once, client=client)
        return accepted(message, published.id, published.at_ms, with_content=with_content)

    async def _read(self, scope: Scope, receive: Receive, lookup: dict[bytes, bytes]) -> bytes:
        length = lookup.get(b"content-length", b"")
        if length.isdigit() and int(length[:18]) > self._max_body_bytes:
            raise self._too_large()
        try:
            body = await self._bodies.read(scope, receive, self._max_body_bytes)
        except TimeoutError:
            words = f"the body did not come within {self._body_timeout_s:g} s"
            raise InvalidBody(408, "body_timeout", words) from None
        except TooMuchUnderWay:
            raise TooBusy("too many bodies are coming in at once; send it again") from None
        if body is None:
            raise self._too_large()
        return body

    def _too_large(self) -> InvalidBody:
        words = f"a message has at most {self._max_body_bytes} bytes (the server's `max_body`)"
        return InvalidBody(413, "body_too_large", words)

    async def _application(self, org_id: str, name: str, message: Message, now_ms: int) -> Source:
        source = await find_application(self._store, org_id, name)
        if source is not None:
            return source
        if not message.application:
            raise NotFound(f"there is no application {name[:256]!r}")
        return await create_application(self._store, org_id, name, message.application, now_ms)


def _refuse(respond: Respond, answer: Response) -> None:
    headers = [line for line in answer.raw_headers if line[0] != b"content-length"]
    respond(answer.status_code, headers, bytes(answer.body))


@lru_cache(maxsize=64)  # a client asks in one way
def _with_content(query: bytes) -> bool:
    """Whether the answer shall repeat the payload. Raises Unprocessable."""
    if not query:
        return True
    said = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("with_content", ["true"])[-1].lower()
    if said not in _FLAGS:
        raise wrong("query", "with_content", words="must be true or false")
    return _FLAGS[said]
