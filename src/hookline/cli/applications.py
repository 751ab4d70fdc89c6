"""``hookline applications``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hookline.api.sending.fields import check_application_uid
from hookline.cli.confirm import confirm
from hookline.cli.examples import examples
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.given import Given, with_given
from hookline.cli.group import group
from hookline.cli.names import find_application
from hookline.cli.output import Page, print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.cli.shown import application as shown
from hookline.cli.specs import checked_spec, pairs
from hookline.config.application_spec import ApplicationSpec
from hookline.core.errors import InvalidInput
from hookline.storage.applications import NewApplication
from hookline.storage.base import Slice
from hookline.storage.stored import StoredApplication

app = group("Your customers, whom you send messages to.")

Application = Annotated[str, typer.Argument(help="The application's id, or your own id of it (uid).", metavar="APP")]

#: What may be said of an application, by the field of its spec.
OPTIONS = {
    "uid": Annotated[str | None, typer.Option("--uid", help="Your own id of this customer.", metavar="UID")],
    "metadata": Annotated[
        list[str] | None,
        typer.Option("--metadata", help="A text to find here again; may be repeated.", metavar="KEY=VALUE"),
    ],
    "delivery_rate": Annotated[
        str | None,
        typer.Option("--rate", help="How many tries may begin in a time, in all, as in 100/s.", metavar="RATE"),
    ],
    "signature_headers": Annotated[
        str | None,
        typer.Option(
            "--signature-headers", help="How the names of the signature's headers begin.", metavar="both|svix|webhook"
        ),
    ],
    "challenge_endpoints": Annotated[
        bool | None,
        typer.Option(
            "--challenge-endpoints/--no-challenge-endpoints",
            help="Whether a new endpoint's receiver has to answer a challenge.",
        ),
    ],
    "enforce_schemas": Annotated[
        bool | None,
        typer.Option(
            "--enforce-schemas/--no-enforce-schemas",
            help="Whether messages must have a known event type and match its schema; else as the server is set.",
        ),
    ],
    "retention": Annotated[
        str | None, typer.Option("--retention", help="How long messages are kept, as in 90d.", metavar="LIFETIME")
    ],
}

#: The flags that are not called like their fields.
_FLAGS = {"title": "--name", "delivery_rate": "--rate"}

#: What an empty value takes away.
_REMOVABLE = ("delivery_rate", "retention")


@app.command("list")
@with_flags(STORE_FLAGS)
def list_applications(
    flags: Flags,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", help="Only those below this one: the next page.", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """List applications, the newest first."""

    async def work(place: Place) -> None:
        found = await place.store.applications.list(place.org_id, Slice(before or "", limit=limit))
        told = [shown(one) for one in found]
        if as_json:
            return print_json(told)
        endpoints = [str(len(place.store.routing.endpoints_of(place.org_id, one.id))) for one in found]
        print_table(
            ("application", "uid", "name", "endpoints", "rate"),
            [
                (one["id"], one["uid"] or "", one["name"], count, one["delivery_rate"] or "")
                for one, count in zip(told, endpoints, strict=True)
            ],
        )
        return None

    at(flags, work)


@app.command(
    epilog=examples(
        "hookline applications create Acme --uid acme",
        "hookline applications create Acme --uid acme --metadata plan=gold --rate 100/s --challenge-endpoints",
    )
)
@with_flags(STORE_FLAGS)
@with_given(OPTIONS)
def create(
    flags: Flags,
    name: Annotated[str, typer.Argument(help="The application's name, for people.", metavar="NAME")],
    given: Given,
    as_json: Json = False,
) -> None:
    """Create an application: one customer of yours. Prints its id."""
    spec = checked_spec(ApplicationSpec, {"title": name, **_read(given)}, {**_FLAGS, "title": "NAME"})

    async def work(place: Place) -> None:
        new = NewApplication(place.org_id, spec, place.clock.now_ms())
        made = (await place.store.applications.create(new)).value
        print_json(shown(made)) if as_json else print_line(made.id)

    at(flags, work, create=True)


@app.command(epilog=examples("hookline applications update acme --rate 50/s --enforce-schemas"))
@with_flags(STORE_FLAGS)
@with_given({"title": Annotated[str | None, typer.Option("--name", help="Its name, for people.")], **OPTIONS})
def update(flags: Flags, application: Application, given: Given, as_json: Json = False) -> None:
    """Change what is named; the rest stays. An empty `--rate` or `--retention` takes it away."""
    changes = _read(given)

    def edit(spec: ApplicationSpec) -> ApplicationSpec:
        return checked_spec(ApplicationSpec, {**spec.model_dump(), **changes}, _FLAGS)

    async def work(place: Place) -> None:
        found = await find_application(place, application)
        changed = await place.store.applications.edit(place.org_id, found.id, edit, place.clock.now_ms())
        print_json(shown(changed)) if as_json else print_line(f"{_name(changed)} is changed.")

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(flags: Flags, application: Application, as_json: Json = False) -> None:
    """Show one application with its endpoints; secrets are hidden."""

    async def work(place: Place) -> None:
        found = await find_application(place, application)
        endpoints = await place.store.application_endpoints.list(place.org_id, found.id, Slice(limit=1_000))
        told = shown(found, endpoints)
        print_json(told) if as_json else _page(told)

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def delete(
    flags: Flags,
    application: Application,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete an application with its endpoints.

    What they are still owed becomes dead. Its messages stay until retention takes them.
    """

    async def work(place: Place) -> None:
        found = await find_application(place, application)
        question = f"Delete {_name(found)} with its endpoints?"
        confirm(question, yes=yes, otherwise=f"{_name(found)} would be deleted with its endpoints")
        await place.store.applications.delete(place.org_id, found.id, place.clock.now_ms())
        print_json({"id": found.id, "deleted": True}) if as_json else print_line(f"{_name(found)} is deleted.")

    at(flags, work)


def _read(given: Given) -> Given:
    """The options as the values of their fields."""
    _check_uid(given.get("uid", ""))
    if "metadata" in given:
        given["metadata"] = pairs("--metadata", given["metadata"])
    return {field: None if value == "" and field in _REMOVABLE else value for field, value in given.items()}


def _check_uid(uid: str) -> None:
    try:
        if uid:
            check_application_uid(uid)
    except InvalidInput as error:
        raise InvalidInput(f"--uid: {error.message}") from None


def _name(one: StoredApplication) -> str:
    return one.spec.uid or one.id


def _page(told: dict[str, Any]) -> None:
    page = Page(label_width=20)
    endpoints = told.pop("endpoints")
    page.heading(f"Application {told.pop('name')}")
    page.facts(told)
    for endpoint in endpoints:
        page.gap()
        page.heading(f"Endpoint {endpoint['uid'] or endpoint['name']}", endpoint.pop("state"))
        page.facts(endpoint)
