"""A past: events so old that retention has something to do in many lives of the server."""

from __future__ import annotations

import asyncio
import os
import time

from hookline.core import ids
from hookline.core.model import Event, Request
from hookline.storage.base import Draft
from hookline.storage.store import Store
from tests.torture.ledger import SHORT_LIVED

#: No endpoint wants this type, so the events are over as soon as they are stored.
OLD_TYPE = "old.news"
OLD_MS = 3_600_000
CHUNK = 5_000


async def write_past(store: Store, count: int) -> None:
    """Store ``count`` events that came an hour ago."""
    source = store.routing.at_door(SHORT_LIVED)
    assert source is not None
    then_ms = time.time_ns() // 1_000_000 - OLD_MS
    for first in range(0, count, CHUNK):
        events = (_event(source.org_id, source.id, then_ms) for _ in range(first, min(first + CHUNK, count)))
        await asyncio.gather(*(store.events.accept(Draft(event)) for event in events))


def _event(org_id: str, source_id: str, then_ms: int) -> Event:
    event_id = ids.make(ids.EVENT, then_ms, os.urandom(10))
    request = Request("POST", f"/webhooks/{SHORT_LIVED}", b"", (), {}, b"{}")
    return Event(event_id, org_id, source_id, OLD_TYPE, then_ms, "", request)
