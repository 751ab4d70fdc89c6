"""Cost stays flat: with millions of events stored, every query finds its rows by an index. The plans are read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline.storage
from hookline.storage.migrate import migrate
from hookline.storage.sql import QUERIES
from hookline.storage.sqlite import SqliteTransaction, connect

#: The tables that grow with every event.
LARGE = {"event", "payload", "delivery", "attempt", "seen"}
ALIASES = {"e": "event", "p": "payload", "d": "delivery", "s": "seen"}

#: Queries that may read a whole index, and why.
MAY_SCAN = {
    "backlog": "counts all that is owed, when metrics are asked for: the index of what is owed, not the table",
    "release_all_leases": "once, when a server starts: the index of what is owed, not the table",
}

#: Queries that may sort, and why.
MAY_SORT = {
    "rejections_excess": "adds up the sizes of rejections, whose number is bounded",
    "strangers_excess": "the same",
}

#: The intended way to the rows of each query whose cost matters most.
INTENDED = {
    # claiming: the queue is one index, from the endpoint to what is due longest
    "due_deliveries": ["d USING INDEX delivery_owed (endpoint_id=? AND due_at_ms<?)", "p USING INDEX"],
    "next_due": ["delivery USING INDEX delivery_owed (endpoint_id=?)"],
    "endpoints_owed": [
        "delivery USING INDEX delivery_owed",
        "d USING INDEX delivery_owed (endpoint_id>?)",
        "d USING INDEX delivery_owed (endpoint_id=?)",
    ],
    "owed_to_endpoint": ["delivery USING INDEX delivery_owed (endpoint_id=?)"],
    "to_send": ["e USING PRIMARY KEY (id=?)", "p USING INDEX sqlite_autoindex_payload_1 (event_id=?)"],
    "settle": ["delivery USING PRIMARY KEY (id=?)"],
    # accepting
    "seen_get": ["s USING PRIMARY KEY (source_id=? AND key=?)", "e USING PRIMARY KEY (id=?)"],
    "count_duplicate": ["event USING PRIMARY KEY (id=?)"],
    "states_of_event": ["delivery USING PRIMARY KEY (id>? AND id<?)"],
    # retention
    "expired_events": ["event USING INDEX event_by_source (source_id=? AND id<?)"],
    "event_sources": [
        "event USING COVERING INDEX event_by_source",
        "e USING COVERING INDEX event_by_source (source_id>?)",
    ],
    "forget_seen": [
        "seen USING PRIMARY KEY (source_id=? AND key=?)",
        "seen USING COVERING INDEX seen_by_expiry (expires_at_ms>? AND expires_at_ms<?)",
    ],
    "forget_deliveries": ["delivery USING PRIMARY KEY (id>? AND id<?)"],
    "forget_attempts": ["attempt USING PRIMARY KEY (delivery_id>? AND delivery_id<?)"],
    # lists: a filter that may be absent cannot choose an index, so these walk back from the newest
    "events_newest": ["event USING PRIMARY KEY (id>? AND id<?)"],
    "events_of_source": ["event USING INDEX event_by_source (source_id=? AND id>? AND id<?)"],
    "events_of_rare_status": ["event USING INDEX event_by_rare_status (org_id=? AND status=? AND id>? AND id<?)"],
    "deliveries_newest": ["delivery USING PRIMARY KEY (id<?)"],
    "deliveries_of_event": ["delivery USING PRIMARY KEY (id>? AND id<?)"],
    "attempts_of_event": ["attempt USING PRIMARY KEY (delivery_id>? AND delivery_id<?)"],
}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    made = connect(":memory:")
    tx = SqliteTransaction(made)
    with tx.committed():
        migrate(tx)
    yield made
    made.close()


def plan(connection: sqlite3.Connection, name: str) -> list[str]:
    query = QUERIES[name]
    params = dict.fromkeys(re.findall(r":(\w+)", query))
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", params)]


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_a_large_table_from_end_to_end(connection: sqlite3.Connection, name: str) -> None:
    for step in plan(connection, name):
        verb, _, rest = step.partition(" ")
        table = rest.partition(" ")[0]
        if verb == "SCAN" and ALIASES.get(table, table) in LARGE:
            assert name in MAY_SCAN, f"{name}: {step}"
            assert "USING INDEX delivery_owed" in step


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_sorts(connection: sqlite3.Connection, name: str) -> None:
    """To sort is to read all rows before the first is given, however small the page."""
    sorts = [step for step in plan(connection, name) if "TEMP B-TREE" in step or "AUTOMATIC" in step]
    assert bool(sorts) == (name in MAY_SORT), sorts


@pytest.mark.parametrize("name", INTENDED)
def test_a_query_goes_the_way_that_was_meant(connection: sqlite3.Connection, name: str) -> None:
    searches = [step.removeprefix("SEARCH ") for step in plan(connection, name) if step.startswith("SEARCH ")]
    assert len(searches) == len(INTENDED[name])
    for search, intended in zip(searches, INTENDED[name], strict=True):
        assert search.startswith(intended)


@pytest.mark.parametrize("name", MAY_SCAN)
def test_every_exception_is_still_one(connection: sqlite3.Connection, name: str) -> None:
    assert any(step.startswith("SCAN delivery") for step in plan(connection, name))


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_asked_somewhere(name: str) -> None:
    folder = Path(hookline.storage.__file__).parent
    assert any(f'"{name}"' in file.read_text() for file in folder.glob("*.py"))


def test_every_query_that_is_asked_is_written() -> None:
    folder = Path(hookline.storage.__file__).parent
    asked = set()
    for file in folder.glob("*.py"):
        asked |= set(re.findall(r'tx\.(?:rows|row|run|each)\(\s*"(\w+)"', file.read_text()))
    assert len(asked) > 30
    assert asked <= set(QUERIES)


def test_every_query_is_explained_in_a_sentence() -> None:
    folder = Path(hookline.storage.__file__).parent / "sql" / "queries"
    text = "".join(file.read_text() for file in sorted(folder.iterdir()))
    sentences = re.findall(r"^-- name: \w+\n-- (.+(?:\n-- .+)*)", text, re.MULTILINE)
    assert len(sentences) == len(QUERIES)
    assert [sentence for sentence in sentences if not sentence.endswith(".")] == []
