"""The tables that grow with every event, divided by time: made ahead, and dropped as a whole when they are old.

An id begins with the time at which its event came, so a range of times is a range of ids, the same one for an event,
its bytes, its deliveries and its attempts: they lie in partitions that come and go together.

What no partition was made for lands in the default ones. So no event is ever refused for want of a partition; it only
has to be forgotten row by row. New partitions begin where nothing has landed yet.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from hookline.core import ids
from hookline.storage.postgres.transaction import PostgresTransaction

#: The tables, with the prefix of the ids that divide them.
TABLES: Final = (("event", ids.EVENT), ("payload", ids.EVENT), ("delivery", ids.DELIVERY), ("attempt", ids.DELIVERY))

DAY_MS: Final = 86_400_000
#: The columns that divide them.
KEYS: Final = ("id", "event_id", "id", "delivery_id")

#: Retention is covered by about so many partitions: claims look into each of them.
WANTED: Final = 10
NARROWEST_MS: Final = DAY_MS
WIDEST_MS: Final = 30 * DAY_MS
#: How many are there before they are needed.
AHEAD: Final = 2
#: Where events came that no partition was made for, the next one begins so much later than now.
SOON_MS: Final = 60_000
#: For events that come all at once, from another database, so many are made at most; what is older is an exception.
MOST_BACK: Final = 60

#: Whoever needs a table for itself waits no longer than this, because everybody else waits behind it.
_LOCK_LIMIT = "SET LOCAL lock_timeout = 500"

#: Rows are written once and changed once or twice soon afterwards: what that leaves behind goes early.
_AUTOVACUUM = "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05"

_BOUND = re.compile(r"FOR VALUES FROM \('[a-z]+_([0-9a-f]+)'\) TO \('[a-z]+_([0-9a-f]+)'\)")

#: Partitions with more events than this are not counted: it is only said how many events went.
MOST_COUNTED = 1_000_000
_ROWS = "SELECT CAST(reltuples AS BIGINT) AS rows FROM pg_class WHERE oid = to_regclass($1)"

_PARTITIONS = """
SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bound
FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid
WHERE i.inhparent = to_regclass('event')
"""


class Partition(NamedTuple):
    """The part of each table that has the events from ``start_ms`` until before ``end_ms``."""

    start_ms: int
    end_ms: int
    suffix: str


def width_ms(longest_retention_ms: float) -> int:
    """How much time one partition shall cover."""
    return int(min(max(longest_retention_ms / WANTED, NARROWEST_MS), WIDEST_MS)) // DAY_MS * DAY_MS


def present(tx: PostgresTransaction) -> list[Partition]:
    """All partitions but the default ones, oldest first."""
    found = []
    for row in tx.ask(_PARTITIONS):
        if bound := _BOUND.fullmatch(row["bound"]):
            found.append(Partition(int(bound[1], 16), int(bound[2], 16), row["name"].removeprefix("event")))
    return sorted(found)


def make_ahead(tx: PostgresTransaction, now_ms: int, width: int) -> list[Partition]:
    """Make what will be needed; what was made. For one server at a time: see `hold_migrations`."""
    made = []
    end_ms = max((each.end_ms for each in present(tx)), default=0)
    while end_ms < now_ms + AHEAD * width:
        start_ms = end_ms if end_ms > now_ms else _begin(tx, end_ms, now_ms, width)
        end_ms = (start_ms // width + 1) * width
        if not _has_landed(tx, start_ms, end_ms):  # by a clock that is ahead: that time has none, and is done without
            made.append(_make(tx, start_ms, end_ms))
    return made


def make_back(tx: PostgresTransaction, since_ms: int, now_ms: int, width: int) -> Partition | None:
    """Make the newest that is missing for the time since ``since_ms``, before any event is there; None when none is."""
    first_ms = min((each.start_ms for each in present(tx)), default=(now_ms // width + 1) * width)
    if first_ms <= max(since_ms, now_ms - MOST_BACK * width):
        return None
    return _make(tx, (first_ms - 1) // width * width, first_ms)


def _begin(tx: PostgresTransaction, last_end_ms: int, now_ms: int, width: int) -> int:
    """Where the next one begins when there is none for now: at the last one's end, if nothing came since."""
    start_ms = max(last_end_ms, now_ms // width * width)
    return now_ms + SOON_MS if _has_landed(tx, start_ms, now_ms + 1) else start_ms


def _has_landed(tx: PostgresTransaction, start_ms: int, end_ms: int) -> bool:
    """Whether events of this time lie in the default partitions."""
    return any(
        tx.ask(
            f"SELECT 1 AS one FROM {table}_default WHERE {key} >= $1 AND {key} < $2 LIMIT 1",  # noqa: S608
            ids.lowest(prefix, start_ms),
            ids.lowest(prefix, end_ms),
        )
        for (table, prefix), key in zip(TABLES, KEYS, strict=True)
    )


def _make(tx: PostgresTransaction, start_ms: int, end_ms: int) -> Partition:
    made = Partition(start_ms, end_ms, datetime.fromtimestamp(start_ms / 1000, UTC).strftime("_%Y%m%d_%H%M%S"))
    tx.ask(_LOCK_LIMIT)
    for table, prefix in TABLES:
        name = f"{table}{made.suffix}"
        # Made apart and then attached: that locks what lies in the default partition, and not what is stored elsewhere.
        tx.ask(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        tx.ask(f"ALTER TABLE {name} SET ({_AUTOVACUUM})")
        start, end = ids.lowest(prefix, start_ms), ids.lowest(prefix, end_ms)
        tx.ask(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
    return made


def count_events(tx: PostgresTransaction, partition: Partition) -> int:
    """How many events a partition has: counted where it is small, else as many as when it was last analysed."""
    known: int = tx.ask(_ROWS, f"event{partition.suffix}")[0]["rows"]
    if known > MOST_COUNTED:
        return known
    count: int = tx.ask(f"SELECT COUNT(*) AS count FROM event{partition.suffix}")[0]["count"]  # noqa: S608
    return count


def drop(tx: PostgresTransaction, partition: Partition) -> bool:
    """Remove a partition with all that is in it, unless something in it is still owed; whether it is gone.

    Nobody can owe anything meanwhile: the tables are ours until the transaction ends.
    """
    tx.ask(_LOCK_LIMIT)
    for table, _ in TABLES:
        tx.ask(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
        tx.ask(f"LOCK TABLE {table}{partition.suffix} IN ACCESS EXCLUSIVE MODE")
    if is_owed(tx, partition):
        return False
    for table, _ in TABLES:
        tx.ask(f"DROP TABLE {table}{partition.suffix}")
    return True


def is_owed(tx: PostgresTransaction, partition: Partition) -> bool:
    """Whether anything in a partition is still owed to somebody."""
    owed = f"SELECT 1 AS one FROM delivery{partition.suffix} WHERE state IN ('waiting', 'leased') LIMIT 1"  # noqa: S608
    start, end = (ids.lowest(ids.EVENT, at_ms) for at_ms in partition[:2])
    spreading = "SELECT 1 AS one FROM fanout WHERE event_id >= $1 AND event_id < $2 LIMIT 1"
    return bool(tx.ask(owed) or tx.ask(spreading, start, end))
