"""The door in this process: a store in memory, a clock in the test's hand, and words for what senders do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import msgspec

from hookline.config.spec import SourceSpec
from hookline.core.model import DEFAULT_ORG, Event, Headers, Rejection
from hookline.core.notice import Notice
from hookline.core.providers import registry
from hookline.core.providers.sign import sign
from hookline.ingest.http import Door
from hookline.storage.base import EventFilter
from hookline.storage.catalogue import PutSource, StoredSource
from hookline.storage.store import Store, open_store
from hookline.testing.clock import FakeClock
from tests.core.providers.making import pair_of

SERVER_SECRET = "not-a-real-server-secret-0123456789"
#: One for each provider, in the form that it hands out. Obviously fake.
SECRETS = {
    "github": "not-a-real-github-secret-0123456789",
    "stripe": "whsec_not-a-real-stripe-secret-0123456789",
    "shopify": "not-a-real-shopify-secret-0123456789",
    "slack": "not-a-real-slack-secret-0123456789",
    "standard_webhooks": "whsec_bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ==",
}
#: The same for every provider of the catalogue.
ALL_SECRETS = {
    row.slug: pair_of(row, row.schemes[0])[1] for row in registry.all_providers() if row.needs_secret
} | SECRETS
JSON_LINE = (b"content-type", b"application/json")


class Reply(msgspec.Struct, frozen=True):
    """What the door answered."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HungUp(Exception):
    """The door answered nothing."""


class Street:
    """A door, and everybody who passes."""

    def __init__(self, store: Store, clock: FakeClock, **settings: Any) -> None:
        self.store, self.clock = store, clock
        self.notices: list[Notice] = []
        settings["trusted_proxies"] = [ip_network(text) for text in settings.get("trusted_proxies", ())]
        self.door = Door(store, clock, self.notices.append, **settings)
        self.given = 0

    def advance(self, seconds: float) -> None:
        self.clock.jump_to(self.clock.now_ms() + round(seconds * 1000))

    async def source(
        self, name: str = "shop", provider: str = "none", *, org_id: str = DEFAULT_ORG, **spec: Any
    ) -> StoredSource:
        """Create or replace a source; with the provider's secret of `SECRETS` unless others are given."""
        secrets = tuple(spec.pop("secrets", [ALL_SECRETS[provider]] if provider in ALL_SECRETS else ()))
        wanted = SourceSpec.model_validate({"name": name, "provider": provider, **spec})
        return await self.store.catalogue.put_source(PutSource(org_id, wanted, secrets, self.clock.now_ms()))

    def signed(
        self, provider: str, body: bytes, *, event_id: str = "evt-1", event_type: str = "push", **how: Any
    ) -> Headers:
        """The header lines of a genuine request."""
        how.setdefault("secret", ALL_SECRETS.get(provider, ""))
        how.setdefault("now_s", self.clock.now_ms() / 1000)
        return sign(registry.get(provider), body=body, event_id=event_id, event_type=event_type, **how)

    async def ask(
        self,
        path: str = "shop",
        body: bytes | Iterable[bytes] = b'{"n":1}',
        headers: Iterable[tuple[bytes, bytes]] = (JSON_LINE,),
        *,
        method: str = "POST",
        client: str | None = "192.0.2.7",
        scheme: str = "http",
        more: dict[str, Any] | None = None,
        end: str = "complete",
    ) -> Reply:
        """One request. ``end``: the body is ``complete``, the sender goes (``gone``) or falls ``silent``."""
        self.advance(0.001)  # so that what comes later has a later id
        chunks = [body] if isinstance(body, bytes) else list(body)
        self.given = 0
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if self.given < len(chunks):
                self.given += 1
                last = self.given == len(chunks) and end == "complete"
                return {"type": "http.request", "body": chunks[self.given - 1], "more_body": not last}
            if end == "silent":
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": f"/webhooks/{path}",
            "raw_path": f"/webhooks/{path}".encode(),
            "query_string": b"",
            "scheme": scheme,
            "client": (client, 4000) if client is not None else None,
            "headers": [(name.lower(), value) for name, value in headers],
            **(more or {}),
        }
        await self.door(scope, receive, send)
        if not sent:
            raise HungUp
        start, content = sent
        assert start["type"] == "http.response.start"
        assert content["type"] == "http.response.body"
        return Reply(start["status"], dict(start["headers"]), content["body"])

    async def genuine(self, provider: str, body: bytes, path: str = "", **how: Any) -> Reply:
        """A signed request to the source that has the provider's name."""
        return await self.ask(path or provider.replace("_", "-"), body, self.signed(provider, body, **how))

    async def events(self, org_id: str = DEFAULT_ORG) -> list[Event]:
        """All events, newest first, with their requests."""
        found = await self.store.events.find(org_id, EventFilter(), limit=1000)
        whole = [await self.store.events.get(org_id, event.id) for event in found]
        return [event for event in whole if event is not None]

    async def event(self) -> Event:
        """The only event."""
        (only,) = await self.events()
        return only

    async def rejections(self, org_id: str = DEFAULT_ORG) -> list[Rejection]:
        return await self.store.rejections.find(org_id)

    async def rejection(self, org_id: str = DEFAULT_ORG) -> Rejection:
        """The only rejection."""
        (only,) = await self.rejections(org_id)
        return only


@asynccontextmanager
async def street(**settings: Any) -> AsyncIterator[Street]:
    store = open_store("sqlite://:memory:", SERVER_SECRET)
    try:
        yield Street(store, FakeClock(), **settings)
    finally:
        await store.close()
