"""Cost stays flat on SQLite: how far every named query goes, with as much stored as ``make test-plans`` says.

The ways that queries go are asserted in tests/storage/test_query_plans.py, on an empty file. Here the file is full: the
ways are the same, and the steps of SQLite's machine are counted on each of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from hookline.storage.migrate import migrate
from hookline.storage.sql import SQLITE
from hookline.storage.sqlite import SqliteTransaction, connect
from tests.plans.asking import CLAIM, PAGE, new_rows, numbers, question
from tests.plans.loading import load_sqlite
from tests.plans.past import Past
from tests.plans.surroundings import CUSTOMERS, PLACES, REJECTIONS, surround
from tests.storage.test_query_plans import OF_SEVERAL_SERVERS, plan

#: Steps that a query about one thing takes.
FEW = 300
#: Steps for each row of a page: of one table, and of up to four that belong together.
ROW, JOINED = 40, 100
#: Steps for each new event or delivery, and for each row of an index that is walked along.
NEW, PASSED = 90, 25

#: Queries that take more, and what for.
MORE = {
    **dict.fromkeys(("applications_oldest", "applications_newest", "rejections_newest", "replays_newest"), ROW * PAGE),
    **dict.fromkeys(("event_types_rising", "event_types_falling", "replays_running"), ROW * PAGE),
    **dict.fromkeys(("events_newest", "events_oldest", "deliveries_newest", "deliveries_of_endpoint"), ROW * PAGE),
    **dict.fromkeys(("events_of_rare_status_newest", "events_of_rare_status_oldest"), ROW * PAGE),
    **dict.fromkeys(("expired_events", "expired_payloads", "forget_seen", "owed_to_endpoint"), ROW * PAGE),
    **dict.fromkeys(("forget_rejections", "forget_strangers"), ROW * PAGE),
    **dict.fromkeys(("events_of_source_newest", "events_of_source_oldest", "events_for_endpoint"), JOINED * PAGE),
    **dict.fromkeys(("messages_of_endpoint_newest", "messages_of_endpoint_oldest"), JOINED * PAGE),
    **dict.fromkeys(("attempts_of_endpoint_newest", "attempts_of_endpoint_oldest"), JOINED * PAGE),
    "due_deliveries": ROW * CLAIM,
    "owed_in_order": ROW * CLAIM,
    # from source to source, and from endpoint to endpoint
    **dict.fromkeys(("event_sources", "endpoints_owed"), JOINED * len(PLACES)),
    # counts what came in a time: 500 deliveries, half of them to this endpoint
    "endpoint_stats": PASSED * 500,
    # one in a hundred is dead: half a hundred are found among some thousand
    "dead_of_endpoint": PASSED * PAGE * 100,
    # all sources by name, also those that are applications: as many as are configured
    "sources_of_org": PASSED * CUSTOMERS,
    # all rejections, of which a bounded number is kept
    **dict.fromkeys(("rejections_excess", "strangers_excess"), 80 * REJECTIONS),
}

#: Queries that go through all that is owed, or through all of it at one endpoint, and the steps for each delivery.
QUEUE = {
    "backlog": PASSED,
    "release_all_leases": ROW,
    "set_fifo_of_owed": ROW,
}

#: What a file is never asked, because it has one server, is left out.
ASKED = [name for name in SQLITE if name not in OF_SEVERAL_SERVERS]

Insert = Callable[[SqliteTransaction, list[tuple[object, ...]]], None]

INSERTS: dict[str, Insert] = {
    "event": lambda tx, rows: tx.insert_events(rows),
    "payload": lambda tx, rows: tx.insert_payloads(rows),
    "delivery": lambda tx, rows: tx.insert_deliveries(rows),
}


class Counted:
    """A connection to a file, and how many steps are made for what is asked of it. Nothing of that stays."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._steps = 0

    def steps(self, work: Callable[[SqliteTransaction], object]) -> int:
        self._steps = 0
        self.connection.execute("BEGIN")
        self.connection.set_progress_handler(self._step, 1)
        try:
            work(SqliteTransaction(self.connection))
        finally:
            self.connection.set_progress_handler(None, 0)
            self.connection.execute("ROLLBACK")
        return self._steps

    def _step(self) -> None:
        self._steps += 1


@pytest.fixture(scope="module")
def full(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    path = tmp_path_factory.mktemp("plans") / "full.db"
    made = connect(str(path))
    tx = SqliteTransaction(made)
    with tx.committed():
        migrate(tx)
        surround(tx, past)
    made.close()
    load_sqlite(path, past)
    made = connect(str(path))
    yield Counted(made)
    made.close()
    path.unlink()


@pytest.fixture(scope="module")
def empty() -> Iterator[sqlite3.Connection]:
    made = connect(":memory:")
    tx = SqliteTransaction(made)
    with tx.committed():
        migrate(tx)
    yield made
    made.close()


@pytest.mark.parametrize("name", ASKED)
def test_a_query_goes_the_same_way_when_much_is_stored(full: Counted, empty: sqlite3.Connection, name: str) -> None:
    assert plan(full.connection, name) == plan(empty, name)


@pytest.mark.parametrize("name", ASKED)
def test_a_query_takes_few_steps(full: Counted, past: Past, name: str) -> None:
    params = question(name, past, numbers(name, past, 1)[0])
    most = QUEUE[name] * past.owed if name in QUEUE else 0
    assert full.steps(lambda tx: tx.rows(name, params)) <= max(most, MORE.get(name, FEW))


@pytest.mark.parametrize("table", INSERTS)
def test_storing_takes_few_steps(full: Counted, past: Past, table: str) -> None:
    rows = new_rows(table, past, PAGE)
    assert full.steps(lambda tx: INSERTS[table](tx, rows)) <= NEW * PAGE


def test_steps_are_counted(full: Counted) -> None:
    assert full.steps(lambda tx: tx.pragma("data_version")) < FEW
    count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT COUNT(*) FROM n"
    assert full.steps(lambda tx: full.connection.execute(count).fetchall()) > 1000
