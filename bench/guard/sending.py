"""Pieces of the sending side: headers are chosen and signed, a request goes out and its response comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.guard.inputs import NOW_MS, SECRETS, requests
from bench.guard.place import ENDPOINT_URL, add_endpoint, add_source, running_server
from bench.guard.sender import AnswersAtOnce
from bench.guard.steps import GROUP, Step, expect, groups
from bench.guard.storing import accept, drafts_of
from bench.guard.transport import Collecting
from hookline.core import ids
from hookline.core.model import DEFAULT_ORG, Endpoint, Work
from hookline.core.signature import Signer
from hookline.core.target import Target
from hookline.delivery.attempt import outgoing_headers
from hookline.delivery.connection import Connection
from hookline.delivery.head import render_head
from hookline.delivery.outcome import Outcome
from hookline.storage.base import Receipt

_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: example\r\n"
    b"Content-Type: application/json\r\nContent-Length: 11\r\n\r\n"
    b'{"ok":true}'
)
#: So that no timer rings, however slow the machine is that counts.
_LONG_S = 86_400
_SOURCE_ID = ids.make(ids.SOURCE, NOW_MS, bytes(10))
_ENDPOINT = Endpoint(ids.make(ids.ENDPOINT, NOW_MS, bytes(10)), DEFAULT_ORG, _SOURCE_ID, "hook", ENDPOINT_URL)


@asynccontextmanager
async def sign_deliveries(count: int) -> AsyncIterator[Step]:
    """Choose the headers that are sent on, and sign."""
    works = iter(groups(_works(count * GROUP)))
    signer, secrets = Signer((SECRETS["standard_webhooks"],)), frozenset[bytes]()
    lines: list[int] = []

    async def step() -> None:
        for work in next(works):
            lines.append(len(outgoing_headers(work, _ENDPOINT, signer, secrets, NOW_MS)))

    yield step
    expect(min(lines) >= 3, True, "headers")


@asynccontextmanager
async def exchange(count: int) -> AsyncIterator[Step]:
    """Render a head, write the request on a connection that is open, read the response."""
    target, signer = Target.parse(ENDPOINT_URL), Signer((SECRETS["standard_webhooks"],))
    works = _works(count * GROUP)
    signed = [(outgoing_headers(work, _ENDPOINT, signer, frozenset(), NOW_MS), work.body) for work in works]
    outgoing = iter(groups(signed))
    written: list[bytes] = []
    connections = [_connection(target, written) for _ in range(GROUP)]
    outcomes: list[Outcome] = []
    far_s = asyncio.get_running_loop().time() + _LONG_S
    deadlines = (far_s + number for number in range(count))  # each later than the last, as time goes on

    async def step() -> None:
        deadline = next(deadlines)
        for connection, (headers, body) in zip(connections, next(outgoing), strict=True):
            head = render_head(target, headers, len(body))
            connection.exchange(head, body, deadline, time.perf_counter(), outcomes.append)
            connection.data_received(_RESPONSE)

    yield step
    expect([each.status for each in outcomes], [200] * count * GROUP, "responses")
    for connection in connections:
        connection.connection_lost(None)


@asynccontextmanager
async def deliver(count: int) -> AsyncIterator[Step]:
    """Store events with one delivery; each is signed, sent, judged and settled. The sender answers at once."""
    async with running_server(AnswersAtOnce()) as server:
        source = await add_source(server.store, "standard_webhooks")
        endpoint_id = await add_endpoint(server.store, source, concurrency=GROUP)
        drafts = iter(groups(drafts_of(source, count * GROUP)))
        receipts: list[Receipt] = []

        async def step() -> None:
            await accept(server.store, next(drafts), receipts)
            await server.dispatcher.quiet()

        yield step
        wanted = count * GROUP
        found = await server.store.deliveries.find(
            DEFAULT_ORG, endpoint_id=endpoint_id, state="delivered", limit=wanted
        )
        expect(len(found), wanted, "delivered deliveries")


def _works(count: int) -> list[Work]:
    return [
        Work(
            delivery_id=f"{ids.DELIVERY}{number:048x}",
            event_id=f"{ids.EVENT}{number:032x}",
            event_type="push",
            endpoint_id=_ENDPOINT.id,
            attempts=0,
            failures=0,
            lease=f"nodew{number:08x}",
            lease_until_ms=NOW_MS + 60_000,
            headers=request.headers,
            body=request.body,
        )
        for number, request in enumerate(requests("github", count))
    ]


def _connection(target: Target, written: list[bytes]) -> Connection:
    connection = Connection(target.origin, "127.0.0.1", 4_096, lambda _: None)
    connection.connection_made(Collecting(written))
    return connection
