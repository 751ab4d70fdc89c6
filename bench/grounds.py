"""Databases that are full already, to measure on: one of each size, all of a kind beside each other.

What a measurement adds does not count as stored: a small database is copied afresh for every round, a large one is
so large that it does not matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg
from psycopg import sql
from tests.plans.loading import Advance, load_postgres, load_sqlite
from tests.plans.past import Past, Place
from tests.postgres.cluster import NEWEST, Cluster

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.model import DEFAULT_ORG
from hookline.storage.catalogue import PutEndpoint, PutSource
from hookline.storage.store import Store, open_store

#: Sources with an endpoint each; the first has half of everything.
SOURCES = 50
#: Larger databases are not copied.
LARGEST_COPY = 100_000
#: Obviously not a real one.
SECRET = "not-a-real-server-secret-0123456789"

#: What a machine of this size would be given, and nothing that happens by the clock.
_POSTGRES = {
    "shared_buffers": "1GB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


class Ground(Protocol):
    """Full databases of one kind."""

    name: str

    def fill(self, size: int, advance: Advance) -> None:
        """Make a database with so many events."""
        ...

    def fresh(self, size: int) -> AbstractContextManager[str]:
        """The URL of a database with so many events, on which nothing is waiting to be tidied up."""
        ...

    def write_back(self, url: str) -> None:
        """Bring everything that is in the log only into the files of the tables."""
        ...

    def cpu_s(self) -> float:
        """CPU that was used by this process and, where there is one, by the database's server."""
        ...

    def bytes(self, size: int) -> int:
        """How much a database takes on disk."""
        ...


class SqliteGround:
    """Files in a folder."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, size: int, advance: Advance) -> None:
        past = _past(_url(self._path(size)), size)
        load_sqlite(self._path(size), past, advance)

    @contextlib.contextmanager
    def fresh(self, size: int) -> Iterator[str]:
        path = self._path(size)
        if size > LARGEST_COPY:
            yield _url(path)
            return
        copy = self._folder / "copy.db"
        shutil.copyfile(path, copy)
        try:
            yield _url(copy)
        finally:
            for each in self._folder.glob("copy.db*"):
                each.unlink()

    def write_back(self, url: str) -> None:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def cpu_s(self) -> float:
        return time.process_time()

    def bytes(self, size: int) -> int:
        return self._path(size).stat().st_size

    def _path(self, size: int) -> Path:
        return self._folder / f"{size}.db"


class PostgresGround:
    """Databases of one server.

    Of all but the newest tenth of the events, bytes and attempts are gone, so that they fit on a disk: nothing that is
    measured looks at those.
    """

    name = "PostgreSQL"

    def __init__(self, cluster: Cluster, session: psycopg.Connection) -> None:
        self._cluster, self._session = cluster, session

    def fill(self, size: int, advance: Advance) -> None:
        self._do("CREATE DATABASE {}", _name(size))
        url = self._cluster.url(_name(size))
        load_postgres(url, _past(url, size, kept_from=size * 9 // 10), advance)

    @contextlib.contextmanager
    def fresh(self, size: int) -> Iterator[str]:
        if size > LARGEST_COPY:
            url = self._cluster.url(_name(size))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM (INDEX_CLEANUP ON)")
            yield url
            return
        self._do("CREATE DATABASE copy TEMPLATE {}", _name(size))
        try:
            yield self._cluster.url("copy")
        finally:
            self._do("DROP DATABASE copy WITH (FORCE)")

    def write_back(self, url: str) -> None:
        self._do("CHECKPOINT")

    def cpu_s(self) -> float:
        return time.process_time() + self._cluster.cpu_s()

    def bytes(self, size: int) -> int:
        with psycopg.connect(self._cluster.url(_name(size))) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])

    def _do(self, statement: LiteralString, *names: str) -> None:
        self._session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[Ground]:
    yield SqliteGround(folder)


@contextlib.contextmanager
def _postgres(folder: Path) -> Iterator[Ground]:
    with Cluster(NEWEST, folder, **_POSTGRES) as cluster, psycopg.connect(cluster.url(), autocommit=True) as session:
        yield PostgresGround(cluster, session)


#: How databases of each kind are made in a folder.
GROUNDS: dict[str, Callable[[Path], AbstractContextManager[Ground]]] = {"sqlite": _sqlite, "postgres": _postgres}


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _name(size: int) -> str:
    return f"stored_{size}"


def _past(url: str, size: int, kept_from: int = 0) -> Past:
    """The past of a new database, at sources and endpoints that its store has just made."""
    now_ms = time.time_ns() // 1_000_000
    places = asyncio.run(_configured(open_store(url, SECRET), now_ms))
    return Past(size, places, now_ms, most_attempts=1, body=b"x" * 100, kept_from=kept_from)


async def _configured(store: Store, now_ms: int) -> tuple[Place, ...]:
    try:
        return tuple([await _place(store, number, now_ms) for number in range(SOURCES)])
    finally:
        await store.close()


async def _place(store: Store, number: int, now_ms: int) -> Place:
    source = SourceSpec.model_validate({"name": f"source-{number:02}", "provider": "none"})
    endpoint = EndpointSpec.model_validate({"name": "hook", "url": "http://127.0.0.1:9/"})
    made = await store.catalogue.put_source(PutSource(DEFAULT_ORG, source, (), now_ms))
    put = PutEndpoint(DEFAULT_ORG, made.id, endpoint, (), now_ms)
    return Place(made.id, (await store.catalogue.put_endpoint(put)).id)
