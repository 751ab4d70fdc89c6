"""Values come back from PostgreSQL as they went, alone and in arrays; what it cannot store is made storable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.encoding import BINARY, array, parameter, text
from hookline.storage.postgres.statements import plain, query
from hookline.storage.postgres.transaction import PostgresTransaction
from tests.postgres.cluster import Cluster

_ARRAYS = plain(
    "arrays",
    "SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::double precision[]) AS t (a, b, c, d)",
)
_VALUES = plain("values", "SELECT $1::text AS a, $2::bytea AS b, $3::bigint AS c, $4::double precision AS d")

#: What PostgreSQL can store in a text.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)
ROWS = st.lists(st.tuples(TEXTS, st.binary(), st.none() | INTEGERS, FLOATS), max_size=20)


@pytest.fixture(scope="module")
def tx(newest: Cluster) -> Iterator[PostgresTransaction]:
    connection = Connection(newest.new_database(), "test", limit_s=5)
    yield PostgresTransaction(connection)
    connection.close()


@given(rows=ROWS)
@settings(max_examples=100, deadline=None)
def test_columns_of_values_come_back(tx: PostgresTransaction, rows: list[tuple[str, bytes, int | None, float]]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    kinds = ("TEXT", "BYTEA", "BIGINT", "DOUBLE PRECISION")
    values = [(array(kind, column), BINARY) for kind, column in zip(kinds, columns, strict=True)]
    with tx.committed():
        tx.connection.send(_ARRAYS, values)
        found = tx.answered()
    assert [tuple(row.values()) for row in found] == rows


@given(value=st.tuples(TEXTS, st.binary(), INTEGERS, FLOATS))
@settings(max_examples=100, deadline=None)
def test_single_values_come_back(tx: PostgresTransaction, value: tuple[str, bytes, int, float]) -> None:
    with tx.committed():
        tx.connection.send(_VALUES, [parameter(each) for each in value])
        (found,) = tx.answered()
    assert tuple(found.values()) == value


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_becomes_one_that_can_be_stored(value: str) -> None:
    encoded = text(value)
    assert b"\0" not in encoded
    assert encoded.decode().replace("\ufffd", "") == "".join(
        letter for letter in value if letter not in "\0\ufffd" and not 0xD800 <= ord(letter) <= 0xDFFF
    )


def test_names_become_numbers_once_each() -> None:
    statement = query("put_source")
    number = statement.params.index("now_ms") + 1
    assert statement.text.count(b"$%d" % number) == 2  # when it was created, and when it was updated
    assert len(set(statement.params)) == len(statement.params)
    assert b":" not in statement.text.replace(b"::", b"")


def test_none_is_null(tx: PostgresTransaction) -> None:
    with tx.committed():
        tx.connection.send(_VALUES, [parameter(None)] * 4)
        (found,) = tx.answered()
    assert set(found.values()) == {None}
