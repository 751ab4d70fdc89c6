"""Rows in a form that is the same for both databases, so that what was copied can be compared byte by byte.

It is the form in which PostgreSQL's COPY takes and gives a row (https://www.postgresql.org/docs/current/sql-copy.html,
"Binary Format"): a count of fields, then each with its length. So there nothing is converted at all, and SQLite's rows
are packed as PostgreSQL would give them back: NUL, which it cannot store in a text, is U+FFFD.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final, TypeAlias

#: What a row is known by: the values of its primary key.
Key: TypeAlias = tuple[Any, ...]

_COUNT = struct.Struct(">h")
_LENGTH = struct.Struct(">i")
_INTEGER = struct.Struct(">iq")
_DOUBLE = struct.Struct(">id")
_NULL: Final = _LENGTH.pack(-1)
_REPLACEMENT: Final = "\ufffd".encode()

_DIGEST_BYTES = 16


class Kind(StrEnum):
    """The types that columns have, by their names in the schema of SQLite."""

    TEXT = "TEXT"
    BYTES = "BLOB"
    INTEGER = "BIGINT"
    DOUBLE = "DOUBLE PRECISION"


_NUMBERS: Final = {Kind.INTEGER: _INTEGER.pack, Kind.DOUBLE: _DOUBLE.pack}


class Table:
    """A table: its columns with their kinds; the first ``key_columns`` of them are its primary key."""

    def __init__(self, name: str, columns: Sequence[str], kinds: Sequence[Kind], key_columns: int) -> None:
        self.name, self.columns, self.kinds, self.key_columns = name, tuple(columns), tuple(kinds), key_columns
        self._head = _COUNT.pack(len(self.kinds))
        self._numbers = tuple(_NUMBERS.get(kind) for kind in self.kinds)
        texts = [place for place, kind in enumerate(self.kinds) if kind is Kind.TEXT]
        self._texts_of = itemgetter(*texts, texts[-1])  # two or more, so that it is always a tuple

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the columns of the primary key."""
        return self.columns[: self.key_columns]

    def pack(self, row: Sequence[Any]) -> bytes:
        """A row as bytes. Its texts are UTF-8, and none is NULL."""
        if b"\0" in b"".join(self._texts_of(row)):
            row = self._storable(row)
        parts = [self._head]
        add, length_of = parts.append, _LENGTH.pack
        for number, value in zip(self._numbers, row, strict=True):
            if value is None:
                add(_NULL)
            elif number is None:
                add(length_of(len(value)))
                add(value)
            else:
                add(number(8, value))
        return b"".join(parts)

    def _storable(self, row: Sequence[Any]) -> list[Any]:
        pairs = zip(self.kinds, row, strict=True)
        return [storable(value) if kind is Kind.TEXT else value for kind, value in pairs]

    def unpack(self, packed: bytes) -> tuple[Any, ...]:
        """The values of a row."""
        return tuple(self._values(packed, len(self.kinds)))

    def key_of(self, packed: bytes) -> Key:
        """What a row is known by."""
        return tuple(self._values(packed, self.key_columns))

    def _values(self, packed: bytes, count: int) -> Iterator[Any]:
        place = _COUNT.size
        for kind in self.kinds[:count]:
            (length,) = _LENGTH.unpack_from(packed, place)
            place += _LENGTH.size
            if length < 0:
                yield None
                continue
            raw = packed[place : place + length]
            place += length
            yield _value(kind, raw)


def _value(kind: Kind, raw: bytes) -> Any:
    if kind is Kind.TEXT:
        return raw.decode()
    if kind is Kind.INTEGER:
        return int.from_bytes(raw, "big", signed=True)
    return struct.unpack(">d", raw)[0] if kind is Kind.DOUBLE else raw


def storable(text: bytes) -> bytes:
    """A text in UTF-8 as PostgreSQL can store it."""
    return text.replace(b"\0", _REPLACEMENT)


@dataclass(slots=True)
class Checksum:
    """How many rows, and a sum over all of their bytes that does not depend on their order."""

    rows: int = 0
    _sum: int = field(default=0, repr=False)

    def add(self, packed: Iterable[bytes]) -> None:
        """Add rows."""
        for row in packed:
            self._sum += int.from_bytes(blake2b(row, digest_size=_DIGEST_BYTES).digest(), "big")
            self.rows += 1
        self._sum %= 1 << 8 * _DIGEST_BYTES

    @property
    def hex(self) -> str:
        """The sum, as people compare it."""
        return f"{self._sum:0{2 * _DIGEST_BYTES}x}"
