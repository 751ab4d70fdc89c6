"""Moving everything from one database into one of the other kind: whole and proven, or to be gone on with.

Table by table, rows are copied in the order of their keys, some thousands in a transaction that also notes how far
it is (`ledger`). So a move that ends at any moment is gone on with where it stopped, and no row is there twice. When
all is copied, both databases are read once more from beginning to end. Only when each table has as many rows on both
sides and the same checksum, the new one may be served.

Nobody writes to the old one meanwhile, and nothing changes in it. What a server had leased that is gone now arrives as
waiting and due; in the old one that is rolled back, with the transaction in which all of it is read.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from hookline.core import ids
from hookline.core.errors import Conflict, HooklineError, StoreError
from hookline.storage.ends import Ends, check_unserved
from hookline.storage.ledger import Ledger, Place, spoken, what_is_in
from hookline.storage.packed import Checksum, Key, Table
from hookline.storage.side import Side, tables
from hookline.storage.sql import QUERIES
from hookline.storage.store import Store

#: Rows of a transaction, and the bytes after which it ends earlier.
BATCH_ROWS = 10_000
BATCH_BYTES = 8 << 20


_GOES_ON: Final = ". What was copied stays there: the same command goes on with it"


class Phase(StrEnum):
    """What is being done with a table."""

    COPY = "copy"
    VERIFY = "verify"


class Step(msgspec.Struct, frozen=True):
    """How far a table is. In the second phase its rows are read on both sides, so there are twice as many."""

    phase: Phase
    table: str
    done: int
    total: int


class Survey(msgspec.Struct, frozen=True):
    """What a move would do: the rows of each table, and how many of them are copied already."""

    rows: dict[str, int]
    copied: dict[str, int]


class Proof(msgspec.Struct, frozen=True):
    """A table that is the same on both sides."""

    table: str
    rows: int
    checksum: str


class Moved(msgspec.Struct, frozen=True):
    """What a move did. ``copied``: how many rows in this run."""

    tables: tuple[Proof, ...]
    copied: int


Tell: TypeAlias = Callable[[Step], None]

#: Packed rows, and the key of the last of them.
Batch: TypeAlias = tuple[list[bytes], Key]


def survey(ends: Ends) -> Survey:
    """What `move` would do; nothing is changed, and servers may go on serving the old one. Raises as `move` does."""
    ends.check()
    with _explained(), ExitStack() as stack:
        what = what_is_in(ends.look_at_old(stack))
        rows = {name: extent.rows for name, extent in what.tables.items()}
        new, begun = ends.look_at_new(what, stack) or (None, None)
        if new is None or begun is None:
            return Survey(rows, dict.fromkeys(rows, 0))
        return Survey(rows, {table.name: Ledger(new).place(table).rows for table in tables()})


def move(ends: Ends, *, retention_s: float, now_ms: int, tell: Tell) -> Moved:
    """Move everything; ``tell`` hears how far it is. When it was interrupted, the same call goes on with it.

    ``retention_s`` is how long events are kept whose sources do not say: by that they are divided.

    Raises Conflict when the new database holds other data, or differs in the end; StoreLocked when one of them is
    served; SecretUnreadable when one was written with another secret; ConfigError for URLs that cannot be used; and
    StoreError.
    """
    ends.check()
    with _explained(), ExitStack() as stack:
        old, store = ends.take_old(stack)
        what = what_is_in(old)
        new = ends.take_new(what, stack)
        with _explained(_GOES_ON):
            begun = ends.begin(new, what, now_ms)
            _make_room(old, new, _longest_retention_ms(store, retention_s), now_ms)
            old.ask(QUERIES["release_all_leases"].replace(":now_ms", "?"), begun.began_ms)
            copied = sum(_copy(old, new, table, what.tables[table.name].rows, tell) for table in tables())
            proofs = tuple(_verify(old, new, table, tell) for table in tables())
            new.settle()
            with new.transaction():
                check_unserved(new, "new")
                Ledger(new).end(what.meta["routing_version"])
        return Moved(proofs, copied)


def _longest_retention_ms(store: Store, retention_s: float) -> float:
    own = (source.retention_s for source in store.routing.sources.values())
    return 1000 * max(retention_s, *(one for one in own if one is not None), 0.0)


def _make_room(old: Side, new: Side, longest_retention_ms: float, now_ms: int) -> None:
    """Prepare the new database for the events of the old one, once: before the first of them is there."""
    ledger = Ledger(new)
    if not ledger.has_room:
        ((oldest,),) = old.ask("SELECT MIN(id) FROM event")
        new.make_room(ids.made_at_ms(oldest) if oldest else now_ms, now_ms, longest_retention_ms)
        ledger.note_room()


# -- copying ---------------------------------------------------------------------------------------------


def _copy(old: Side, new: Side, table: Table, total: int, tell: Tell) -> int:
    """Copy what of a table is missing; how many rows."""
    ledger = Ledger(new)
    place = ledger.place(table)
    before = place.rows
    tell(Step(Phase.COPY, table.name, before, total))
    # Whatever ends this, its reader has ended before the old database is closed under it.
    with contextlib.closing(_ahead(_batches(old.rows(table, place.last)))) as coming:
        for rows, last in coming:
            place = Place(place.rows + len(rows), spoken(last))
            with new.transaction():
                new.insert(table, rows)
                ledger.note(table, place)
            tell(Step(Phase.COPY, table.name, place.rows, total))
    return place.rows - before


def _batches(rows: Iterator[tuple[Key, bytes]]) -> Iterator[Batch]:
    """What goes into one transaction, with the last key of it."""
    batch: list[bytes] = []
    size = 0
    last: Key = ()
    for last, packed in rows:
        batch.append(packed)
        size += len(packed)
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch, last
            batch, size = [], 0
    if batch:
        yield batch, last


def _ahead(batches: Iterator[Batch]) -> Generator[Batch, None, None]:
    """The same; each is read while the one before it is written."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


# -- verifying -------------------------------------------------------------------------------------------


def _verify(old: Side, new: Side, table: Table, tell: Tell) -> Proof:
    """Read a table on both sides. Raises Conflict when it is not the same."""
    counts = old.count(table), new.count(table)
    read = 0
    sums = []
    for side in (old, new):
        checksum = Checksum()
        contents = side.contents(table)
        while chunk := list(islice(contents, BATCH_ROWS)):
            checksum.add(chunk)
            tell(Step(Phase.VERIFY, table.name, read + checksum.rows, sum(counts)))
        read += checksum.rows
        sums.append(checksum)
    if sums[0] != sums[1] or counts != (sums[0].rows, sums[1].rows):
        rows = f"{counts[0]} rows in the old database, {counts[1]} in the new one"
        raise Conflict(
            f"the table `{table.name}` differs: {rows}{'' if counts[0] != counts[1] else ', which are not the same'}. "
            "No server serves the new database; move again, into an empty one"
        )
    return Proof(table.name, sums[0].rows, sums[0].hex)


@contextlib.contextmanager
def _explained(then: str = "") -> Iterator[None]:
    """What the databases complain of, as StoreErrors; ``then`` is what can be done."""
    try:
        yield
    except HooklineError:
        raise
    except sqlite3.Error as error:
        raise StoreError(f"the file cannot be used now: {error}{then}") from None
    except Exception as error:
        from hookline.storage.postgres.errors import explained

        known = explained(error)
        raise StoreError(f"{known}{then}") if isinstance(known, StoreError) else known from None
