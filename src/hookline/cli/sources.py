"""``hookline sources``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hookline.api import present
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.names import find_source
from hookline.cli.output import Page, print_json, print_table
from hookline.cli.place import Place, at

app = group("Where events come from.")


@app.command("list")
@with_flags(STORE_FLAGS)
def list_sources(flags: Flags, as_json: Json = False) -> None:
    """List all sources by name."""

    async def work(place: Place) -> None:
        sources = await place.store.catalogue.sources(place.org_id)
        if as_json:
            return print_json([present.source(source) for source in sources])
        endpoints = {source.id: len(place.store.routing.endpoints_of(place.org_id, source.id)) for source in sources}
        columns = ("source", "provider", "state", "endpoints", "address", "managed by", "owner")
        print_table(
            columns,
            [
                (
                    source.spec.name,
                    source.spec.provider,
                    "active" if source.spec.enabled else "disabled",
                    str(endpoints[source.id]),
                    present.address(source),
                    source.managed_by,
                    source.spec.owner,
                )
                for source in sources
            ],
        )
        return None

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def show(
    flags: Flags,
    source: Annotated[str, typer.Argument(help="The source's name or id.", metavar="SOURCE")],
    as_json: Json = False,
) -> None:
    """Show one source with its endpoints; secrets are hidden."""

    async def work(place: Place) -> None:
        found = await find_source(place, source)
        shown = present.source(found, await place.store.catalogue.endpoints(place.org_id, found.id))
        print_json(shown) if as_json else _page(shown)

    at(flags, work)


def _page(source: dict[str, Any]) -> None:
    page = Page(label_width=20)
    endpoints = source.pop("endpoints")
    page.heading(f"Source {source.pop('name')}", "active" if source["enabled"] else "disabled")
    page.facts(source)
    for endpoint in endpoints:
        page.gap()
        page.heading(f"Endpoint {endpoint.pop('name')}", endpoint.pop("state"))
        page.facts(endpoint)
