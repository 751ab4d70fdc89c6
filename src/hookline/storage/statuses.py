"""What people see of an event: written whenever it may have changed. The rule is `core.state.event_status`."""

from __future__ import annotations

from collections.abc import Iterable

from hookline.core import ids
from hookline.storage.base import Transaction


def refresh_status(tx: Transaction, event_ids: Iterable[str]) -> None:
    """Write what people see of these events, from the states of their deliveries.

    Two servers may settle two deliveries of one event at once: the event is held first, so that whoever comes second
    sees what the first has done.
    """
    spans = [span(event_id) for event_id in event_ids]
    if spans:
        tx.lock("lock_events", [each["event_id"] for each in spans])
        tx.each("refresh_event_status", spans)


def span(event_id: str) -> dict[str, str]:
    """An event, and the range of ids of its deliveries."""
    low, high = ids.deliveries_of(event_id)
    return {"event_id": event_id, "low": low, "high": high}
