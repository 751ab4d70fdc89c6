"""Forgetting what is old, a little at a time, so that the writer is never held long and the file stays bounded."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookline.core import ids
from hookline.storage.base import Database, Transaction

#: Events forgotten per transaction: some 10 ms of work.
EVENTS_PER_STEP = 200
KEYS_PER_STEP = 1000


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

    async def reclaim_space(self) -> bool:
        """Give some freed pages back to the file system; whether there are more."""
        return await self._database.write(self._reclaim_batch, None)  # type: ignore[no-any-return]

    def _reclaim_batch(self, tx: Transaction, items: Sequence[None]) -> list[bool]:
        return [self._database.reclaim_space(tx)] * len(items)


def _events_batch(tx: Transaction, cuts: Sequence[Cut]) -> list[int]:
    counts = []
    for cut in cuts:
        where = {
            "source_id": cut.source_id,
            "cut": ids.lowest(ids.EVENT, cut.before_ms),
            "limit": EVENTS_PER_STEP,
        }
        old = [row["id"] for row in tx.rows("expired_events", where)]
        spans = [{"low": low, "high": high} for low, high in map(ids.deliveries_of, old)]
        tx.each("forget_attempts", spans)
        tx.each("forget_deliveries", spans)
        tx.each("forget_payload", [{"id": event_id} for event_id in old])
        tx.each("forget_event", [{"id": event_id} for event_id in old])
        counts.append(len(old))
    return counts


def _keys_batch(tx: Transaction, items: Sequence[int]) -> list[int]:
    return [tx.run("forget_seen", {"now_ms": now_ms, "limit": KEYS_PER_STEP}) for now_ms in items]
