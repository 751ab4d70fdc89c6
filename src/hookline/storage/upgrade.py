"""Bringing a database's schema up to date on purpose, beside servers that go on serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.storage.migrate import SchemaState, look, migrate
from hookline.storage.sqlite import SqliteTransaction
from hookline.storage.store import open_database

if TYPE_CHECKING:
    from hookline.storage.store import DatabaseTransaction


def upgrade(database_url: str, *, check: bool = False) -> SchemaState:
    """Apply the migrations that are missing, or with ``check`` only say which; how it was before.

    Raises ConfigError for a URL that names no database, StoreVersion for one from the future, or StoreError.
    """
    database = open_database(database_url)

    def work(tx: DatabaseTransaction) -> SchemaState:
        if not isinstance(tx, SqliteTransaction):
            tx.hold_migrations()
        return look(tx) if check else migrate(tx)

    try:
        return database.set_up(work)
    finally:
        database.abandon()
