"""``hookline messages``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hookline.api import present
from hookline.cli.examples import examples
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.follow import check_arrived, follow, look, print_deliveries
from hookline.cli.given import Given, with_given
from hookline.cli.group import group
from hookline.cli.moments import TIME_HELP, duration_s, moment
from hookline.cli.names import find_application, find_customer_endpoint
from hookline.cli.output import print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.cli.replay import Job, run_job
from hookline.cli.shown import message as shown
from hookline.cli.story import show_message
from hookline.cli.text import age
from hookline.core import filter
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Event, EventStatus, SourceKind
from hookline.storage.base import EventFilter
from hookline.storage.events import Story
from hookline.storage.replays import ReplayKind

app = group("What you send to your customers: publish, look at, and send again.")

App = Annotated[str, typer.Option("--app", help="The application, by its id or uid.", metavar="APP")]
Endpoint = Annotated[str, typer.Option("--endpoint", help="The endpoint, by its id or uid.", metavar="ENDPOINT")]
MessageId = Annotated[str, typer.Argument(help="The message's id.", metavar="ID")]

#: What may be said of a message besides its type.
OPTIONS = {
    "data": Annotated[str | None, typer.Option("--data", help="The body: a JSON object.", metavar="JSON")],
    "file": Annotated[
        str | None, typer.Option("--file", help="A file with the body; - is standard input.", metavar="FILE")
    ],
    "content_type": Annotated[
        str | None,
        typer.Option("--content-type", help="What the body is, when it is not a JSON object, as in text/xml."),
    ],
    "event_id": Annotated[
        str | None, typer.Option("--event-id", help="Your own id of the message; there is only one with it.")
    ],
    "channels": Annotated[list[str] | None, typer.Option("--channel", help="A channel of it; may be repeated.")],
    "tags": Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; may be repeated.")],
    "idempotency_key": Annotated[
        str | None,
        typer.Option("--idempotency-key", help="The same command with the same key does nothing again, for a day."),
    ],
    "deliver_at": Annotated[
        str | None,
        typer.Option("--deliver-at", help="Not before: a time, or as in +2h; at most a day ahead.", metavar="TIME"),
    ],
}


@app.command(
    "send",
    epilog=examples(
        "hookline messages send --app acme --type invoice.paid --data '{\"invoice\": 17}'",
        "hookline messages send --app acme --type invoice.paid --file invoice.json --wait --timeout 1m",
        "hookline messages send --app acme --type report.ready --file - --content-type text/csv",
    ),
)
@with_flags(STORE_FLAGS)
@with_given(OPTIONS)
def send_message(
    flags: Flags,
    app_: App,
    type: Annotated[str, typer.Option("--type", help="The event type, as in invoice.paid.", metavar="TYPE")],
    given: Given,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the deliveries until all are over.")] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="With --wait: for so long at most.", metavar="DURATION")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish a message, as your product does through the API. Prints its id.

    When the command ends it is on disk with all that it owes; a running server sends it within a second.
    With --wait the command ends with 0 when every endpoint that wants it has it, else with 1.
    """
    from hookline.cli.send import Wish, send  # the API with its framework: too much to load for the other commands

    limit_s = _limit_s(timeout, wait=wait)
    wish = Wish(application=app_, type=type, **given)

    async def work(place: Place) -> None:
        event_id = await send(place, wish)
        if not as_json:
            print_line(event_id)
        elif not wait:
            event, _ = await look(place, event_id)
            print_json(shown(event))
        if wait:
            await _wait(place, event_id, limit_s, as_json=as_json)

    at(flags, work)


async def _wait(place: Place, event_id: str, limit_s: float | None, *, as_json: bool) -> None:
    event, deliveries = await follow(place, event_id, limit_s=limit_s, quiet=as_json)
    routing = place.store.routing
    if as_json:
        print_json({**shown(event), "deliveries": [present.delivery(one, routing) for one in deliveries]})
    elif deliveries:
        print_deliveries(deliveries, routing)
    elif event.status == EventStatus.IGNORED:
        sys.stderr.write("No endpoint wants it.\n")
    check_arrived(event, deliveries)


def _limit_s(timeout: str | None, *, wait: bool) -> float | None:
    if timeout is None:
        return None
    if not wait:
        raise InvalidInput("--timeout: says how long to --wait; name both")
    return duration_s("--timeout", timeout)


