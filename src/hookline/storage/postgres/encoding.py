"""Values on their way to and from PostgreSQL, in its binary formats.

The rows of a group are sent as arrays, a column each. That is most of what the hot path sends, so it is packed here
without a detour (https://www.postgresql.org/docs/current/protocol-message-formats.html; the format of arrays is in
``array_recv``, of numbers in ``int8recv`` and ``float8recv``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

TEXT: Final = 0
BINARY: Final = 1

#: A value and its format.
Encoded: TypeAlias = tuple[bytes | None, int]

#: Object ids of types, which never change (pg_type.dat).
_BOOL, _BYTEA, _INT8, _INT2, _INT4, _TEXT, _FLOAT8 = 16, 17, 20, 21, 23, 25, 701

_HEAD = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_EIGHT = _LENGTH.pack(8)
_NULL = _LENGTH.pack(-1)
_INTEGER = struct.Struct(">q")
_DOUBLE = struct.Struct(">d")


def parameter(value: Any) -> Encoded:
    """One value. Bytes are binary; all else is text, so that PostgreSQL gives it the type that it needs there."""
    if value is None:
        return None, TEXT
    if isinstance(value, str):
        return text(value), TEXT
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), BINARY
    if isinstance(value, float):
        return repr(value).encode(), TEXT
    return b"%d" % value, TEXT


def text(value: str) -> bytes:
    """UTF-8. What PostgreSQL cannot store in a text, NUL and lone surrogates, becomes U+FFFD."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        encoded = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return encoded.replace(b"\0", b"\xef\xbf\xbd") if b"\0" in encoded else encoded


def array(kind: str, values: Sequence[Any]) -> bytes:
    """Values of one column as an array; ``kind`` is the name of their type in SQL."""
    oid, pack = _ARRAYS[kind]
    parts = [_HEAD.pack(1, 1, oid, len(values), 1)] if values else [_HEAD.pack(0, 0, oid, 0, 0)[:12]]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            pack(parts, value)
    return b"".join(parts)


def _add_text(parts: list[bytes], value: str) -> None:
    encoded = text(value)
    parts.append(_LENGTH.pack(len(encoded)))
    parts.append(encoded)


def _add_bytes(parts: list[bytes], value: bytes) -> None:
    parts.append(_LENGTH.pack(len(value)))
    parts.append(value)


def _add_integer(parts: list[bytes], value: int) -> None:
    parts.append(_EIGHT)
    parts.append(_INTEGER.pack(value))


def _add_double(parts: list[bytes], value: float) -> None:
    parts.append(_EIGHT)
    parts.append(_DOUBLE.pack(value))


_ARRAYS: Mapping[str, tuple[int, Callable[[list[bytes], Any], None]]] = {
    "TEXT": (_TEXT, _add_text),
    "BYTEA": (_BYTEA, _add_bytes),
    "BIGINT": (_INT8, _add_integer),
    "DOUBLE PRECISION": (_FLOAT8, _add_double),
}


def reader(oid: int) -> Callable[[bytes], Any]:
    """What makes a value of a binary one of this type."""
    return _READERS.get(oid, bytes.decode)


def _integer(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _double(raw: bytes) -> float:
    value: float = _DOUBLE.unpack(raw)[0]
    return value


_READERS: Mapping[int, Callable[[bytes], Any]] = {
    _BOOL: lambda raw: raw == b"\x01",
    _BYTEA: bytes,
    _INT8: _integer,
    _INT4: _integer,
    _INT2: _integer,
    _FLOAT8: _double,
}
