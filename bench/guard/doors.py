"""Both doors whole: bytes in at the protocol, through server, door and store, answers out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bench.guard.inputs import HOST, NOW_S, requests, wire
from bench.guard.place import add_application, add_source, running_server
from bench.guard.sender import AnswersAtOnce
from bench.guard.steps import GROUP, Step, answered, expect, groups
from bench.guard.transport import connected
from bench.requests import APPLICATION, SERVER_SECRET, payload
from hookline.core.headers import index
from hookline.core.model import DEFAULT_ORG, Request


def receive_at(slug: str) -> Callable[[int], AbstractAsyncContextManager[Step]]:
    """Webhooks of a provider come in at door 1, for a source without endpoints."""

    @asynccontextmanager
    async def prepare(count: int) -> AsyncIterator[Step]:
        async with running_server(AnswersAtOnce()) as server:
            await add_source(server.store, slug)
            written: list[bytes] = []
            yield _step(server, written, [wire(each) for each in requests(slug, count * GROUP)])
            expect([each[:15] for each in written], [b"HTTP/1.1 200 OK"] * count * GROUP, "answers")
            expect([each for each in written if not each.endswith(b'"duplicate":false}')], [], "duplicates")

    return prepare


@asynccontextmanager
async def publish(count: int) -> AsyncIterator[Step]:
    """Messages are published at door 2, for an application without endpoints."""
    async with running_server(AnswersAtOnce()) as server:
        await add_application(server.store)
        written: list[bytes] = []
        yield _step(server, written, [wire(each) for each in _messages(count * GROUP)])
        expect([each[:21] for each in written], [b"HTTP/1.1 202 Accepted"] * count * GROUP, "answers")


def _step(server: object, written: list[bytes], data: Sequence[bytes]) -> Step:
    connections, arriving = connected(server, written), iter(groups(data))

    async def step() -> None:
        wanted = len(written) + GROUP
        for connection, request in zip(connections, next(arriving), strict=True):
            connection.data_received(request)
        await answered(written, wanted)

    return step


def _messages(count: int) -> list[Request]:
    from hookline.api.token import create_token  # with the API, as in `place.py`

    token = create_token(SERVER_SECRET, DEFAULT_ORG, NOW_S).encode()
    return [_message(number, token) for number in range(count)]


def _message(number: int, token: bytes) -> Request:
    body = b'{"eventType":"order.paid","payload":%b}' % payload(number)
    lines = (
        (b"Host", HOST),
        (b"User-Agent", b"Example-Product/1.0"),
        (b"Accept", b"*/*"),
        (b"Authorization", b"Bearer " + token),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", b"%d" % len(body)),
    )
    return Request("POST", f"/api/v1/app/{APPLICATION}/msg", b"with_content=false", lines, index(lines), body)
