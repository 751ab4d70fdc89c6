"""``hookline endpoints``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hookline.api import present
from hookline.cli.confirm import confirm
from hookline.cli.endpoint_options import OPTIONS
from hookline.cli.endpoint_owner import Owner, find_endpoint, owner_of
from hookline.cli.examples import examples
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.given import Given, with_given
from hookline.cli.group import group
from hookline.cli.moments import duration_s
from hookline.cli.output import Page, print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.config.secrets import resolve
from hookline.core.errors import Conflict, InvalidInput
from hookline.core.model import EndpointState
from hookline.storage.stored import StoredEndpoint

app = group("Where events go.")

Name = Annotated[
    str,
    typer.Argument(help="As in github/build, the endpoint's id, or with --app its uid.", metavar="ENDPOINT"),
]
App = Annotated[str | None, typer.Option("--app", help="The application it belongs to, by id or uid.", metavar="APP")]
Source = Annotated[str | None, typer.Option("--source", help="The source it belongs to, by name.", metavar="SOURCE")]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret", help="A secret of your own, as env:NAME or file:PATH; else one is made.", metavar="REFERENCE"
    ),
]


@app.command("list", epilog=examples("hookline endpoints list --source github", "hookline endpoints list --app acme"))
@with_flags(STORE_FLAGS)
def list_endpoints(flags: Flags, source: Source = None, app_: App = None, as_json: Json = False) -> None:
    """List the endpoints of sources, or of one application, and how many deliveries each of them is owed."""

    async def work(place: Place) -> None:
        owners = await _owners(place, source, app_)
        all_of_them = [(owner, endpoint) for owner in owners for endpoint in await owner.endpoints()]
        owed = {backlog.endpoint_id: backlog.depth for backlog in await place.store.deliveries.backlog()}
        if as_json:
            return print_json([{**present.endpoint(one), "owed": owed.get(one.id, 0)} for _, one in all_of_them])
        rows = [_row(owner, endpoint, owed.get(endpoint.id, 0)) for owner, endpoint in all_of_them]
        print_table(("endpoint", "state", "owed", "url", "events", "reason"), rows)
        return None

    at(flags, work)


async def _owners(place: Place, source: str | None, application: str | None) -> list[Owner]:
    if source or application:
        return [await owner_of(place, source, application)]
    return [await owner_of(place, one.id, None) for one in await place.store.catalogue.sources(place.org_id)]


def _row(owner: Owner, endpoint: StoredEndpoint, owed: int) -> tuple[str, ...]:
    built = endpoint.build()
    spec = endpoint.spec
    return (owner.name(endpoint), built.state, str(owed), spec.url, ", ".join(spec.events), built.state_reason)


@app.command(
    epilog=examples(
        "hookline endpoints create --app acme --url https://acme.example.com/hooks --uid acme-orders",
        "hookline endpoints create --app acme --url https://acme.example.com/hooks --event-type order.paid --fifo",
        "hookline endpoints create --source github --name build --url https://ci.example.com/hooks",
    )
)
@with_flags(STORE_FLAGS)
@with_given({"name": Annotated[str | None, typer.Option("--name", help="Its name (sources).")], **OPTIONS})
def create(
    flags: Flags, given: Given, app_: App = None, source: Source = None, secret: Secret = None, as_json: Json = False
) -> None:
    """Create an endpoint. Prints its id and the secret that its receiver verifies with.

    Everything that is accepted from now on goes there, if it is wanted.
    """

    async def work(place: Place) -> None:
        owner = await owner_of(place, source, app_)
        made = await owner.create(given, _resolved(secret))
        secrets = owner.secret(made)
        if as_json:
            print_json({**present.endpoint(made), "secrets": secrets})
        else:
            for line in (made.id, *secrets):
                print_line(line)

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(flags: Flags, endpoint: Name, app_: App = None, as_json: Json = False) -> None:
    """Show one endpoint; its secrets are hidden."""

    async def work(place: Place) -> None:
        _, known = await find_endpoint(place, endpoint, application=app_)
        told = present.endpoint(known)
        print_json(told) if as_json else _page(told)

    at(flags, work)


@app.command(
    epilog=examples(
        "hookline endpoints update acme-orders --app acme --rate 10/s --concurrency 2",
        "hookline endpoints update acme-orders --app acme --event-type '*' --header 'X-Team: blue'",
    )
)
@with_flags(STORE_FLAGS)
@with_given(OPTIONS)
def update(flags: Flags, endpoint: Name, given: Given, app_: App = None, as_json: Json = False) -> None:
    """Change what is named; the rest stays.

    Event types and channels are replaced as a whole; a header is added to those that are there, and taken away
    when it has no value, as in 'X-Team:'.
    """

    async def work(place: Place) -> None:
        owner, known = await find_endpoint(place, endpoint, application=app_)
        changed = await owner.update(known, given)
        print_json(present.endpoint(changed)) if as_json else print_line(f"{owner.name(changed)} is changed.")

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def delete(
    flags: Flags,
    endpoint: Name,
    app_: App = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete an endpoint; what it is still owed becomes dead."""

    async def work(place: Place) -> None:
        owner, known = await find_endpoint(place, endpoint, application=app_)
        name = owner.name(known)
        confirm(f"Delete {name}?", yes=yes, otherwise=f"{name} would be deleted")
        await owner.delete(known)
        print_json({"id": known.id, "deleted": True}) if as_json else print_line(f"{name} is deleted.")

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def pause(flags: Flags, endpoint: Name, app_: App = None, as_json: Json = False) -> None:
    """Send nothing to an endpoint until it is resumed.

    What it is owed is kept and waits. A running server notices within a second.
    """
    _set_state(flags, endpoint, app_, EndpointState.PAUSED, "paused from the command line", as_json=as_json)


