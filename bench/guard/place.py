"""Stores and servers for the pieces: in this process, on a database file of their own, all on the event loop.

A file and not ``:memory:``, which has no write-ahead log. On the event loop, because two threads take turns in another
order every time.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.guard.inputs import NOW_MS, SECRETS
from bench.requests import APPLICATION, SERVER_SECRET
from hookline.config.application_spec import ApplicationSpec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.settings import Settings
from hookline.config.spec import SourceSpec
from hookline.core.model import DEFAULT_ORG, Source
from hookline.delivery.sender import Sender
from hookline.observe.log import log_sink
from hookline.storage.applications import NewApplication
from hookline.storage.catalogue import PutEndpoint, PutSource
from hookline.storage.store import Store, open_store
from hookline.testing.clock import FakeClock

if TYPE_CHECKING:
    from hookline.app import Server

ENDPOINT_URL = "http://127.0.0.1:9/hook"


@asynccontextmanager
async def empty_store() -> AsyncIterator[Store]:
    """A store with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="hookline-guard-") as folder:
        store = open_store(_url(folder), SERVER_SECRET, threads=False)
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def running_server(sender: Sender) -> AsyncIterator[Server]:
    """A whole server without its services and its socket, at a time that stands still."""
    from hookline.app import build  # brings the API with it, half of a start that few pieces need

    with tempfile.TemporaryDirectory(prefix="hookline-guard-") as folder:
        settings = Settings(database=_url(folder), secret=SERVER_SECRET, data_dir=Path(folder), graceful_stop_s=1)
        server = build(settings, clock=FakeClock(), sender=sender, sinks=(log_sink(),), threads=False)
        try:
            await server.start(services=False)
            yield server
        finally:
            await server.stop()


async def add_source(store: Store, provider: str) -> Source:
    """A source of this provider, of the same name."""
    spec = SourceSpec.model_validate({"name": provider, "provider": provider})
    secrets = (SECRETS[provider],) if provider in SECRETS else ()
    await store.catalogue.put_source(PutSource(DEFAULT_ORG, spec, secrets, NOW_MS))
    made = store.routing.source(DEFAULT_ORG, provider)
    assert made is not None
    return made


async def add_endpoint(store: Store, source: Source, concurrency: int) -> str:
    """An endpoint of a source that wants everything; its id."""
    spec = EndpointSpec.model_validate({"name": "hook", "url": ENDPOINT_URL, "concurrency": concurrency})
    made = await store.catalogue.put_endpoint(PutEndpoint(DEFAULT_ORG, source.id, spec, (), NOW_MS))
    return made.id


async def add_application(store: Store) -> None:
    """The application of `bench.requests`, without endpoints."""
    await store.applications.create(NewApplication(DEFAULT_ORG, ApplicationSpec(title="A", uid=APPLICATION), NOW_MS))


def _url(folder: str) -> str:
    return f"sqlite:///{folder}/guard.db"
