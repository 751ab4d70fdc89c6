"""Rows as bytes: nothing of a row is lost, and a checksum tells what is the same from what is not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hookline.storage.packed import Checksum, Kind, Table, storable
from hookline.storage.postgres import encoding

COLUMNS = {
    "id": Kind.TEXT,
    "number": Kind.INTEGER,
    "size": Kind.DOUBLE,
    "bytes": Kind.BYTES,
    "until_ms": Kind.INTEGER,
    "note": Kind.TEXT,
}
TABLE = Table("thing", list(COLUMNS), list(COLUMNS.values()), 2)

INTEGERS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.tuples(st.text(), INTEGERS, st.floats(allow_nan=False), st.binary(), st.none() | INTEGERS, st.text())


def packed(row: tuple[Any, ...]) -> bytes:
    return TABLE.pack([value.encode() if isinstance(value, str) else value for value in row])


@given(ROWS)
def test_a_row_comes_back_as_postgresql_would_give_it(row: tuple[Any, ...]) -> None:
    stored = tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    assert TABLE.unpack(packed(row)) == stored
    assert TABLE.key_of(packed(row)) == stored[:2]
    assert TABLE.key == ("id", "number")


@given(st.text())
def test_a_text_is_stored_as_a_server_on_postgresql_stores_it(text: str) -> None:
    assert storable(text.encode()) == encoding.text(text)


def checksum(rows: list[tuple[Any, ...]]) -> Checksum:
    made = Checksum()
    for row in rows:
        made.add([packed(row)])
    return made


@given(st.lists(ROWS, max_size=5), st.randoms())
def test_the_order_of_rows_does_not_count(rows: list[tuple[Any, ...]], dice: Any) -> None:
    mixed = list(rows)
    dice.shuffle(mixed)
    assert checksum(rows) == checksum(mixed)
    assert checksum(rows).rows == len(rows)


@given(st.lists(ROWS, max_size=3), st.lists(ROWS, max_size=3))
def test_what_is_in_rows_counts_and_how_often(some: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> None:
    same = sorted(map(packed, some)) == sorted(map(packed, others))
    assert (checksum(some).hex == checksum(others).hex) == same
