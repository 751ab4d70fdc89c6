"""Pieces of the receiving side that need no store: a request is read, verified, examined."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bench.echo import ANSWER
from bench.guard.inputs import NOW_MS, NOW_S, SECRETS, provider, requests, source, wire
from bench.guard.steps import GROUP, Step, expect, groups
from bench.guard.transport import connected
from hookline.core import ids
from hookline.core.model import Request
from hookline.ingest.protocol import Answer
from hookline.ingest.receiver import examine
from hookline.ingest.rules import RulesTable
from hookline.storage.base import Draft

_HEADERS = [(b"content-type", b"application/json")]


class TakesAll:
    """An application that takes every request, and answers when it is told to."""

    def __init__(self) -> None:
        self._waiting: list[Answer] = []

    def take(self, request: Request, answer: Answer) -> bool:
        """For `WireProtocol`."""
        self._waiting.append(answer)
        return True

    def answer_all(self) -> None:
        """As door 1 does."""
        for answer in self._waiting:
            answer(200, _HEADERS, ANSWER)
        self._waiting.clear()

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        raise RuntimeError("a request did not go the short way")


@asynccontextmanager
async def read_requests(count: int) -> AsyncIterator[Step]:
    """Bytes come in at the protocol, an answer goes out."""
    application, written = TakesAll(), list[bytes]()
    connections = connected(application, written)
    arriving = iter(groups([wire(each) for each in requests("github", count * GROUP)]))

    async def step() -> None:
        for connection, data in zip(connections, next(arriving), strict=True):
            connection.data_received(data)
        application.answer_all()

    yield step
    expect([each[:15] for each in written], [b"HTTP/1.1 200 OK"] * count * GROUP, "answers")


def verify_requests(slug: str) -> Callable[[int], AbstractAsyncContextManager[Step]]:
    """Verify genuine requests of a provider."""

    @asynccontextmanager
    async def prepare(count: int) -> AsyncIterator[Step]:
        verify, secrets = provider(slug).verify, (SECRETS[slug],)
        arriving = iter(groups(requests(slug, count * GROUP)))

        async def step() -> None:
            for request in next(arriving):
                verify(request, secrets, NOW_S)  # raises when it is not genuine

        yield step

    return prepare


def examine_requests(slug: str) -> Callable[[int], AbstractAsyncContextManager[Step]]:
    """Verify genuine requests of a provider and make drafts of them."""

    @asynccontextmanager
    async def prepare(count: int) -> AsyncIterator[Step]:
        rules = RulesTable(math.inf, 1_048_576).of(source(slug))
        arriving = iter(groups(requests(slug, count * GROUP)))
        event_id = ids.make(ids.EVENT, NOW_MS, bytes(10))
        wrong = []

        async def step() -> None:
            for request in next(arriving):
                decision = examine(rules, None, request, event_id, NOW_MS)
                if not isinstance(decision, Draft):
                    wrong.append(decision)

        yield step
        expect(wrong, [], "decisions that are no drafts")

    return prepare
