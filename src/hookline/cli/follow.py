"""Following a message until nothing is owed because of it any more."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hookline.cli.output import STYLES, print_table
from hookline.cli.place import Place
from hookline.cli.text import age, visible
from hookline.core.errors import HooklineError, NotFound
from hookline.core.model import Delivery, Event, EventStatus
from hookline.core.state import DeliveryState
from hookline.storage.base import Slice
from hookline.storage.routing import Routing

#: How often the database is asked.
LOOK_EVERY_S = 0.2

#: After so long without a first try the hint is given: nothing is sent while no server runs.
HINT_AFTER_S = 5.0
HINT = "Nothing was tried yet. Is `hookline serve` running on this database?"

#: Deliveries on a terminal: more would not fit on it.
MOST_ROWS = 20

_OPEN = (EventStatus.PENDING, EventStatus.PROCESSING, EventStatus.NEEDS_REVIEW)


class NotDelivered(HooklineError):
    """The message did not arrive everywhere it was owed to."""

    code = "not_delivered"


async def follow(place: Place, event_id: str, *, limit_s: float | None, quiet: bool) -> tuple[Event, list[Delivery]]:
    """Wait until the message is over, or for ``limit_s``; the deliveries as they are then.

    On a terminal a table shows how far it is, unless ``quiet``.
    """
    began_ms = place.clock.now_ms()
    hinted = quiet
    with _screen(quiet=quiet) as screen:
        while True:
            event, deliveries = await look(place, event_id)
            now_ms = place.clock.now_ms()
            passed_s = (now_ms - began_ms) / 1000
            if event.status not in _OPEN or (limit_s is not None and passed_s >= limit_s):
                return event, deliveries
            if screen is not None:
                screen.update(_table(deliveries, place.store.routing, now_ms), refresh=True)
            if not hinted and event.status == EventStatus.PENDING and passed_s > HINT_AFTER_S:
                sys.stderr.write(HINT + "\n")
                hinted = True
            await asyncio.sleep(LOOK_EVERY_S)


async def look(place: Place, event_id: str) -> tuple[Event, list[Delivery]]:
    """A message and its deliveries as they are now. Raises NotFound."""
    event = await place.store.events.get(place.org_id, event_id)
    if event is None:
        raise NotFound(f"there is no message {event_id}")
    part = Slice(descending=False, limit=1_000)
    return event, await place.store.attempts.endpoints_of_message(place.org_id, event.source_id, event_id, part)


def print_deliveries(deliveries: list[Delivery], routing: Routing) -> None:
    """A line for each delivery."""
    print_table(
        ("endpoint", "state", "tries", "reason"),
        [(endpoint_name(one, routing), one.state, str(one.attempts), one.reason) for one in deliveries],
    )


def check_arrived(event: Event, deliveries: list[Delivery]) -> None:
    """Raise NotDelivered, unless every delivery succeeded."""
    missing = [one for one in deliveries if one.state != DeliveryState.DELIVERED]
    if event.status in _OPEN:
        owed = sum(1 for one in missing if one.state in (DeliveryState.WAITING, DeliveryState.LEASED))
        raise NotDelivered(
            f"{event.id} is still owed to {owed} of {len(deliveries)} endpoints; a running server goes on trying"
        )
    if missing:
        raise NotDelivered(f"{event.id} did not arrive at {len(missing)} of {len(deliveries)} endpoints")


def endpoint_name(one: Delivery, routing: Routing) -> str:
    """The uid of an endpoint, or its id."""
    endpoint = routing.endpoints.get(one.endpoint_id)
    return endpoint.uid if endpoint is not None and endpoint.uid else one.endpoint_id


@contextlib.contextmanager
def _screen(*, quiet: bool) -> Iterator[Live | None]:
    """A part of the terminal that is drawn again and again, and gone at the end; None where there is none."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield live


def _table(deliveries: list[Delivery], routing: Routing, now_ms: int) -> Table:
    more = len(deliveries) - MOST_ROWS
    table = Table(box=None, header_style="bold", pad_edge=False, caption=f"… and {more} more" if more > 0 else None)
    for column in ("endpoint", "state", "tries", "reason", "next try"):
        table.add_column(column.upper())
    for one in deliveries[:MOST_ROWS]:
        due = age(one.due_at_ms, now_ms) if one.state == DeliveryState.WAITING else ""
        cells = (endpoint_name(one, routing), one.state, str(one.attempts), one.reason, due)
        table.add_row(*(Text(visible(cell), style=STYLES.get(cell, "")) for cell in cells))
    return table
