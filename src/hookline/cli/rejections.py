"""``hookline rejections``."""

from __future__ import annotations

import sys
from ipaddress import ip_network
from typing import Annotated

import typer

from hookline.api import present
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.output import print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.cli.story import show_rejection
from hookline.cli.text import age
from hookline.core.errors import NotFound
from hookline.core.model import Rejection
from hookline.guides.addresses import all_ranges
from hookline.ingest.http import Door

app = group("Requests that were refused: list, look at, and accept after all.")

Id = Annotated[str, typer.Argument(help="The rejection's id.", metavar="ID")]


@app.command("list")
@with_flags(STORE_FLAGS)
def list_rejections(
    flags: Flags,
    source: Annotated[str | None, typer.Option("--source", help="Only of this source, by its name.")] = None,
    cause: Annotated[str | None, typer.Option("--cause", help="Only with this cause, as in bad_signature.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", help="Only those below this one: the next page.", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """List refused requests, the newest first."""

    async def work(place: Place) -> None:
        found = await place.store.rejections.find(
            place.org_id, source_name=source or "", cause=cause or "", before=before or "", limit=limit
        )
        if as_json:
            print_json([present.rejection(one, place.store.routing) for one in found])
        else:
            _table(found, place.clock.now_ms())

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(flags: Flags, rejection_id: Id, as_json: Json = False) -> None:
    """Show one refused request: what came, and why it was refused."""

    async def work(place: Place) -> None:
        one = await place.store.rejections.get(place.org_id, rejection_id)
        if one is None:
            raise NotFound(f"there is no rejection {rejection_id}")
        if as_json:
            print_json(present.rejection(one, place.store.routing, full=True))
        else:
            show_rejection(one, place.store.routing, place.clock.now_ms())

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def accept(flags: Flags, rejection_id: Id, as_json: Json = False) -> None:
    """Examine a refused request again, by today's configuration and the time it came.

    When it passes now (a secret was wrong, a source was missing), it becomes an event and is delivered as any
    other. When it is still refused, nothing changes and the exit code is 1.
    """

    async def work(place: Place) -> None:
        receipt = await _door(place).accept_rejection(place.org_id, rejection_id)
        if as_json:
            print_json(present.receipt(receipt))
        else:
            known = ", which was known already" if receipt.duplicate else ""
            print_line(f"Accepted as {receipt.event_id}{known} ({receipt.status}).")

    at(flags, work)


def _door(place: Place) -> Door:
    settings = place.settings
    return Door(
        place.store,
        place.clock,
        lambda said: None,
        trusted_proxies=[ip_network(text) for text in settings.trusted_proxies],
        dedupe_window_s=settings.dedupe_window_s,
        max_body_bytes=settings.max_body_bytes,
        public_url=settings.public_url,
        published=all_ranges(settings.data_dir),
    )


def _table(rejections: list[Rejection], now_ms: int) -> None:
    people = sys.stdout.isatty()
    rows = []
    for one in rejections:
        received = age(one.received_at_ms, now_ms) if people else present.time(one.received_at_ms) or ""
        rows.append((one.id, received, one.source_name, str(one.status), one.cause, one.request.client, one.event_id))
    print_table(("rejection", "received", "source", "status", "cause", "client", "accepted as"), rows)
