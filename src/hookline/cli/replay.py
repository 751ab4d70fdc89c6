"""Sending events again from the command line: one, or many with a progress bar."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass

import msgspec

from hookline.api import present
from hookline.cli.confirm import confirm
from hookline.cli.endpoint_owner import find_endpoint
from hookline.cli.output import print_json, print_line
from hookline.cli.place import Place
from hookline.core.errors import Conflict, InvalidInput, NotFound
from hookline.storage.base import EventFilter
from hookline.storage.replays import Count, Replay, ReplayKind, ReplayState


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are sent again, where to, and how carefully."""

    where: EventFilter
    endpoint: str  #: as it was written; empty for all
    dry_run: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class Job:
    """What is sent again, and how carefully."""

    where: EventFilter
    kind: ReplayKind
    dry_run: bool
    yes: bool


_OF_EVENTS = ("event", "events", "received")
_OF_MESSAGES = ("message", "messages", "published")

#: One, many, and what happened to them, by the kind of job.
_WORDS = {
    ReplayKind.REPLAY: _OF_EVENTS,
    ReplayKind.RECOVER: _OF_MESSAGES,
    ReplayKind.MISSING: _OF_MESSAGES,
    ReplayKind.BULK: _OF_MESSAGES,
}


async def replay_event(place: Place, event_id: str, endpoint: str, *, as_json: bool) -> None:
    """Owe one event again. Raises NotFound."""
    event = await place.store.events.get(place.org_id, event_id)
    if event is None:
        raise NotFound(f"there is no event {event_id}")
    endpoint_id = (await find_endpoint(place, endpoint, source=event.source_id))[1].id if endpoint else ""
    count = await place.store.deliveries.replay_event(place.org_id, event_id, place.clock.now_ms(), endpoint_id)
    if as_json:
        print_json({"event_id": event_id, "deliveries": count})
    elif count:
        print_line(f"{event_id} is sent again: {plural(count, 'delivery', 'deliveries')}.")
    else:
        print_line(f"Nothing to send: {event_id} is still owed where it is wanted, or wanted nowhere.")


async def replay_selected(place: Place, selection: Selection, *, as_json: bool) -> None:
    """Say how many events it would be, ask, and owe them all again."""
    where = await _with_endpoint(place, selection)
    job = Job(where, ReplayKind.REPLAY, dry_run=selection.dry_run, yes=selection.yes)
    await run_job(place, job, as_json=as_json)


async def _with_endpoint(place: Place, selection: Selection) -> EventFilter:
    where = selection.where
    if not selection.endpoint:
        return where
    _, endpoint = await find_endpoint(place, selection.endpoint, source=where.source_id)
    if where.source_id not in ("", endpoint.source_id):
        raise InvalidInput("--endpoint is not of the source that --source names")
    return msgspec.structs.replace(where, source_id=endpoint.source_id, endpoint_id=endpoint.id)


async def run_job(place: Place, job: Job, *, as_json: bool) -> None:
    """Say how many it would be, ask, and owe all of them again."""
    replays, words = place.store.replays, _WORDS[job.kind]
    count = await replays.count(place.org_id, job.where, kind=job.kind)
    if job.dry_run:
        print_json(present.count(count)) if as_json else print_line(_described(count, words))
        return
    if not as_json:
        print_line(_described(count, words))
    if not count.events and not as_json:
        return
    otherwise = f"{plural(count.events, *words[:2])} would be sent again"
    confirm("Send them again?", yes=job.yes, otherwise=otherwise)
    started = await replays.start(place.org_id, job.where, place.clock.now_ms(), kind=job.kind)
    done = await push(place, started, quiet=as_json)
    if as_json:
        print_json(present.replay(done))
    else:
        print_line(f"Done: {plural(done.replayed, 'delivery', 'deliveries')} owed again.")


def _described(count: Count, words: tuple[str, str, str]) -> str:
    one, many, when = words
    if not count.events:
        return f"No {one} matches."
    span = f"{when} from {present.time(count.oldest_ms)} to {present.time(count.newest_ms)}"
    return f"{plural(count.events, one, many)}, {span}."


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


def plural(count: int, one: str, many: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{count} {one if count == 1 else many}"
