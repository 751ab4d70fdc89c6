"""The two ends of a move: which databases may be used, and taking hold of them.

The old one is held, so that nobody writes to it and no server begins on it. The new one is empty, or holds a move of
exactly this old one that was interrupted. Whatever is in the way is said before anything is changed.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import msgspec

from hookline.core.errors import ConfigError, Conflict, SecretUnreadable, StoreError, StoreLocked
from hookline.storage.ledger import Ledger, Move, What, check_same
from hookline.storage.side import Side, SqliteSide, tables
from hookline.storage.store import Store, open_database, open_store
from hookline.storage.vault import Vault

_SQLITE = "sqlite:///"


class Ends(msgspec.Struct, frozen=True):
    """From where to where, and the secret of both."""

    old_url: str
    new_url: str
    secret: str

    def __repr__(self) -> str:
        return "Ends()"  # URLs may hold passwords

    def check(self) -> None:
        """Raise ConfigError unless one is a file and the other is not, StoreError when there is nothing to move."""
        if self.old_url == self.new_url:
            raise ConfigError("is the same database as --from; name another", where="--to")
        if _is_file(self.old_url) == _is_file(self.new_url):
            how = "a file is moved by copying it" if _is_file(self.old_url) else "pg_dump moves from one to another"
            raise ConfigError(
                f"is of the same kind as --from, and one of them must be sqlite:///…; {how}", where="--to"
            )
        for flag, url in (("--from", self.old_url), ("--to", self.new_url)):
            if _is_file(url) and not url.startswith(_SQLITE):
                raise ConfigError("names no file; write sqlite:///hookline.db", where=flag)
        if not _may_exist(self.old_url):
            raise StoreError(f"there is no database at {self.old_url}; say with --from where it is")

    # -- looking -----------------------------------------------------------------------------------------

    def look_at_old(self, stack: ExitStack) -> Side:
        """The old database as it is; servers may go on serving."""
        old = _side(self.old_url, stack, read_only=True)
        self._check_old(old)
        return old

    def look_at_new(self, what: What, stack: ExitStack) -> tuple[Side, Move | None] | None:
        """The new database and the move that has begun into it; None when it is not there yet."""
        if not _may_exist(self.new_url):
            return None
        new = _side(self.new_url, stack, read_only=True)
        new.own()
        return new, self._begun(new, what)

    # -- taking hold ---------------------------------------------------------------------------------------

    def take_old(self, stack: ExitStack) -> tuple[Side, Store]:
        """The old database, its schema up to date, to which nobody writes until the end; and the store on it."""
        old = _side(self.old_url, stack)
        self._check_old(old)
        try:
            store = open_store(self.old_url, self.secret, serve=True)
        except StoreLocked as error:
            raise StoreLocked(f"{error.message.partition(';')[0]}; stop it before the move") from None
        stack.callback(store.database.abandon)  # type: ignore[attr-defined]
        check_unserved(old, "old")
        old.hold()
        check_unserved(old, "old")
        return old, store

    def take_new(self, what: What, stack: ExitStack) -> Side:
        """The new database, its schema up to date, into which nobody else moves."""
        new = _side(self.new_url, stack)
        new.own()
        self._begun(new, what)
        new.prepare()
        return new

    def begin(self, new: Side, what: What, now_ms: int) -> Move:
        """The move as it is noted in the new database. Nobody serves it from now on."""
        with new.transaction():
            begun = self._begun(new, what)
            if begun is None:
                begun = Move(what, now_ms)
                Ledger(new).begin(begun, Vault(self.secret).proof)
        return begun

    # -- what may be in the way ----------------------------------------------------------------------------

    def _check_old(self, old: Side) -> None:
        if not old.has("meta"):
            raise StoreError("the database that --from names was never used by Hookline; say where the used one is")
        self._check_proof(old, "old")

    def _check_proof(self, side: Side, which: str) -> None:
        found = side.ask("SELECT value FROM meta WHERE name = 'vault_proof'")
        if found and found[0][0] != Vault(self.secret).proof:
            raise SecretUnreadable(
                f"the {which} database was written with another HOOKLINE_SECRET; a move needs the one of the old "
                "database (without the variable it is the file `secret` in the data folder, see --data-dir)"
            )

    def _begun(self, new: Side, what: What) -> Move | None:
        """The move that has begun into the new database. Raises when nothing may be moved into it."""
        if not new.has("meta"):
            return None
        self._check_proof(new, "new")
        check_unserved(new, "new")
        if (begun := Ledger(new).read()) is not None:
            check_same(begun.what, what)
            return begun
        names = [table.name for table in tables() if new.has(table.name)]
        if held := [name for name in names if new.ask(f"SELECT 1 FROM {name} LIMIT 1")]:  # noqa: S608
            raise Conflict(
                f"the new database holds data already ({', '.join(held)}); nothing was changed. "
                "Move into an empty database"
            )
        return None


def check_unserved(side: Side, which: str) -> None:
    """Raise StoreLocked when servers run on a database of which that is known."""
    if side.has("node") and (nodes := side.ask("SELECT name, id FROM node ORDER BY id")):
        named = ", ".join(f"{name} ({id})" for name, id in nodes)
        raise StoreLocked(
            f"the {which} database is served by {named}; stop all its servers. One that was killed is forgotten when "
            "another has run for ten seconds and was stopped"
        )


def _is_file(url: str) -> bool:
    return url.startswith("sqlite:")


def _may_exist(url: str) -> bool:
    return not _is_file(url) or Path(url.removeprefix(_SQLITE)).exists()


def _side(url: str, stack: ExitStack, *, read_only: bool = False) -> Side:
    side: Side
    if _is_file(url):
        side = SqliteSide(url.removeprefix(_SQLITE), read_only=read_only)
    else:
        open_database(url).abandon()  # says what is missing when psycopg is
        from hookline.storage.postgres.side import PostgresSide

        side = PostgresSide(url)
    stack.callback(side.close)
    return side
