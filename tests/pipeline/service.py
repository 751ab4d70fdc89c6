"""A whole server in this process, used from outside: over HTTP, its file and its hookline.yaml."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn

from hookline.app import build
from hookline.cli.server import HttpServer
from hookline.clock import SystemClock
from hookline.config.file import read_file
from hookline.config.settings import Settings, load_settings
from hookline.core.clock import Clock
from hookline.core.model import DEFAULT_ORG, EndpointState, Headers
from hookline.core.providers import registry, sign
from hookline.ingest.protocol import WireProtocol
from hookline.storage.apply import Change
from hookline.storage.base import EventFilter
from hookline.storage.catalogue import StoredEndpoint, StoredSource
from hookline.storage.events import Story
from tests.pipeline.watching import Notices
from tests.pipeline.wire import Answer, Client

SERVER_SECRET = "not-a-real-secret-only-for-the-pipeline-tests"
#: For every source that verifies Standard Webhooks: the base64 of "not a real key for tests".
SENDER_SECRET = "whsec_bm90IGEgcmVhbCBrZXkgZm9yIHRlc3Rz"


class PromptServer(HttpServer):
    """uvicorn that stops when it is told to, instead of asking every now and then whether it should."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config, ready)
        self.exit_wanted = asyncio.Event()

    async def main_loop(self) -> None:
        await self.exit_wanted.wait()


class Service:
    """One life of a server on the file ``folder/hookline.db``; an async context manager."""

    def __init__(self, folder: Path, clock: Clock | None = None, **settings: Any) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()
        self.settings = settings_for(folder, **settings)
        self.notices = Notices()
        self.server = build(self.settings, clock=clock, sinks=(self.notices,))
        self.store = self.server.store
        self.given_back = -1
        self._stopped = False

    async def __aenter__(self) -> Service:
        await self.server.start()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port: int = self._socket.getsockname()[1]
        self._client = Client(self.port)
        ready = asyncio.Event()
        self._http = PromptServer(_http_config(self.server), ready.set)
        self._serving = asyncio.create_task(self._http.serve(sockets=[self._socket]))
        await ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> int:
        """Stop as on SIGTERM; how many deliveries were given back. A second call does nothing."""
        if not self._stopped:
            self._stopped = True
            await self._client.__aexit__(None, None, None)
            self._http.exit_wanted.set()
            limit_s = self.settings.graceful_stop_s
            _, self.given_back = await asyncio.gather(self._serving, self.server.dispatcher.stop(limit_s))
            await self.server.stop()
        return self.given_back

    # -- sending -----------------------------------------------------------------------------------------

    async def send(
        self, source: str, body: bytes, headers: Headers = (), *, method: str = "POST", query: str = ""
    ) -> Answer:
        """One request to ``/webhooks/{source}`` with exactly these headers."""
        return await self._client.send(method, f"/webhooks/{source}{query}", headers, body)

    async def post(
        self,
        provider: str,
        body: bytes,
        *,
        source: str = "",
        event_id: str = "evt-1",
        event_type: str = "",
        secret: str = SENDER_SECRET,
        extra: Headers = (),
    ) -> Answer:
        """A webhook signed as this provider signs, sent to the source (of the provider's name)."""
        signed = sign.sign(
            registry.get(provider),
            body=body,
            secret=secret,
            now_s=self.clock.now_ms() / 1000,
            event_id=event_id,
            event_type=event_type,
        )
        return await self.send(source or provider.replace("_", "-"), body, (*signed, *extra))

    async def publish(self, event_type: str = "order.paid", *, event_id: str = "", source: str = "shop") -> str:
        """An event of this type, signed by Standard Webhooks; its id."""
        event_id = event_id or f"evt-{self._numbered()}"
        body = json.dumps({"type": event_type, "event": event_id}).encode()
        answer = await self.post("standard_webhooks", body, source=source, event_id=event_id)
        return answer.event_id

    def _numbered(self) -> int:
        self._number = getattr(self, "_number", 0) + 1
        return self._number

    async def get(self, path: str) -> Answer:
        """What a browser or a monitor would see."""
        return await self._client.send("GET", path, (), b"")

    # -- looking -----------------------------------------------------------------------------------------

    async def story(self, event_id: str) -> Story:
        """One event whole."""
        story = await self.store.events.story(DEFAULT_ORG, event_id)
        assert story is not None, f"there is no event {event_id}"
        return story

    async def status(self, event_id: str) -> str:
        """What people see of an event."""
        return (await self.story(event_id)).event.status

    async def event_ids(self, where: EventFilter | None = None) -> list[str]:
        """All events, oldest first."""
        found: list[str] = []
        while page := await self.store.events.find(
            DEFAULT_ORG, where or EventFilter(), before=found[-1] if found else "", limit=1000
        ):
            found += [event.id for event in page]
        return found[::-1]

    async def source(self, name: str = "shop") -> StoredSource:
        """A source as it is stored."""
        return await self.store.catalogue.source(DEFAULT_ORG, name)

    async def endpoint(self, name: str, source: str = "shop") -> StoredEndpoint:
        """An endpoint as it is stored."""
        return await self.store.catalogue.endpoint(DEFAULT_ORG, (await self.source(source)).id, name)

    # -- managing ----------------------------------------------------------------------------------------

    async def apply(self, *sources: dict[str, Any], prune: bool = False) -> list[Change]:
        """Write a hookline.yaml with these sources, and make the server agree with it."""
        file = read_file(write_yaml(self.folder, *sources))
        return await self.server.apply(file, {}, prune=prune)

    async def set_state(self, name: str, state: EndpointState, reason: str = "", source: str = "shop") -> None:
        """What a person does: pause, resume, disable."""
        endpoint = await self.endpoint(name, source)
        await self.store.catalogue.set_endpoint_state(endpoint.id, state, reason, self.clock.now_ms())


def settings_for(folder: Path, **settings: Any) -> Settings:
    """The settings of a server in this folder; endpoints may be on this machine unless told otherwise."""
    flags = {
        "database": f"sqlite:///{folder / 'hookline.db'}",
        "data_dir": str(folder),
        "allow_private_endpoints": True,
        "graceful_stop": "200ms",
        **settings,
    }
    return load_settings(flags, {"HOOKLINE_SECRET": SERVER_SECRET})


def write_yaml(folder: Path, *sources: dict[str, Any]) -> Path:
    """A hookline.yaml (JSON is YAML)."""
    path = folder / "hookline.yaml"
    path.write_text(json.dumps({"version": 1, "sources": list(sources)}))
    return path


def shop(*endpoints: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The usual source: Standard Webhooks, called ``shop``."""
    return {
        "name": "shop",
        "provider": "standard_webhooks",
        "secrets": [SENDER_SECRET],
        "endpoints": list(endpoints),
        **more,
    }


def _http_config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=WireProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