@app.command("list", epilog=examples("hookline messages list --app acme --status failed --since 1d"))
@with_flags(STORE_FLAGS)
def list_messages(
    flags: Flags,
    app_: App,
    type: Annotated[
        str | None, typer.Option("--type", help="Only of this type: exact, or as in invoice.*", metavar="PATTERN")
    ] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only of this channel.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only with this tag.")] = None,
    status: Annotated[EventStatus | None, typer.Option("--status", help="Only with this status.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help=f"Only published then or later: {TIME_HELP}", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help=f"Only published earlier: {TIME_HELP}", metavar="TIME")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", help="Only those below this one: the next page.", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """List an application's messages, the newest first."""

    async def work(place: Place) -> None:
        now_ms = place.clock.now_ms()
        where = EventFilter(
            source_id=(await find_application(place, app_)).id,
            status=status or "",
            type=filter.check(type) if type else "",
            channel=channel or "",
            tag=tag or "",
            since_ms=moment("--since", since, now_ms),
            until_ms=moment("--until", until, now_ms),
        )
        found = await place.store.events.find(place.org_id, where, before=before or "", limit=limit)
        print_json([shown(one) for one in found]) if as_json else _table(found, now_ms)

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(flags: Flags, message_id: MessageId, as_json: Json = False) -> None:
    """Show one message's whole story: what was published, every delivery and every attempt."""

    async def work(place: Place) -> None:
        story = await _story(place, message_id)
        routing = place.store.routing
        if as_json:
            told = present.story(story, routing)
            print_json({**shown(story.event), "request": told["request"], "deliveries": told["deliveries"]})
        else:
            show_message(story, routing, place.clock.now_ms())

    at(flags, work)


@app.command(epilog=examples("hookline messages resend msg_01a1f --endpoint acme-orders"))
@with_flags(STORE_FLAGS)
def resend(flags: Flags, message_id: MessageId, endpoint: Endpoint, as_json: Json = False) -> None:
    """Send one message again to one endpoint, whether it had it or not; what waits for its time goes now."""

    async def work(place: Place) -> None:
        event = (await _story(place, message_id)).event
        found = await find_customer_endpoint(place, event.source_id, endpoint)
        await place.store.deliveries.resend(place.org_id, event.id, found.id, place.clock.now_ms())
        if as_json:
            print_json({"id": event.id, "endpoint_id": found.id})
        else:
            print_line(f"{event.id} is sent again to {endpoint}.")

    at(flags, work)


@app.command(
    epilog=examples(
        "hookline messages recover --app acme --endpoint acme-orders --since 2h --dry-run",
        "hookline messages recover --app acme --endpoint acme-orders --since 2h",
        "hookline messages recover --app acme --endpoint acme-orders --since 7d --missing",
    )
)
@with_flags(STORE_FLAGS)
def recover(
    flags: Flags,
    app_: App,
    endpoint: Endpoint,
    since: Annotated[
        str, typer.Option("--since", help=f"Messages published then or later: {TIME_HELP}", metavar="TIME")
    ],
    until: Annotated[
        str | None, typer.Option("--until", help=f"Only published earlier: {TIME_HELP}", metavar="TIME")
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Those that it wants and was never owed, instead of those that failed.")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="All that it wants, also those that it has, instead of those that failed.")
    ] = False,
    type: Annotated[
        str | None, typer.Option("--type", help="Only of this type: exact, or as in invoice.*", metavar="PATTERN")
    ] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only of this channel.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many messages it would be.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Send messages again to one endpoint: those that failed, those that it missed, or all.

    Says how many messages it is and asks before it begins, unless --yes. The work is kept in the database: a
    running server carries on with what was interrupted.
    """
    if missing and all_:
        raise InvalidInput("say --missing or --all, not both: --all has those that are missing too")
    kind = ReplayKind.MISSING if missing else ReplayKind.BULK if all_ else ReplayKind.RECOVER

    async def work(place: Place) -> None:
        now_ms = place.clock.now_ms()
        application = await find_application(place, app_)
        where = EventFilter(
            source_id=application.id,
            endpoint_id=(await find_customer_endpoint(place, application.id, endpoint)).id,
            type=filter.check(type) if type else "",
            channel=channel or "",
            since_ms=moment("--since", since, now_ms),
            until_ms=moment("--until", until, now_ms),
        )
        await run_job(place, Job(where, kind, dry_run=dry_run, yes=yes), as_json=as_json)

    at(flags, work)


async def _story(place: Place, message_id: str) -> Story:
    """A message with its deliveries and attempts. Raises NotFound, also for what a provider sent."""
    story = await place.store.events.story(place.org_id, message_id)
    if story is None:
        raise NotFound(f"there is no message {message_id}")
    source = place.store.routing.sources.get(story.event.source_id)
    if source is not None and source.kind is SourceKind.PROVIDER:
        raise NotFound(f"{message_id} came from {source.name}; see `hookline events show`")
    return story


def _table(messages: list[Event], now_ms: int) -> None:
    people = sys.stdout.isatty()
    rows = []
    for one in messages:
        published = age(one.received_at_ms, now_ms) if people else present.time(one.received_at_ms) or ""
        rows.append((one.id, published, one.type, one.status, one.provider_event_id, " ".join(one.channels)))
    print_table(("message", "published", "type", "status", "event id", "channels"), rows)
