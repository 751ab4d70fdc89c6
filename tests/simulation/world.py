"""A whole server on a fake clock, with a wire whose every answer is written in advance and watched."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hookline.app import Server, build
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.settings import Settings, Sync
from hookline.config.spec import SourceSpec
from hookline.core.model import DEFAULT_ORG, Headers
from hookline.core.notice import Notice
from hookline.core.target import Target
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import Cancel, Done, begin_as_task
from hookline.storage.base import EventFilter
from hookline.storage.catalogue import PutEndpoint, PutSource
from hookline.storage.events import Story
from hookline.testing.clock import FakeClock
from hookline.testing.elapse import elapse, settle

SECRET = "simulated-server-secret-not-a-real-one"
#: Real time: what waits for the fake clock then does not end in peace however long a stop waits for it.
GRACEFUL_STOP_S = 0.02


class Answer(msgspec.Struct, frozen=True):
    """What the wire answers: a status (0: none comes) after some seconds."""

    status: int = 200
    after_s: float = 0.0
    retry_after_s: int | None = None


class Try(msgspec.Struct):
    """One attempt as the wire saw it. ``ended_ms`` -1: the server went before it had ended."""

    url: str
    event_id: str
    began_ms: int
    ended_ms: int = -1
    status: int = 0
    beside: int = 0  #: how many were under way to this address when it began


class Wire:
    """A Sender that asks a script what to answer, and notes who was called when."""

    def __init__(self, clock: FakeClock, script: Callable[[str], Answer]) -> None:
        self.clock, self.script = clock, script
        self.tries: list[Try] = []
        #: Called with address, headers, body and the time of every request.
        self.watch: Callable[[str, Headers, bytes, int], None] = lambda *_: None
        self._under_way: set[tuple[str, str]] = set()

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        event_id = dict(headers)[b"webhook-id"].decode()
        pair = (target.url, event_id)
        assert pair not in self._under_way, f"{pair} is attempted twice at once"
        beside = sum(url == target.url for url, _ in self._under_way)
        self._under_way.add(pair)
        made = Try(target.url, event_id, self.clock.now_ms(), beside=beside)
        self.watch(target.url, headers, body, made.began_ms)
        self.tries.append(made)
        answer = self.script(target.url)
        after_s = min(answer.after_s, timeout_s)
        try:
            if after_s:
                await self.clock.sleep_until(made.began_ms + round(after_s * 1000))
        finally:
            self._under_way.discard(pair)
        made.ended_ms = self.clock.now_ms()
        if answer.after_s >= timeout_s or not answer.status:
            return Outcome(error="timeout", duration_ms=after_s * 1000)
        made.status = answer.status
        extra: Headers = ()
        if answer.retry_after_s is not None:
            extra = ((b"Retry-After", str(answer.retry_after_s).encode()),)
        return Outcome(status=answer.status, headers=extra, duration_ms=after_s * 1000)

    def begin(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float, done: Done
    ) -> Cancel:
        sending = self.send(target, headers, body, connect_timeout_s=connect_timeout_s, timeout_s=timeout_s)
        return begin_as_task(sending, done)

    async def close(self) -> None:
        return None


class World:
    """One database file, and one server after the other on it."""

    def __init__(self, folder: Path, script: Callable[[str], Answer]) -> None:
        self._settings = Settings(
            database=f"sqlite:///{folder}/simulated.db",
            secret=SECRET,
            sync=Sync.NORMAL,
            graceful_stop_s=GRACEFUL_STOP_S,
        )
        self.script = script
        self.clock = FakeClock()
        self.wire = Wire(self.clock, script)
        self.tries: list[Try] = []
        self.notices: list[Notice] = []
        self.acknowledged: set[str] = set()
        self.replayed = False
        self.server: Server
        self._services: list[asyncio.Task[None]] = []

    async def start(self, *, workers: bool = False, set_back_s: float = 0) -> None:
        """A server on the file. With ``workers`` jobs are pushed forward and wide events fanned out, as in life.

        ``set_back_s``: meanwhile somebody set the clock of this machine back.
        """
        # The old server's timers died with it.
        self.clock = FakeClock(self.clock.now_ms() - round(set_back_s * 1000))
        watch, self.wire = self.wire.watch, Wire(self.clock, self.script)
        self.wire.watch = watch
        self.server = build(
            self._settings, clock=self.clock, sender=self.wire, sinks=(self.notices.append,), threads=False
        )
        await self.server.start(services=False)
        if workers:
            self._services = [asyncio.create_task(work.run()) for work in (self.server.replayer, self.server.fanout)]

    async def crash(self) -> None:
        """The process is gone: nothing of it runs again, nothing it had not committed is there."""
        database: Any = self.server.store.database
        database._writer._closed = True  # a dead process writes nothing
        database._writer._outbox.clear()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        self.tries += self.wire.tries
        with contextlib.suppress(Exception):
            database._connection.rollback()
        database._connection.close()
        os.close(database._lock_file)

    async def stop(self) -> None:
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        self._services = []
        await self.server.stop()
        self.tries += self.wire.tries

    async def add_source(self, *endpoints: dict[str, Any], **spec: Any) -> None:
        source = await self.server.store.catalogue.put_source(
            PutSource(
                DEFAULT_ORG,
                SourceSpec.model_validate({"name": "shop", "provider": "none", **spec}),
                (),
                self.clock.now_ms(),
            )
        )
        for endpoint in endpoints:
            put = PutEndpoint(DEFAULT_ORG, source.id, EndpointSpec.model_validate(endpoint), (), self.clock.now_ms())
            await self.server.store.catalogue.put_endpoint(put)

    async def post(self, body: bytes, source: str = "shop", headers: Headers = ()) -> tuple[int, dict[str, Any]]:
        """One request at the door, over ASGI. What is acknowledged is remembered."""
        status, answer = await post(self.server, source, body, headers)
        if status == 200:
            self.acknowledged.add(answer["id"])
        return status, answer

    async def elapse(self, seconds: float) -> None:
        await elapse(self.server, self.clock, seconds)

    async def settle(self) -> None:
        await settle(self.server)

    async def stories(self) -> list[Story]:
        """Every event that is stored, whole."""
        found: list[Story] = []
        before = ""
        while page := await self.server.store.events.find(DEFAULT_ORG, EventFilter(), before=before, limit=100):
            for event in page:
                story = await self.server.store.events.story(DEFAULT_ORG, event.id)
                assert story is not None
                found.append(story)
            before = page[-1].id
        return found


async def post(server: Server, source: str, body: bytes, headers: Headers = ()) -> tuple[int, dict[str, Any]]:
    """POST to ``/webhooks/{source}`` of a server in this process."""
    return await request(server, f"/webhooks/{source}", body, ((b"content-type", b"application/json"), *headers))


async def request(server: Server, path: str, body: bytes, headers: Headers) -> tuple[int, dict[str, Any]]:
    """POST to a server in this process, over ASGI."""
    sent: list[dict[str, Any]] = []
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "client": ("192.0.2.7", 4000),
        "headers": list(headers),
    }
    await server(scope, receive, send)
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])
