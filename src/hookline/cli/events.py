"""``hookline events``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hookline.api import present
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.moments import TIME_HELP, moment
from hookline.cli.names import source_id
from hookline.cli.output import print_json, print_table
from hookline.cli.place import Place, at
from hookline.cli.replay import Selection, replay_event, replay_selected
from hookline.cli.story import show_story
from hookline.cli.text import age
from hookline.core import filter
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Event, EventStatus
from hookline.storage.base import EventFilter
from hookline.storage.routing import Routing

app = group("What happened: list, look at, and send again.")

Source = Annotated[str | None, typer.Option("--source", help="Only of this source.", metavar="SOURCE")]
Status = Annotated[EventStatus | None, typer.Option("--status", help="Only with this status.")]
Since = Annotated[str | None, typer.Option("--since", help=f"Only received then or later: {TIME_HELP}", metavar="TIME")]
Until = Annotated[str | None, typer.Option("--until", help=f"Only received earlier: {TIME_HELP}", metavar="TIME")]
Type = Annotated[
    str | None, typer.Option("--type", help="Only of this type: exact, or as in order.*", metavar="PATTERN")
]


@app.command("list")
@with_flags(STORE_FLAGS)
def list_events(
    flags: Flags,
    source: Source = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    type: Type = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", help="Only those below this one: the next page.", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """List events, the newest first."""

    async def work(place: Place) -> None:
        where = await _filter(place, source, status, since, until, type)
        found = await place.store.events.find(place.org_id, where, before=before or "", limit=limit)
        routing = place.store.routing
        if as_json:
            print_json([present.event(event, routing) for event in found])
        else:
            _table(found, routing, place.clock.now_ms())

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(
    flags: Flags,
    event_id: Annotated[str, typer.Argument(help="The event's id.", metavar="ID")],
    as_json: Json = False,
) -> None:
    """Show one event's whole story: the request, the verdict, every delivery and every attempt.

    Credentials and signatures are struck out.
    """

    async def work(place: Place) -> None:
        story = await place.store.events.story(place.org_id, event_id)
        if story is None:
            raise NotFound(f"there is no event {event_id}")
        if as_json:
            print_json(present.story(story, place.store.routing))
        else:
            show_story(story, place.store.routing, place.clock.now_ms())

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def replay(
    flags: Flags,
    event_id: Annotated[str | None, typer.Argument(help="One event, by its id.", metavar="ID")] = None,
    source: Source = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    type: Type = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="SOURCE/ENDPOINT", help="Only to this endpoint, as in github/build."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many events it would be.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Send events again: one by its id, or all that the filter selects.

    What failed is owed again; where everything had succeeded, everything is. Endpoints that want the event
    and never got it are owed it too. Says how many events it is and asks before it begins, unless --yes.
    The work is kept in the database: a running server carries on with what was interrupted.
    """
    filtered = [source, status, since, until, type]
    if event_id is not None and (any(filtered) or dry_run):
        raise InvalidInput("name one event, or filter; not both")
    if event_id is None and not any((*filtered, endpoint)):
        raise InvalidInput("say which events: an ID, or --source, --status, --since, --until, --type, --endpoint")

    async def work(place: Place) -> None:
        if event_id is not None:
            return await replay_event(place, event_id, endpoint or "", as_json=as_json)
        where = await _filter(place, source, status, since, until, type)
        return await replay_selected(place, Selection(where, endpoint or "", dry_run, yes), as_json=as_json)

    at(flags, work)


async def _filter(
    place: Place,
    source: str | None,
    status: EventStatus | None,
    since: str | None,
    until: str | None,
    type: str | None,
) -> EventFilter:
    now_ms = place.clock.now_ms()
    return EventFilter(
        source_id=await source_id(place, source),
        status=status or "",
        type=filter.check(type) if type else "",
        since_ms=moment("--since", since, now_ms),
        until_ms=moment("--until", until, now_ms),
    )


def _table(events: list[Event], routing: Routing, now_ms: int) -> None:
    people = sys.stdout.isatty()
    rows = []
    for event in events:
        source = routing.sources.get(event.source_id)
        received = age(event.received_at_ms, now_ms) if people else present.time(event.received_at_ms) or ""
        name = (source.uid or source.name) if source is not None else event.source_id
        rows.append((event.id, received, name, event.type, event.status, str(event.duplicates)))
    print_table(("event", "received", "source", "type", "status", "duplicates"), rows)
