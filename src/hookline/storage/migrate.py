"""Brings the schema up to date: numbered, forward-only migrations, each applied once.

A migration may be applied while servers of the version before are serving (blue/green): it says in its first lines
since which version the code works with what it leaves behind (``-- works with: 3``), and the database remembers the
largest of these. A server that finds a newer schema serves it as long as that number is not above its own.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from hookline.core.errors import StoreVersion
from hookline.storage.sql import Migration, migrations


class Migrating(Protocol):
    """What migrations need of a transaction."""

    #: Whose migrations are applied: ``sqlite`` or ``postgres``.
    dialect: str

    def schema(self) -> tuple[int, int]:
        """The version of the schema and the oldest version whose code may serve it; (0, 0) where there is none."""
        ...

    def apply(self, migration: Migration, works_with: int) -> None:
        """Execute a migration, and remember its number and ``works_with``."""
        ...


class SchemaState(msgspec.Struct, frozen=True):
    """Where a schema is, and what is to be done."""

    version: int  #: 0: the database is empty
    newest: int  #: what this program knows
    pending: tuple[str, ...]  #: the names of the migrations that are missing

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing yet."""
        return self.version == 0


def look(tx: Migrating) -> SchemaState:
    """Where the schema is. Raises StoreVersion for one that only a newer program can serve."""
    known = migrations(tx.dialect)
    newest = known[-1].number
    version, works_with = tx.schema()
    if version > newest and works_with > newest:
        raise StoreVersion(
            f"the database has schema version {version}, this Hookline knows {newest}; install the newer version"
        )
    return SchemaState(version, newest, tuple(each.name for each in known if each.number > version))


def migrate(tx: Migrating) -> SchemaState:
    """Apply what is missing, in the transaction that is open; what was. Raises StoreVersion as `look` does."""
    before = look(tx)
    works_with = tx.schema()[1]
    for each in migrations(tx.dialect):
        if each.number > before.version:
            works_with = max(works_with, each.works_with)
            tx.apply(each, works_with)
    return before


def require_current(state: SchemaState) -> None:
    """Refuse to serve a schema that is older than this program. Raises StoreVersion."""
    if state.pending:
        raise StoreVersion(
            f"the database has schema version {state.version}, this Hookline needs {state.newest}; "
            "run `hookline migrate` first: servers of the version before may go on serving meanwhile"
        )
