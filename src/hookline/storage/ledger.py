"""How far a move is, kept in the database that it goes to: the table `move`, made and dropped by the move itself.

It says what is being moved and which row of each table was copied last. While it is there, a row of `meta` keeps
servers away (`move_under_way`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from hookline.core.errors import Conflict
from hookline.storage.packed import Key, Table
from hookline.storage.side import Side, tables

_MAKE = "CREATE TABLE move (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
_MARK = "INSERT INTO meta (name, value) VALUES ('move_under_way', 1)"
_PROVE = "INSERT INTO meta (name, value) VALUES ('vault_proof', ?) ON CONFLICT (name) DO NOTHING"
_UNMARK = "DELETE FROM meta WHERE name = 'move_under_way'"
_READ = "SELECT value FROM move WHERE name = ?"
_WRITE = "INSERT INTO move (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_MOVES_ON = "UPDATE meta SET value = ? WHERE name = 'routing_version'"

#: What is noted beside the tables, none of which is called so.
_MOVE: Final = "the move"
_ROOM: Final = "the room"


class Extent(msgspec.Struct, frozen=True):
    """What can be told of a table at a glance."""

    rows: int
    first: tuple[str | int, ...]
    last: tuple[str | int, ...]


class What(msgspec.Struct, frozen=True):
    """What is moved: enough to tell another database from this one, or this one after it changed."""

    meta: dict[str, int]
    tables: dict[str, Extent]


class Move(msgspec.Struct, frozen=True):
    """A move that has begun."""

    what: What
    began_ms: int


class Place(msgspec.Struct, frozen=True):
    """How far the move of a table is."""

    rows: int = 0
    last: tuple[str | int, ...] = ()


class Ledger:
    """The ledger of the move into a database."""

    def __init__(self, new: Side) -> None:
        self._new = new

    def read(self) -> Move | None:
        """The move that has begun, if one has."""
        return msgspec.json.decode(self._value(_MOVE), type=Move) if self._new.has("move") else None

    def begin(self, move: Move, vault_proof: int) -> None:
        """Note what is to be moved; from now on nobody serves the database. Within a transaction."""
        self._new.ask(_PROVE, vault_proof)
        self._new.ask(_MARK)
        self._new.ask(_MAKE)
        self._note(_MOVE, move)

    @property
    def has_room(self) -> bool:
        """Whether the database is prepared for what comes."""
        return bool(self._value(_ROOM))

    def note_room(self) -> None:
        """It is prepared."""
        self._note(_ROOM, Place())

    def place(self, table: Table) -> Place:
        """How far a table is."""
        found = self._value(table.name)
        return msgspec.json.decode(found, type=Place) if found else Place()

    def note(self, table: Table, place: Place) -> None:
        """Note how far a table is. In the transaction that brings it there."""
        self._note(table.name, place)

    def end(self, routing_version: int) -> None:
        """The database is like any other now. Within a transaction."""
        self._new.ask(_MOVES_ON, routing_version)
        self._new.ask(_UNMARK)
        self._new.ask("DROP TABLE move")

    def _value(self, name: str) -> str:
        found = self._new.ask(_READ, name)
        return str(found[0][0]) if found else ""

    def _note(self, name: str, value: Move | Place) -> None:
        self._new.ask(_WRITE, name, msgspec.json.encode(value).decode())


def what_is_in(old: Side) -> What:
    """What there is to be moved."""
    meta = {name: value for name, value in old.ask("SELECT name, value FROM meta") if not name.startswith("schema")}
    return What(meta, {table.name: _extent(old, table) for table in tables() if old.has(table.name)})


def _extent(old: Side, table: Table) -> Extent:
    return Extent(old.count(table), _end(old, table, ""), _end(old, table, " DESC"))


def _end(old: Side, table: Table, direction: str) -> Key:
    order = ", ".join(column + direction for column in table.key)
    found = old.ask(f"SELECT {', '.join(table.key)} FROM {table.name} ORDER BY {order} LIMIT 1")  # noqa: S608
    return found[0] if found else ()


def spoken(key: Key) -> tuple[str | int, ...]:
    """A key as it can be noted."""
    return tuple(value.decode() if isinstance(value, bytes) else value for value in key)


def check_same(begun: What, now: What) -> None:
    """Raise Conflict when it is not the same that is to be moved."""
    if begun == now:
        return
    changed = [name for name, extent in now.tables.items() if begun.tables.get(name) != extent] or ["meta"]
    raise Conflict(
        "the new database holds an interrupted move of something else: of another database, or of this one before it "
        f"changed ({', '.join(changed)}), as it does when a server runs on it in between; nothing was changed. "
        "Move into an empty database"
    )