@app.command()
@with_flags(STORE_FLAGS)
def resume(flags: Flags, endpoint: Name, app_: App = None, as_json: Json = False) -> None:
    """Send to an endpoint again that was paused, held back as failing, or disabled because it failed."""
    _set_state(flags, endpoint, app_, EndpointState.ACTIVE, "", as_json=as_json)


def _set_state(
    flags: Flags, name: str, application: str | None, state: EndpointState, reason: str, *, as_json: bool
) -> None:
    async def work(place: Place) -> None:
        owner, known = await find_endpoint(place, name, application=application)
        _refuse_disabled(owner, known)
        await place.store.catalogue.set_endpoint_state(known.id, state, reason, place.clock.now_ms())
        changed = await owner.find(known.id)
        print_json(present.endpoint(changed)) if as_json else print_line(
            f"{name.rpartition('/')[2]} is {changed.state}."
        )

    at(flags, work)


def _refuse_disabled(owner: Owner, endpoint: StoredEndpoint) -> None:
    if not endpoint.spec.enabled:
        name = owner.name(endpoint)
        remedy = f"set `enabled: true` there, or say `hookline endpoints update {endpoint.id} --enabled`"
        raise Conflict(f"{name} is disabled in its configuration; {remedy}")


@app.command()
@with_flags(STORE_FLAGS)
def secret(flags: Flags, endpoint: Name, app_: App = None, as_json: Json = False) -> None:
    """Print what an endpoint's receiver verifies with, and nothing else."""

    async def work(place: Place) -> None:
        owner, known = await find_endpoint(place, endpoint, application=app_)
        secrets = owner.secret(known)
        if as_json:
            return print_json({"id": known.id, "secrets": secrets})
        for line in secrets:
            print_line(line)
        return None

    at(flags, work)


@app.command(epilog=examples("hookline endpoints rotate acme-orders --app acme --overlap 2d"))
@with_flags(STORE_FLAGS)
def rotate(
    flags: Flags,
    endpoint: Name,
    app_: App = None,
    secret: Secret = None,
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old secret signs as well, at most 7d.", metavar="DURATION")
    ] = "1d",
    as_json: Json = False,
) -> None:
    """Give an application's endpoint a new secret, and print it. The old one signs too for a while."""
    from hookline.api.sending.endpoint_secrets import LONGEST_OVERLAP_S  # with the API's framework: much to load

    overlap_s = duration_s("--overlap", overlap)
    if overlap_s > LONGEST_OVERLAP_S:
        raise InvalidInput("--overlap: must be at most 7d")

    async def work(place: Place) -> None:
        owner, known = await find_endpoint(place, endpoint, application=app_)
        rotated = await owner.rotate(known, _resolved(secret), overlap_s)
        secrets = owner.secret(rotated)
        if as_json:
            return print_json({"id": rotated.id, "secrets": secrets})
        for line in secrets:
            print_line(line)
        return None

    at(flags, work)


def _resolved(reference: str | None) -> str:
    """The secret that is meant, empty for none. Raises ConfigError, InvalidInput for one that others could see."""
    if reference is None:
        return ""
    if not reference.startswith(("env:", "file:")):
        raise InvalidInput("--secret: name it, as env:NAME or file:PATH; what stands on a command line others can see")
    return resolve(reference, os.environ, Path(), where="--secret")


def _page(told: dict[str, Any]) -> None:
    page = Page(label_width=20)
    page.heading(f"Endpoint {told.get('uid') or told['name']}", told.pop("state"))
    page.facts(told)
