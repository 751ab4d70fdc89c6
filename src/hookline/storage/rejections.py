"""Refused requests, kept with their cause, bounded in number and age."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookline.core import ids
from hookline.core.model import Rejection, Request
from hookline.storage.base import Database, Row, Transaction

#: Rejections forgotten per transaction: at the largest some 12 MB.
ROWS_PER_STEP = 50

#: Bytes that rejections may take in all, headers and bodies.
MOST_BYTES = 128 * 1024 * 1024

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Request).decode


class Rejections:
    """The rejections of all sources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rejection: Rejection) -> None:
        """Keep a refused request."""
        await self._database.write(_add_batch, rejection)

    async def find(
        self, org_id: str, *, source_name: str = "", cause: str = "", before: str = "", limit: int = 50
    ) -> list[Rejection]:
        """A page of rejections, newest first."""
        params = {
            "org_id": org_id,
            "source_name": source_name or None,
            "cause": cause or None,
            "before": before or "~",
            "limit": limit,
        }
        rows = await self._database.read(lambda tx: tx.rows("rejections_newest", params))
        return [_rejection(row) for row in rows]

    async def get(self, org_id: str, rejection_id: str) -> Rejection | None:
        """One rejection."""
        params = {"org_id": org_id, "id": rejection_id}
        row = await self._database.read(lambda tx: tx.row("rejection_get", params))
        return _rejection(row) if row is not None else None

    async def accepted(self, org_id: str, rejection_id: str, event_id: str) -> None:
        """Note that the request became an event after all."""
        await self._database.write(_accepted_batch, (org_id, rejection_id, event_id))

    async def trim(self, keep: int, older_than_ms: int) -> int:
        """Forget all but the newest ``keep`` and all that came before ``older_than_ms``; how many.

        Requests to no source may be a tenth of the number and of the bytes. A few at a time: whoever waits for
        a commit meanwhile waits for no more than that.
        """
        forgotten = 0
        while count := await self._database.write(_trim_batch, (keep, older_than_ms)):
            forgotten += count
        return forgotten


def _add_batch(tx: Transaction, rejections: Sequence[Rejection]) -> list[None]:
    tx.each(
        "add_rejection",
        [
            {
                "id": rejection.id,
                "org_id": rejection.org_id,
                "source_name": rejection.source_name,
                "received_at_ms": rejection.received_at_ms,
                "cause": rejection.cause,
                "detail": rejection.detail,
                "status": rejection.status,
                "complete": int(rejection.complete),
                "request": _pack(rejection.request),
            }
            for rejection in rejections
        ],
    )
    return [None] * len(rejections)


def _accepted_batch(tx: Transaction, items: Sequence[tuple[str, str, str]]) -> list[None]:
    for org_id, rejection_id, event_id in items:
        tx.run("rejection_accepted", {"org_id": org_id, "id": rejection_id, "event_id": event_id})
    return [None] * len(items)


def _trim_batch(tx: Transaction, items: Sequence[tuple[int, int]]) -> list[int]:
    return [_trim(tx, *item) for item in items]


def _trim(tx: Transaction, keep: int, older_than_ms: int) -> int:
    old = {"upto": ids.lowest(ids.REJECTION, older_than_ms), "limit": ROWS_PER_STEP}
    if count := tx.run("forget_rejections", old):
        return count
    strangers = tx.row("strangers_excess", {"keep": keep // 10, "keep_bytes": MOST_BYTES // 10})
    if strangers is not None:
        return tx.run("forget_strangers", {"upto": strangers["id"], "limit": ROWS_PER_STEP})
    excess = tx.row("rejections_excess", {"keep": keep, "keep_bytes": MOST_BYTES})
    if excess is not None:
        return tx.run("forget_rejections", {"upto": excess["id"], "limit": ROWS_PER_STEP})
    return 0


def _rejection(row: Row) -> Rejection:
    return Rejection(
        id=row["id"],
        org_id=row["org_id"],
        source_name=row["source_name"],
        received_at_ms=row["received_at_ms"],
        cause=row["cause"],
        detail=row["detail"],
        status=row["status"],
        request=_unpack(row["request"]),
        event_id=row["event_id"],
        complete=bool(row["complete"]),
    )
