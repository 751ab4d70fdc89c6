"""Cost stays flat: with millions of events stored, every query finds its rows by an index. The plans are read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline.storage
from hookline.storage.migrate import migrate
from hookline.storage.sql import QUERIES, SQLITE
from hookline.storage.sqlite import SqliteTransaction, connect

#: The tables that grow with every event, and those that grow with every customer.
LARGE = {"event", "payload", "delivery", "attempt", "seen", "source", "endpoint", "event_type", "gone"}
ALIASES = {"e": "event", "p": "payload", "d": "delivery", "s": "seen", "a": "attempt", "i": "attempt"}

#: Queries that may read a whole index, and why.
MAY_SCAN = {
    "backlog": "counts all that is owed, when metrics are asked for: the index of what is owed, not the table",
    "release_all_leases": "once, when a server starts: the index of what is owed, not the table",
}

#: Queries that nobody asks of a file, because it has one server; PostgreSQL has an index for them.
OF_SEVERAL_SERVERS = {"leases_of_node", "end_lease"}

#: Queries that may sort, and why.
MAY_SORT = {
    "rejections_excess": "adds up the sizes of rejections, whose number is bounded",
    "strangers_excess": "the same",
    "attempts_of_message_newest": "by time, the attempts of one message: its endpoints times its tries",
    "attempts_of_message_oldest": "the same",
}

_PAYLOAD = "p USING INDEX sqlite_autoindex_payload_1 (event_id=?)"
_RANGE = "delivery USING PRIMARY KEY (id>? AND id<?)"
_FANOUT = "fanout USING COVERING INDEX sqlite_autoindex_fanout_1 (event_id=?)"
_TO_ENDPOINT = "d USING INDEX delivery_of_endpoint (<expr>=? AND id>? AND id<?)"
_OF_SOURCE = "event_by_source (source_id=? AND id>? AND id<?)"
_AT_ENDPOINT = [
    "i USING COVERING INDEX attempt_of_endpoint (<expr>=? AND (started_at_ms,delivery_id,number)>(?,?,?) "
    "AND (started_at_ms,delivery_id,number)<(?,?,?))",
    "a USING PRIMARY KEY (delivery_id=? AND number=?)",
    "e USING PRIMARY KEY (id=?)",
    _PAYLOAD,
]
_OF_MESSAGE = [
    "attempt USING PRIMARY KEY (delivery_id>? AND delivery_id<?)",
    "a USING PRIMARY KEY (delivery_id=? AND number=?)",
    "d USING PRIMARY KEY (id=?)",
]

#: The intended way to the rows of each query whose cost matters most.
INTENDED = {
    # claiming: the queue is one index, from the endpoint to what is due longest
    "due_deliveries": ["d USING INDEX delivery_owed (endpoint_id=? AND due_at_ms<?)", "p USING INDEX"],
    "owed_in_order": ["d USING INDEX delivery_in_order (endpoint_id=? AND fifo>?)", _PAYLOAD],
    "next_due": ["delivery USING INDEX delivery_owed (endpoint_id=?)"],
    "endpoints_owed": [
        "delivery USING INDEX delivery_owed",
        "d USING INDEX delivery_owed (endpoint_id>?)",
        "d USING INDEX delivery_owed (endpoint_id=?)",
        "e USING INDEX sqlite_autoindex_endpoint_1 (id=?)",
    ],
    "owed_to_endpoint": ["delivery USING INDEX delivery_owed (endpoint_id=?)"],
    "to_send": ["e USING PRIMARY KEY (id=?)", "p USING INDEX sqlite_autoindex_payload_1 (event_id=?)"],
    "settle": ["delivery USING PRIMARY KEY (id=?)"],
    "processed_if_all_delivered": ["event USING PRIMARY KEY (id=?)", _RANGE, _FANOUT],
    "refresh_event_status": ["event USING PRIMARY KEY (id=?)", _FANOUT, *[_RANGE] * 4],
    "cancel_deliveries_of_event": [_RANGE],
    # configuring: with 50,000 endpoints, one that changed is found among them by its version
    "changed_sources": ["source USING INDEX source_by_version (version>?)"],
    "changed_endpoints": ["endpoint USING INDEX endpoint_by_version (version>?)"],
    "changed_event_types": ["event_type USING INDEX event_type_by_version (version>?)"],
    "gone_since": ["gone USING INDEX gone_by_version (version>?)"],
    "application_get": [
        "source USING INDEX sqlite_autoindex_source_1 (id=?)",
        "source USING INDEX source_by_uid (org_id=? AND uid=?)",
    ],
    "application_of_uid": ["source USING INDEX source_by_uid (org_id=? AND uid=?)"],
    "applications_oldest": ["source USING INDEX source_by_kind (org_id=? AND kind=? AND id>?)"],
    "applications_newest": ["source USING INDEX source_by_kind (org_id=? AND kind=? AND id<?)"],
    "operational_get": ["source USING INDEX sqlite_autoindex_source_2 (org_id=? AND name=?)"],
    "endpoint_get": [
        "endpoint USING INDEX sqlite_autoindex_endpoint_1 (id=?)",
        "endpoint USING INDEX sqlite_autoindex_endpoint_2 (source_id=? AND name=?)",
        "endpoint USING INDEX endpoint_by_uid (source_id=? AND uid=?)",
    ],
    "endpoint_of_uid": ["endpoint USING INDEX endpoint_by_uid (source_id=? AND uid=?)"],
    "endpoints_oldest": ["endpoint USING INDEX endpoint_by_source (source_id=? AND id>?)"],
    "endpoints_newest": ["endpoint USING INDEX endpoint_by_source (source_id=? AND id<?)"],
    "event_types_rising": ["event_type USING PRIMARY KEY (org_id=? AND name>?)"],
    "event_types_falling": ["event_type USING PRIMARY KEY (org_id=? AND name<?)"],
    "set_fifo_of_owed": ["delivery USING INDEX delivery_owed (endpoint_id=?)"],
    # accepting
    "seen_get": ["s USING PRIMARY KEY (source_id=? AND key=?)", "e USING PRIMARY KEY (id=?)"],
    "count_duplicate": ["event USING PRIMARY KEY (id=?)"],
    "event_route": [
        "e USING PRIMARY KEY (id=?)",
        _PAYLOAD.replace("INDEX", "COVERING INDEX"),
        _FANOUT.replace("fanout", "f", 1),
    ],
    "fanout_get": [_FANOUT.replace("fanout", "f", 1).replace("COVERING ", ""), _PAYLOAD, "e USING PRIMARY KEY (id=?)"],
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
    "expired_payloads": [
        "p USING COVERING INDEX payload_by_expiry ((expires_at_ms,event_id)>(?,?) AND expires_at_ms<?)",
        "e USING PRIMARY KEY (id=?)",
    ],
    "forget_deliveries": ["delivery USING PRIMARY KEY (id>? AND id<?)"],
    "forget_attempts": ["attempt USING PRIMARY KEY (delivery_id>? AND delivery_id<?)"],
    # lists: a filter that may be absent cannot choose an index, so these walk back from the newest
    "events_newest": ["event USING PRIMARY KEY (id>? AND id<?)"],
    "events_oldest": ["event USING PRIMARY KEY (id>? AND id<?)"],
    "events_of_source_newest": [f"e USING INDEX {_OF_SOURCE}", _PAYLOAD],
    "events_of_source_oldest": [f"e USING INDEX {_OF_SOURCE}", _PAYLOAD],
    "events_of_rare_status_newest": [
        "event USING INDEX event_by_rare_status (org_id=? AND status=? AND id>? AND id<?)"
    ],
    "events_of_rare_status_oldest": [
        "event USING INDEX event_by_rare_status (org_id=? AND status=? AND id>? AND id<?)"
    ],
    "messages_of_endpoint_newest": [_TO_ENDPOINT, "e USING PRIMARY KEY (id=?)", _PAYLOAD],
    "messages_of_endpoint_oldest": [_TO_ENDPOINT, "e USING PRIMARY KEY (id=?)", _PAYLOAD],
    "endpoint_stats": [_TO_ENDPOINT.replace("d USING", "delivery USING")],
    "attempts_of_endpoint_newest": _AT_ENDPOINT,
    "attempts_of_endpoint_oldest": _AT_ENDPOINT,
    "last_success_at": ["attempt USING COVERING INDEX attempt_of_endpoint (<expr>=? AND started_at_ms>?)"],
    "attempts_of_message_newest": _OF_MESSAGE,
    "attempts_of_message_oldest": _OF_MESSAGE,
    "dead_of_endpoint": [_TO_ENDPOINT, "e USING PRIMARY KEY (id=?)", "p USING COVERING INDEX"],
    "events_for_endpoint": [f"e USING INDEX {_OF_SOURCE}", "d USING PRIMARY KEY (id=?)", "p USING COVERING INDEX"],
    "deliveries_of_endpoint": ["delivery USING INDEX delivery_of_endpoint (<expr>=? AND id<?)"],
    "deliveries_of_event_newest": [_RANGE],
    "deliveries_of_event_oldest": [_RANGE],
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
    query = SQLITE[name]
    params = dict.fromkeys(re.findall(r":(\w+)", query))
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", params)]


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_a_large_table_from_end_to_end(connection: sqlite3.Connection, name: str) -> None:
    for step in plan(connection, name):
        verb, _, rest = step.partition(" ")
        table = rest.partition(" ")[0]
        if verb == "SCAN" and ALIASES.get(table, table) in LARGE and name not in OF_SEVERAL_SERVERS:
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
        asked |= set(re.findall(r'tx\.(?:rows|row|run|each|changed|found)\(\s*"(\w+)"', file.read_text()))
    assert len(asked) > 30
    assert asked <= set(QUERIES)


def test_every_query_is_explained_in_a_sentence() -> None:
    folder = Path(hookline.storage.__file__).parent / "sql" / "queries"
    text = "".join(file.read_text() for file in sorted(folder.iterdir()))
    explained = re.findall(r"^-- name: (.+)\n-- (.+(?:\n-- .+)*)", text, re.MULTILINE)
    assert sorted(name for names, _ in explained for name in names.split(", ")) == sorted(QUERIES)
    sentences = [sentence for _, sentence in explained]
    assert [sentence for sentence in sentences if not sentence.endswith(".")] == []
