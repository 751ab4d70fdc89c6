"""The store: one object that knows what is on disk, over any Database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from hookline.core.errors import ConfigError, SecretUnreadable, StoreError
from hookline.storage.application_endpoints import ApplicationEndpoints
from hookline.storage.applications import Applications
from hookline.storage.apply import Change, Wanted, apply
from hookline.storage.attempts import Attempts
from hookline.storage.base import Database, Stream, Transaction, Worker, on
from hookline.storage.catalogue import Catalogue
from hookline.storage.deliveries import Deliveries
from hookline.storage.event_types import EventTypes
from hookline.storage.events import Events
from hookline.storage.fanout import Fanouts
from hookline.storage.messages import Messages
from hookline.storage.migrate import look, migrate, require_current
from hookline.storage.nodes import Nodes
from hookline.storage.rejections import Rejections
from hookline.storage.replays import Replays
from hookline.storage.retention import Retention
from hookline.storage.routing import Routing
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction
from hookline.storage.vault import Vault

if TYPE_CHECKING:
    from hookline.storage.postgres import PostgresDatabase
    from hookline.storage.postgres.transaction import PostgresTransaction

    DatabaseTransaction: TypeAlias = SqliteTransaction | PostgresTransaction


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
        self.nodes = Nodes(database)
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
        """Whether another process may have changed the database since this was last asked; then the routing is fresh.

        Of a database that is shared that is always so.
        """
        return await self.database.write(self._changed_batch, None)  # type: ignore[no-any-return]

    def _changed_batch(self, tx: Transaction, items: Sequence[None]) -> list[bool]:
        before, version = self._outside_version, self.database.outside_version(tx)
        changed = version != before or self.database.shared
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


@on(Stream.DOORS)
def _ping_batch(tx: Transaction, items: Sequence[None]) -> list[None]:
    tx.run("ping")
    return [None] * len(items)


def open_store(
    database_url: str, secret: str, *, serve: bool = False, sync: str = "full", threads: bool = True
) -> Store:
    """The store at ``sqlite:///path``, ``sqlite://:memory:`` or ``postgresql://…``, its schema up to date.

    ``serve`` makes this process the only server of a file; without ``threads`` everything that is done with a file runs
    on the event loop, which is slower and deterministic. Raises ConfigError for a URL that names no
    database we can open, StoreLocked, StoreVersion, SecretUnreadable, or StoreError.
    """
    database = open_database(database_url, sync=sync, threads=threads)
    try:
        if serve and isinstance(database, SqliteDatabase):
            database.own()
            database.copy_log_beside()
        database.set_up(prepare)
        database.set_up(_check_moved)
        vault = Vault(secret)
        database.set_up(lambda tx: _check_secret(tx, vault))
        store = Store(database, vault)
        database.set_up(store.catalogue.refresh)
    except BaseException:
        database.abandon()
        raise
    return store


def _check_moved(tx: Transaction) -> None:
    """Half of what was somewhere else would be delivered, and the other half would never be."""
    if tx.row("move_under_way") is not None:
        raise StoreError("a move into this database is not finished; run the same `hookline move` again, to its end")


def _check_secret(tx: Transaction, vault: Vault) -> None:
    """A database belongs to the secret it was first opened with, also while nothing is encrypted in it yet."""
    tx.run("vault_proof_insert", {"proof": vault.proof})
    row = tx.row("vault_proof")
    if row is None or row["value"] != vault.proof:
        raise SecretUnreadable(
            "the database was written with another HOOKLINE_SECRET; start with that one "
            "(without the variable it is the file `secret` in the data folder)"
        )


def prepare(tx: DatabaseTransaction) -> None:
    """Bring the schema up to date, where that is ours to decide: in a file, and in a database that is empty.

    Raises StoreVersion for a schema that is older than this program, or that only a newer one can serve.
    """
    if not isinstance(tx, SqliteTransaction):
        tx.hold_migrations()
    state = look(tx)
    if state.is_empty or isinstance(tx, SqliteTransaction):
        migrate(tx)
    else:
        require_current(state)


def open_database(database_url: str, *, sync: str = "full", threads: bool = True) -> SqliteDatabase | PostgresDatabase:
    """The database at a URL, with nothing done to it yet. Raises ConfigError or StoreError."""
    scheme, separator, rest = database_url.partition("://")
    if scheme in ("postgresql", "postgres"):
        return _postgres(database_url, durable=sync == "full")
    return SqliteDatabase(_sqlite_path(scheme, separator, rest), sync=sync, threads=threads)


def _postgres(database_url: str, *, durable: bool) -> PostgresDatabase:
    try:
        from hookline.storage.postgres import PostgresDatabase
    except ImportError:
        raise ConfigError(
            "PostgreSQL needs an extra: install `hookline[postgres]` (it brings psycopg)", where="database"
        ) from None
    return PostgresDatabase(database_url, durable=durable)


def _sqlite_path(scheme: str, separator: str, rest: str) -> str:
    if scheme != "sqlite" or not separator:
        raise ConfigError(
            "a database URL begins with sqlite:/// as in sqlite:///hookline.db, or with postgresql://", where="database"
        )
    if rest in (":memory:", "/:memory:"):
        return ":memory:"
    path = rest.removeprefix("/")
    if not path:
        raise ConfigError("the URL names no file; write sqlite:///hookline.db", where="database")
    return path
