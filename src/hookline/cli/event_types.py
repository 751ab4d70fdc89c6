"""``hookline event-types``."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

import typer

from hookline.cli.examples import examples
from hookline.cli.files import read_bytes
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.given import Given, with_given
from hookline.cli.group import group
from hookline.cli.output import Page, print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.cli.shown import event_type as shown
from hookline.config.application_spec import check_name
from hookline.config.schemas import check_schema
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import EventType
from hookline.storage.base import Slice

app = group("The kinds of messages that your customers can choose.")

Name = Annotated[str, typer.Argument(help="As in invoice.paid.", metavar="NAME")]

#: What may be said of an event type.
OPTIONS = {
    "description": Annotated[str | None, typer.Option("--description", help="What it means, for your customers.")],
    "schema": Annotated[
        str | None,
        typer.Option("--schema", help="A JSON Schema of its messages; - is standard input.", metavar="FILE"),
    ],
    "version": Annotated[
        str | None, typer.Option("--version", help="The version of the schema; else the next number.")
    ],
    "feature_flag": Annotated[
        str | None,
        typer.Option("--feature-flag", help="Only customers whose token names this flag see it.", metavar="FLAG"),
    ],
    "deprecated": Annotated[
        bool | None, typer.Option("--deprecated/--not-deprecated", help="Whether customers should choose it no more.")
    ],
}


@app.command("list")
@with_flags(STORE_FLAGS)
def list_event_types(
    flags: Flags,
    archived: Annotated[bool, typer.Option("--archived", help="Those that are archived too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 250,
    after: Annotated[
        str | None, typer.Option("--after", help="Only those after this one: the next page.", metavar="NAME")
    ] = None,
    as_json: Json = False,
) -> None:
    """List event types by name."""

    async def work(place: Place) -> None:
        part = Slice(after or "", descending=False, limit=limit)
        found = await place.store.event_types.list(place.org_id, part, include_archived=archived)
        if as_json:
            return print_json([shown(one) for one in found])
        print_table(
            ("event type", "schema", "state", "description"),
            [(one.name, ", ".join(one.schemas or {}), _state(one), one.description) for one in found],
        )
        return None

    at(flags, work)


@app.command(
    epilog=examples(
        "hookline event-types create invoice.paid --description 'An invoice was paid.'",
        "hookline event-types create invoice.paid --schema invoice.paid.json",
    )
)
@with_flags(STORE_FLAGS)
@with_given(OPTIONS)
def create(flags: Flags, name: Name, given: Given, as_json: Json = False) -> None:
    """Create an event type; one that is archived comes back with what is said now."""
    changes = _read(given)

    async def work(place: Place) -> None:
        new = _changed(EventType(place.org_id, _checked_name(name)), changes, place.clock.now_ms())
        made = (await place.store.event_types.create(new)).value
        print_json(shown(made)) if as_json else print_line(f"{made.name} is created.")

    at(flags, work, create=True)


@app.command(epilog=examples("hookline event-types update invoice.paid --schema invoice.paid.v2.json"))
@with_flags(STORE_FLAGS)
@with_given(OPTIONS)
def update(flags: Flags, name: Name, given: Given, as_json: Json = False) -> None:
    """Change what is named; the rest stays. A schema becomes a new version, which counts from now on."""
    changes = _read(given)

    async def work(place: Place) -> None:
        now_ms = place.clock.now_ms()

        def edit(known: EventType) -> EventType:
            return _changed(known, changes, now_ms)

        changed = await place.store.event_types.edit(place.org_id, name, edit, now_ms)
        print_json(shown(changed)) if as_json else print_line(f"{changed.name} is changed.")

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(flags: Flags, name: Name, as_json: Json = False) -> None:
    """Show one event type with its schemas."""

    async def work(place: Place) -> None:
        found = await _find(place, name)
        print_json(shown(found)) if as_json else _page(found)

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def archive(flags: Flags, name: Name, as_json: Json = False) -> None:
    """Take an event type off the list that customers choose from.

    Endpoints that chose it keep it, and messages of it are still sent, unless schemas are enforced.
    """

    async def work(place: Place) -> None:
        await _find(place, name)
        await place.store.event_types.archive(place.org_id, name, place.clock.now_ms())
        print_json(shown(await _find(place, name))) if as_json else print_line(f"{name} is archived.")

    at(flags, work)


async def _find(place: Place, name: str) -> EventType:
    try:
        return await place.store.event_types.get(place.org_id, name)
    except NotFound as error:
        raise NotFound(f"{error.message}; `hookline event-types list` shows all") from None


def _checked_name(name: str) -> str:
    try:
        return check_name(name)
    except InvalidInput as error:
        raise InvalidInput(f"NAME: {error.message}") from None


def _read(given: Given) -> Given:
    """The options, the schema read from its file. Raises InvalidInput."""
    if "version" in given and "schema" not in given:
        raise InvalidInput("--version: it is the version of a schema; give one with --schema")
    if "schema" in given:
        given["schema"] = _schema(given["schema"])
    return given


def _schema(file: str) -> dict[str, Any]:
    try:
        return check_schema(json.loads(read_bytes("--schema", file)))
    except ValueError as error:
        raise InvalidInput(f"--schema: is not JSON: {error}") from None
    except InvalidInput as error:
        raise InvalidInput(f"--schema: {error.message.removeprefix('--schema: ')}") from None


def _changed(known: EventType, changes: Given, now_ms: int) -> EventType:
    fields = {field: value for field, value in changes.items() if field not in ("schema", "version")}
    if "schema" in changes:
        before = known.schemas or {}
        fields["schemas"] = {**before, changes.get("version") or _next_version(before): changes["schema"]}
    created_at_ms = known.created_at_ms or now_ms
    return dataclasses.replace(known, **fields, created_at_ms=created_at_ms, updated_at_ms=now_ms)


def _next_version(schemas: dict[str, Any]) -> str:
    return str(max((int(version) for version in schemas if version.isdigit()), default=0) + 1)


def _state(one: EventType) -> str:
    return "archived" if one.archived else "deprecated" if one.deprecated else "active"


def _page(one: EventType) -> None:
    told, page = shown(one), Page()
    schemas = told.pop("schemas") or {}
    page.heading(f"Event type {told.pop('name')}", _state(one))
    page.facts({name: value for name, value in told.items() if value is not False})
    for version, schema in schemas.items():
        page.gap()
        page.heading(f"Schema {version}")
        page.lines(json.dumps(schema, indent=2).splitlines())
