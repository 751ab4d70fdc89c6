"""Forgetting what is old, a little at a time, so that the writer is never held long and the file stays bounded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from hookline.core import ids
from hookline.core.model import EventStatus
from hookline.storage.base import Database, Row, Transaction
from hookline.storage.statuses import span

#: Events forgotten per transaction: some 10 ms of work.
EVENTS_PER_STEP = 200
#: Deliveries and attempts forgotten per transaction: very wide events are forgotten one by one.
ROWS_PER_STEP = 2000
#: Events that are forgotten before the rows are counted.
EVENTS_AT_ONCE = 10
KEYS_PER_STEP = 1000
PAYLOADS_PER_STEP = 500

_OWED = (EventStatus.PENDING, EventStatus.PROCESSING)


class Cut(msgspec.Struct, frozen=True):
    """Events of ``source_id`` received before ``before_ms`` are old."""

    source_id: str
    before_ms: int


class Retention:
    """Removes old events with all that belongs to them. What is still owed is never removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sources(self) -> list[str]:
        """Every source that has events, also one that was removed."""
        return await self._database.read(lambda tx: [row["source_id"] for row in tx.rows("event_sources")])

    async def forget_events(self, cut: Cut) -> int:
        """Remove some old events; 0 when there are none left."""
        return await self._database.write(_events_batch, cut)  # type: ignore[no-any-return]

    async def forget_keys(self, now_ms: int) -> int:
        """Remove some deduplication keys whose time is over; 0 when there are none left."""
        return await self._database.write(_keys_batch, now_ms)  # type: ignore[no-any-return]

    async def forget_payloads(self, now_ms: int) -> int:
        """Remove the bytes of events that are over and whose bytes have had their time; how many.

        They are looked for beside the writer: where much is still owed for long, most of what is found stays.
        """
        forgotten, after = 0, (0, "")
        while found := await self._database.read(partial(_expired_payloads, now_ms=now_ms, after=after)):
            after = (found[-1]["expires_at_ms"], found[-1]["event_id"])
            if over := [row["event_id"] for row in found if row["status"] not in _OWED]:
                forgotten += await self._database.write(_payloads_batch, over)
        return forgotten

    async def is_due(self, now_ms: int, next_ms: int) -> bool:
        """Whether it is this server that tidies up now; the next one does not before ``next_ms``."""
        if not self._database.shared:
            return True
        return await self._database.write(_turn_batch, (now_ms, next_ms))  # type: ignore[no-any-return]

    async def make_room(self, now_ms: int, longest_ms: float) -> None:
        """Prepare for the events that will come; ``longest_ms`` is the longest retention."""
        await self._database.make_room(now_ms, longest_ms)

    async def drop_old(self, now_ms: int, longest_ms: float) -> int:
        """Forget, all at once, what is older than the longest retention; how many events."""
        return await self._database.drop_old(now_ms, longest_ms)

    def slack_ms(self, longest_ms: float) -> int:
        """How much longer the events are kept that are forgotten all at once."""
        return self._database.slack_ms(longest_ms)

    async def reclaim_space(self) -> bool:
        """Give some freed pages back to the file system; whether there are more."""
        return await self._database.write(self._reclaim_batch, None)  # type: ignore[no-any-return]

    def _reclaim_batch(self, tx: Transaction, items: Sequence[None]) -> list[bool]:
        return [self._database.reclaim_space(tx)] * len(items)


def _turn_batch(tx: Transaction, items: Sequence[tuple[int, int]]) -> list[bool]:
    return [bool(tx.run("take_housekeeping", {"now_ms": now_ms, "next_ms": next_ms})) for now_ms, next_ms in items]


def _events_batch(tx: Transaction, cuts: Sequence[Cut]) -> list[int]:
    return [_forget_events(tx, cut) for cut in cuts]


def _forget_events(tx: Transaction, cut: Cut) -> int:
    where = {"source_id": cut.source_id, "cut": ids.lowest(ids.EVENT, cut.before_ms), "limit": EVENTS_PER_STEP}
    old = [row["id"] for row in tx.rows("expired_events", where)]
    events = rows = 0
    while events < len(old) and rows < ROWS_PER_STEP:
        few = old[events : events + EVENTS_AT_ONCE]
        spans = [span(event_id) for event_id in few]
        rows += tx.count_each("forget_attempts", spans) + tx.count_each("forget_deliveries", spans)
        tx.each("forget_payload", [{"id": event_id} for event_id in few])
        tx.each("forget_event", [{"id": event_id} for event_id in few])
        events += len(few)
    return events


def _expired_payloads(tx: Transaction, now_ms: int, after: tuple[int, str]) -> list[Row]:
    where = {"now_ms": now_ms, "after_ms": after[0], "after_id": after[1], "limit": PAYLOADS_PER_STEP}
    return tx.rows("expired_payloads", where)


def _payloads_batch(tx: Transaction, items: Sequence[list[str]]) -> list[int]:
    return [_forget_payloads(tx, item) for item in items]


def _forget_payloads(tx: Transaction, event_ids: list[str]) -> int:
    tx.lock("lock_events", event_ids)  # so that nobody owes one of them to somebody meanwhile
    return tx.count_each("forget_expired_payload", [{"id": event_id} for event_id in event_ids])


def _keys_batch(tx: Transaction, items: Sequence[int]) -> list[int]:
    return [tx.run("forget_seen", {"now_ms": now_ms, "limit": KEYS_PER_STEP}) for now_ms in items]
