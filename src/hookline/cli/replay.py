"""Sending events again from the command line: one, or many with a progress bar."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass

import msgspec
import typer

from hookline.api import present
from hookline.cli.names import find_endpoint
from hookline.cli.output import print_json, print_line
from hookline.cli.place import Place
from hookline.core.errors import Conflict, InvalidInput, NotFound
from hookline.storage.base import EventFilter
from hookline.storage.replays import Count, Replay, ReplayState


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are sent again, where to, and how carefully."""

    where: EventFilter
    endpoint: str  #: as it was written; empty for all
    dry_run: bool
    yes: bool


async def replay_event(place: Place, event_id: str, endpoint: str, *, as_json: bool) -> None:
    """Owe one event again. Raises NotFound."""
    event = await place.store.events.get(place.org_id, event_id)
    if event is None:
        raise NotFound(f"there is no event {event_id}")
    endpoint_id = (await find_endpoint(place, endpoint, event.source_id)).id if endpoint else ""
    count = await place.store.deliveries.replay_event(place.org_id, event_id, place.clock.now_ms(), endpoint_id)
    if as_json:
        print_json({"event_id": event_id, "deliveries": count})
    elif count:
        print_line(f"{event_id} is sent again: {_plural(count, 'delivery', 'deliveries')}.")
    else:
        print_line(f"Nothing to send: {event_id} is still owed where it is wanted, or wanted nowhere.")


async def replay_selected(place: Place, selection: Selection, *, as_json: bool) -> None:
    """Say how many events it would be, ask, and owe them all again."""
    where = await _with_endpoint(place, selection)
    count = await place.store.replays.count(place.org_id, where)
    if selection.dry_run:
        print_json(present.count(count)) if as_json else print_line(_described(count))
        return
    if not as_json:
        print_line(_described(count))
    if not count.events and not as_json:
        return
    _ask(count, selection)
    job = await push(place, await place.store.replays.start(place.org_id, where, place.clock.now_ms()), quiet=as_json)
    if as_json:
        print_json(present.replay(job))
    else:
        print_line(f"Done: {_plural(job.replayed, 'delivery', 'deliveries')} owed again.")


async def _with_endpoint(place: Place, selection: Selection) -> EventFilter:
    where = selection.where
    if not selection.endpoint:
        return where
    endpoint = await find_endpoint(place, selection.endpoint, where.source_id)
    if where.source_id not in ("", endpoint.source_id):
        raise InvalidInput("--endpoint is not of the source that --source names")
    return msgspec.structs.replace(where, source_id=endpoint.source_id, endpoint_id=endpoint.id)


def _described(count: Count) -> str:
    if not count.events:
        return "No event matches."
    span = f"received from {present.time(count.oldest_ms)} to {present.time(count.newest_ms)}"
    return f"{_plural(count.events, 'event', 'events')}, {span}."


def _ask(count: Count, selection: Selection) -> None:
    """Raises Abort when a person says no, InvalidInput when there is no person to ask."""
    if selection.yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{_plural(count.events, 'event', 'events')} would be sent again; confirm with --yes")
    typer.confirm("Send them again?", abort=True, err=True)


async def push(place: Place, job: Replay, *, quiet: bool) -> Replay:
    """Push the replay to its end. When a person interrupts, it is cancelled."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    errors = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=errors, disable=quiet or not errors.is_terminal) as progress:
            task = progress.add_task("Replaying", total=job.total)
            while job.state == ReplayState.RUNNING:
                job = await place.store.replays.step(job.id, place.org_id, place.clock.now_ms())
                progress.update(task, completed=job.seen)
    except asyncio.CancelledError:
        with contextlib.suppress(Conflict):  # it came to its end in the same moment
            job = await place.store.replays.cancel(place.org_id, job.id, place.clock.now_ms())
            sys.stderr.write(f"Cancelled after {job.seen} of {job.total} events; the rest was left alone.\n")
        raise
    return job


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
