"""Cost stays flat on PostgreSQL: what every named query touches, with as much stored as ``make test-plans`` says.

A plan is made once, for all parameters, from what the statistics said at that time. So each query is looked at under
three kinds of them: of a quiet hour, when nothing was owed, of a busy one, and without any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import hookline.storage
from hookline.storage.migrate import migrate
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.transaction import PostgresTransaction
from hookline.storage.sql import ARRAYS, QUERIES
from tests.plans.asking import CLAIM, PAGE, new_rows, numbers, question
from tests.plans.explaining import Explained, Session, pages
from tests.plans.loading import Statistics, believe, load_postgres
from tests.plans.past import IS_SHORT, Past
from tests.plans.surroundings import PLACES, customers_endpoint, surround
from tests.postgres.cluster import NEWEST, OLDEST, Cluster

_ASKED: Final = "".join(file.read_text() for file in Path(hookline.storage.__file__).parent.glob("*.py"))
#: What is asked for one row of parameters, and has a statement for many besides.
_BOTH: Final = ARRAYS.keys() & set(re.findall(r'tx\.(?:rows|row|run)\(\s*"(\w+)"', _ASKED))
#: What is asked of a file only, by its one server.
_OF_A_FILE: Final = {"release_all_leases"}

SINGLY: Final = sorted((QUERIES.keys() - ARRAYS.keys() - _OF_A_FILE) | _BOTH)
INSERTS: Final = {"insert_events": "event", "insert_payloads": "payload", "insert_deliveries": "delivery"}
MANY: Final = sorted(ARRAYS.keys() - INSERTS.keys())

#: Pages and rows that a query about one thing touches.
FEW_PAGES, FEW_ROWS = 60, 2 * PAGE
#: Pages and rows for each of many that are given.
PAGES_EACH, ROWS_EACH = 35, 6
#: Pages to find in one partition where a range begins: the levels of an index.
DEPTH: Final = 4

#: A page of a list: its rows are in up to four tables, with an index each.
_PAGE = {"pages": 5 * DEPTH * PAGE, "rows": 6 * PAGE}

#: Queries that touch more, and what for: pages or rows, in all or in each partition.
MORE: Final = {
    **dict.fromkeys(("attempts_of_endpoint_newest", "attempts_of_endpoint_oldest"), _PAGE),
    **dict.fromkeys(("messages_of_endpoint_newest", "messages_of_endpoint_oldest"), _PAGE),
    **dict.fromkeys(("events_of_source_newest", "events_of_source_oldest", "events_for_endpoint"), _PAGE),
    **dict.fromkeys(("events_newest", "events_oldest", "deliveries_newest", "deliveries_of_endpoint"), _PAGE),
    **dict.fromkeys(("events_of_rare_status_newest", "events_of_rare_status_oldest"), _PAGE),
    **dict.fromkeys(("expired_events", "expired_payloads", "forget_seen", "owed_to_endpoint"), _PAGE),
    **dict.fromkeys(("forget_rejections", "forget_strangers", "leases_of_node", "replays_running"), _PAGE),
    **dict.fromkeys(("rejections_excess", "strangers_excess", "applications_newest"), _PAGE),
    "due_deliveries": {"pages": 4 * DEPTH * CLAIM, "rows": 4 * CLAIM},
    "owed_in_order": {"pages": 4 * DEPTH * CLAIM, "rows": 4 * CLAIM},
    # counts what came in a time: 500 deliveries, half of them to this endpoint
    "endpoint_stats": {"pages": 500, "rows": 600},
    # one in a hundred is dead: half a hundred are found among some thousand
    "dead_of_endpoint": {"pages": 30 * PAGE, "rows": 250 * PAGE},
}

#: Queries that step from source to source or from endpoint to endpoint, in every partition.
STEPPING: Final = {"event_sources", "endpoints_owed"}
#: Queries that go through all that is owed, or through all of it at one endpoint.
QUEUE: Final = {"backlog", "set_fifo_of_owed"}
#: Queries that go along an index from its end, and why that is not far.
WALKING: Final = {
    "backlog": "all that is owed, when metrics are asked for",
    "endpoints_owed": "the first endpoint; from there on in steps",
    "event_sources": "the first source; from there on in steps",
    "newest_event": "the last one",
    "fanouts_waiting": "a limited number",
    "forget_seen": "only what expires, and a limited number",
    "nodes": "the servers that are running",
    "rejections_excess": "a bounded number is kept",
    "strangers_excess": "the same",
    "forget_strangers": "the same",
    "replays_running": "replays are few",
}

#: Queries that read more than they need until the tables were looked at for the first time, and what.
TOO_EARLY: Final = {
    "forget_seen": "all keys whose time is over, by their index",
    **dict.fromkeys(("forget_strangers", "rejections_newest", "replays_newest"), "a table that stays small"),
}

#: Queries that look into every partition. All others are told which one by an id.
EVERYWHERE: Final = {
    # what is owed may have come at any time
    *("due_deliveries", "owed_in_order", "next_due", "owed_to_endpoint", "endpoints_owed", "backlog"),
    *("set_fifo_of_owed", "leases_of_node", "end_lease"),
    # so may what is listed
    *("attempts_of_endpoint_newest", "attempts_of_endpoint_oldest", "last_success_at"),
    *("messages_of_endpoint_newest", "messages_of_endpoint_oldest", "dead_of_endpoint"),
    *("deliveries_newest", "deliveries_of_endpoint", "endpoint_stats"),
    *("events_newest", "events_oldest", "events_of_source_newest", "events_of_source_oldest"),
    *("events_of_rare_status_newest", "events_of_rare_status_oldest", "events_for_endpoint", "newest_event"),
    # and what is old
    *("expired_events", "expired_payloads", "event_sources"),
}


class Asked:
    """A full database, and how each statement was carried out there: each is asked once."""

    def __init__(self, session: Session, past: Past, statistics: Statistics) -> None:
        self.session, self.past, self.statistics = session, past, statistics
        self.one, self.many, self.inserted = cache(self._one), cache(self._many), cache(self._inserted)
        self.partitions = session.partitions("delivery")

    def _one(self, name: str) -> Explained:
        return self.session.explain(name, question(name, self.past, numbers(name, self.past, 1)[0]))

    def _many(self, name: str) -> Explained:
        about = numbers(name, self.past, PAGE)
        return self.session.explain_rows(name, [question(name, self.past, number) for number in about])

    def _inserted(self, name: str) -> Explained:
        return self.session.explain_columns(name, new_rows(INSERTS[name], self.past, PAGE))


@pytest.fixture(scope="package", params=[NEWEST] if IS_SHORT else [NEWEST, OLDEST])
def filled(request: pytest.FixtureRequest, past: Past) -> Iterator[str]:
    """The URL of a full database, of which nobody takes statistics but we."""
    with Cluster(request.param, fsync="off", autovacuum="off") as cluster:
        url = cluster.new_database()
        connection = Connection(url, "surroundings", limit_s=60.0)
        tx = PostgresTransaction(connection)
        with tx.committed():
            migrate(tx)
            surround(tx, past)
        connection.close()
        load_postgres(url, past)
        yield url


@pytest.fixture(scope="module", params=list(Statistics))
def asked(request: pytest.FixtureRequest, filled: str, past: Past) -> Iterator[Asked]:
    """Under one kind of statistics after the other, in the order in which they can be made."""
    believe(filled, request.param)
    session = Session(filled)
    yield Asked(session, past, request.param)
    session.close()


# -- everything is found by an index -----------------------------------------------------------------------


def walks(explained: Explained, session: Session) -> list[str]:
    """Where a table is read as a whole, or an index otherwise than from where it was told to."""
    found = []
    for node in explained.nodes():
        if node["Node Type"] == "Seq Scan":
            found.append(f"all of {node['Relation Name']}")
        elif index := node.get("Index Name"):
            first = session.first_columns[index]
            if not re.search(rf"(?<!\w){re.escape(first)}(?!\w)", node.get("Index Cond", "")):
                found.append(f"{index} without {first}")
    return found


@pytest.mark.parametrize("name", SINGLY)
def test_a_query_finds_its_rows_by_an_index(asked: Asked, name: str) -> None:
    assert walks(asked.one(name), asked.session) == [] or name in WALKING


@pytest.mark.parametrize("name", MANY)
def test_a_statement_for_many_finds_their_rows_by_an_index(asked: Asked, name: str) -> None:
    assert walks(asked.many(name), asked.session) == []


# -- and little is touched on the way ----------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGLY)
def test_a_query_touches_little(asked: Asked, past: Past, name: str) -> None:
    if asked.statistics is Statistics.NONE and name in TOO_EARLY:
        pytest.skip(TOO_EARLY[name])
    explained = asked.one(name)
    more = MORE.get(name, {"pages": FEW_PAGES, "rows": FEW_ROWS})
    in_each = DEPTH * len(asked.partitions) if name in EVERYWHERE else 0
    times = len(PLACES) if name in STEPPING else 1
    queue = 3 * past.owed if name in QUEUE else 0
    assert explained.pages <= more["pages"] + 2 * times * in_each + queue
    assert explained.rows <= more["rows"] + 2 * times * in_each + queue


@pytest.mark.parametrize("name", MANY)
def test_a_statement_for_many_touches_little_for_each(asked: Asked, name: str) -> None:
    assert asked.many(name).pages <= PAGES_EACH * PAGE
    assert asked.many(name).rows <= ROWS_EACH * PAGE


@pytest.mark.parametrize("name", INSERTS)
def test_storing_touches_little_for_each(asked: Asked, name: str) -> None:
    assert asked.inserted(name).pages <= PAGES_EACH * PAGE


# -- in the partitions that it can be in -------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGLY)
def test_who_is_told_an_id_looks_into_one_partition(asked: Asked, name: str) -> None:
    looked_into = asked.one(name).partitions()
    assert all(len(them) == 1 for them in looked_into.values()) or name in EVERYWHERE


@pytest.mark.parametrize("name", MANY)
def test_who_is_told_many_ids_looks_into_their_partitions(asked: Asked, past: Past, name: str) -> None:
    theirs = {past.partition(number) for number in numbers(name, past, PAGE)}
    for table, looked_into in asked.many(name).partitions().items():
        assert len(looked_into) <= len(theirs), table


@pytest.mark.parametrize("name", ["due_deliveries", "owed_in_order"])
def test_a_claim_reads_what_it_takes_and_the_next_of_each_partition(asked: Asked, name: str) -> None:
    """A partition in which nothing is due costs the descent in its index; each delivery its page beside that."""
    read = [node for node in asked.one(name).nodes() if node.get("Relation Name", "").startswith("delivery")]
    assert len(read) == len(asked.partitions)
    assert sum(node["Actual Rows"] for node in read) <= CLAIM + 1 + len(read)
    for node in read:
        assert pages(node) <= DEPTH + 2 * node["Actual Rows"]


@pytest.mark.parametrize("name", ["due_deliveries", "owed_in_order", "next_due"])
def test_to_find_that_nothing_is_owed_costs_a_look_into_each_partition(asked: Asked, past: Past, name: str) -> None:
    idle = question(name, past, 0) | {"endpoint_id": customers_endpoint(9)}
    assert asked.session.explain(name, idle).pages <= DEPTH * len(asked.partitions)
