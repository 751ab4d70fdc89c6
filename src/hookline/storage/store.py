"""The store: one object that knows what is on disk, over any Database."""

from __future__ import annotations

from collections.abc import Sequence

from hookline.core.errors import ConfigError, SecretUnreadable
from hookline.storage.application_endpoints import ApplicationEndpoints
from hookline.storage.applications import Applications
from hookline.storage.apply import Change, Wanted, apply
from hookline.storage.attempts import Attempts
from hookline.storage.base import Database, Transaction, Worker
from hookline.storage.catalogue import Catalogue
from hookline.storage.deliveries import Deliveries
from hookline.storage.event_types import EventTypes
from hookline.storage.events import Events
from hookline.storage.fanout import Fanouts
from hookline.storage.messages import Messages
from hookline.storage.migrate import migrate
from hookline.storage.rejections import Rejections
from hookline.storage.replays import Replays
from hookline.storage.retention import Retention
from hookline.storage.routing import Routing
from hookline.storage.sqlite import SqliteDatabase
from hookline.storage.vault import Vault


class Store:
    """Everything Hookline remembers. Its parts are named for what they remember."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.catalogue = Catalogue(database, vault)
        self.applications = Applications(self.catalogue)
        self.application_endpoints = ApplicationEndpoints(self.catalogue)
        self.event_types = EventTypes(self.catalogue)
        self.events = Events(database, self.catalogue.current)
        self.messages = Messages(database)
        self.attempts = Attempts(database)
        self.deliveries = Deliveries(database, self.catalogue.current, self.catalogue.new_id)
        self.fanouts = Fanouts(database, self.catalogue.current)
        self.rejections = Rejections(database)
        self.replays = Replays(database, self.catalogue.current, lambda: self.catalogue.routing)
        self.retention = Retention(database)
        self._outside_version = -1

    @property
    def routing(self) -> Routing:
        """The newest snapshot of sources and endpoints that this process knows."""
        return self.catalogue.routing

    def hand_over_to(self, worker: Worker) -> None:
        """From now on ``worker`` is told of everything that is owed."""
        for part in (self.catalogue, self.events, self.messages, self.deliveries, self.fanouts, self.replays):
            part.worker = worker

    async def apply(self, wanted: Wanted) -> list[Change]:
        """Make sources and endpoints agree with a file."""
        return await apply(self.catalogue, wanted)

    async def changed_outside(self) -> bool:
        """Whether another process changed the database since this was last asked; then the routing is fresh."""
        return await self.database.write(self._changed_batch, None)  # type: ignore[no-any-return]

    def _changed_batch(self, tx: Transaction, items: Sequence[None]) -> list[bool]:
        before, version = self._outside_version, self.database.outside_version(tx)
        changed = version != before
        self._outside_version = version
        tx.on_rollback(lambda: self._ask_again(before))
        if changed:
            self.catalogue.refresh(tx)
        return [changed] * len(items)

    def _ask_again(self, version: int) -> None:
        """Nobody was told: what was committed by others is still news."""
        self._outside_version = version

    async def ping(self) -> None:
        """Write nothing, durably. Raises StoreError when the database cannot be written."""
        await self.database.write(_ping_batch, None)

    async def close(self) -> None:
        """Write what waits, then close."""
        await self.database.close()


def _ping_batch(tx: Transaction, items: Sequence[None]) -> list[None]:
    tx.run("ping")
    return [None] * len(items)


def open_store(
    database_url: str, secret: str, *, serve: bool = False, sync: str = "full", threads: bool = True
) -> Store:
    """The store at ``sqlite:///path`` or ``sqlite://:memory:``, its schema up to date.

    ``serve`` makes this process the only server of the file; without ``threads`` everything runs on the event
    loop, which is slower and deterministic. Raises ConfigError for a URL that names no
    database we can open, StoreLocked, StoreVersion, SecretUnreadable, or StoreError.
    """
    database = SqliteDatabase(_sqlite_path(database_url), sync=sync, threads=threads)
    try:
        if serve:
            database.own()
        database.set_up(migrate)
        vault = Vault(secret)
        database.set_up(lambda tx: _check_secret(tx, vault))
        store = Store(database, vault)
        database.set_up(store.catalogue.refresh)
    except BaseException:
        database.abandon()
        raise
    return store


def _check_secret(tx: Transaction, vault: Vault) -> None:
    """A database belongs to the secret it was first opened with, also while nothing is encrypted in it yet."""
    tx.run("vault_proof_insert", {"proof": vault.proof})
    row = tx.row("vault_proof")
    if row is None or row["value"] != vault.proof:
        raise SecretUnreadable(
            "the database was written with another HOOKLINE_SECRET; start with that one "
            "(without the variable it is the file `secret` in the data folder)"
        )


def _sqlite_path(database_url: str) -> str:
    scheme, separator, rest = database_url.partition("://")
    if scheme in ("postgresql", "postgres"):
        raise ConfigError("PostgreSQL is not built in yet; use sqlite:///path/to/hookline.db", where="database")
    if scheme != "sqlite" or not separator:
        raise ConfigError("a database URL begins with sqlite:/// as in sqlite:///hookline.db", where="database")
    if rest in (":memory:", "/:memory:"):
        return ":memory:"
    path = rest.removeprefix("/")
    if not path:
        raise ConfigError("the URL names no file; write sqlite:///hookline.db", where="database")
    return path
