"""Brings the schema up to date: numbered, forward-only migrations, each applied once."""

from __future__ import annotations

from hookline.core.errors import StoreVersion
from hookline.storage.sql import migrations
from hookline.storage.sqlite import SqliteTransaction


def migrate(tx: SqliteTransaction) -> None:
    """Apply what is missing. Raises StoreVersion for a database from the future."""
    known = migrations()
    newest = known[-1][0]
    version = int(tx.pragma("user_version"))
    if version > newest:
        raise StoreVersion(
            f"the database has schema version {version}, this Hookline knows {newest}; install the newer version"
        )
    for number, _name, text in known:
        if number > version:
            tx.script(text)
            tx.pragma(f"user_version = {number}")
