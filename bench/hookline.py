"""The server under measurement: the real ``hookline serve`` on a database of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg

from bench.process import Process
from bench.requests import APPLICATION, GITHUB_SECRET, SERVER_SECRET, STANDARD_SECRET
from hookline.app import Server, build
from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.config.file import read_file
from hookline.config.settings import load_settings
from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.store import Store, open_store

T = TypeVar("T")

ENVIRON = {
    "HOOKLINE_SECRET": SERVER_SECRET,
    "BENCH_GITHUB": GITHUB_SECRET,
    "BENCH_ORDERS": STANDARD_SECRET,
}

_CONFIG = """\
version: 1
allow_private_endpoints: [127.0.0.0/8]
sources:
  - name: github
    provider: github
    secrets: ["env:BENCH_GITHUB"]
    endpoints: {endpoints}
  - name: orders
    provider: standard_webhooks
    secrets: ["env:BENCH_ORDERS"]
    endpoints: {endpoints}
"""


_OWED = """
SELECT (SELECT COUNT(*) FROM fanout)
     + (SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'leased') AND endpoint_id <> ?)
"""
_SETTLED = """
SELECT COUNT(*), MAX(finished_at_ms) FROM delivery
WHERE state = 'delivered' AND created_at_ms >= ? AND endpoint_id <> ?
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a configuration and, once it was used, a database: a file in it, or ``postgres`` (a URL)."""

    folder: Path
    postgres: str = ""

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "bench.db"

    @property
    def url(self) -> str:
        """Where the database is."""
        return self.postgres or f"sqlite:///{self.database}"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def configure(self, sink: str | None, concurrency: int = 64) -> None:
        """Two sources; each with one endpoint at ``sink`` when there is one."""
        endpoint = f"[{{name: sink, url: '{sink}/', concurrency: {concurrency}}}]" if sink is not None else "[]"
        (self.folder / "hookline.yaml").write_text(_CONFIG.format(endpoints=endpoint))

    def serve(self, core: int | None, processes: int = 1, **variables: str) -> Process:
        """The server, on this core, as so many processes, with further environment variables."""
        command = [
            str(Path(sys.executable).with_name("hookline")),
            "serve",
            "--json",
            "--port=0",
            f"--config={self.folder / 'hookline.yaml'}",
            f"--database={self.url}",
            f"--data-dir={self.folder}",
            f"--processes={processes}",
        ]
        return Process(command, core=core, log=self.log, environ=ENVIRON | variables)

    def work_on_store(self, work: Callable[[Server], Awaitable[T]]) -> T:
        """Do something with the storage room of this place, from this process."""
        return asyncio.run(self._work(work))

    async def _work(self, work: Callable[[Server], Awaitable[T]]) -> T:
        file = read_file(self.folder / "hookline.yaml")
        flags = {"database": self.url, "data_dir": self.folder, "sync": "normal"}
        server = build(load_settings(flags, ENVIRON, file))
        try:
            await server.apply(file, ENVIRON)
            return await work(server)
        finally:
            await server.stop()

    def add_application(
        self, urls: Sequence[str], uid: str = APPLICATION, concurrency: int = 64, **settings: object
    ) -> None:
        """An application with an endpoint at each of these addresses, before the server starts."""
        self.work_on_store(lambda server: add_application(server.store, urls, uid, concurrency, **settings))

    def pause(self) -> None:
        """Pause every endpoint, before the server starts."""
        self.work_on_store(lambda server: set_states(server.store, EndpointState.PAUSED))

    def owed(self, besides: str = "") -> int:
        """How many deliveries are owed now, by the index of what is owed.

        ``besides``: the uid of an endpoint that does not count.
        """
        return int(self.ask(_OWED, self._id(besides))[0][0])

    def resume(self) -> None:
        """Resume every endpoint, beside the running server (which notices within a few seconds)."""
        asyncio.run(self._resume())

    async def _resume(self) -> None:
        store = open_store(self.url, ENVIRON["HOOKLINE_SECRET"])
        try:
            await set_states(store, EndpointState.ACTIVE)
        finally:
            await store.close()

    def settled(self, since_ms: int, besides: str = "") -> tuple[int, int]:
        """How many deliveries that were accepted since then are delivered, and when the last was settled (ms)."""
        count, last_ms = self.ask(_SETTLED, since_ms, self._id(besides))[0]
        return count, last_ms or 0

    def _id(self, uid: str) -> str:
        found = self.ask("SELECT id FROM endpoint WHERE uid = ?", uid) if uid else []
        return str(found[0][0]) if found else ""

    def ask(self, query: str, *params: object) -> list[tuple[int, ...]]:
        """The answer to one question about the database, read beside the server."""
        if self.postgres:
            with psycopg.connect(self.postgres) as asked:
                return asked.execute(query.replace("?", "%s"), params).fetchall()
        connection = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(query, params).fetchall()
        finally:
            connection.close()


async def add_application(
    store: Store, urls: Sequence[str], uid: str, concurrency: int = 64, **settings: object
) -> None:
    """Make an application with an endpoint at each of these addresses. The endpoints are called ``{uid}-{number}``.

    ``settings`` are further ones of each endpoint.
    """
    now_ms = time.time_ns() // 1_000_000
    spec = ApplicationSpec(title="A customer", uid=uid)
    made = await store.applications.create(NewApplication(DEFAULT_ORG, spec, now_ms))
    for number, url in enumerate(urls):
        name = f"{uid}-{number}"
        given = {"name": name, "uid": name, "url": url, "concurrency": concurrency, **settings}
        endpoint = ApplicationEndpointSpec.model_validate(given)
        await store.application_endpoints.create(NewEndpoint(DEFAULT_ORG, made.value.id, endpoint, now_ms=now_ms))


async def set_states(store: Store, state: EndpointState) -> None:
    """Give every endpoint this state."""
    for endpoint in tuple(store.routing.endpoints):
        await store.catalogue.set_endpoint_state(endpoint, state, "", time.time_ns() // 1_000_000)
