"""``hookline endpoints``."""

from __future__ import annotations

from typing import Annotated

import typer

from hookline.api import present
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.names import find_endpoint, find_source
from hookline.cli.output import print_json, print_line, print_table
from hookline.cli.place import Place, at
from hookline.core.errors import Conflict
from hookline.core.model import EndpointState
from hookline.storage.catalogue import StoredEndpoint

app = group("Where events go.")

Name = Annotated[str, typer.Argument(help="As in github/build, or the endpoint's id.", metavar="SOURCE/ENDPOINT")]


@app.command("list")
@with_flags(STORE_FLAGS)
def list_endpoints(
    flags: Flags,
    source: Annotated[str | None, typer.Option("--source", help="Only those of this source.")] = None,
    as_json: Json = False,
) -> None:
    """List endpoints, and how many deliveries each of them is owed."""

    async def work(place: Place) -> None:
        catalogue = place.store.catalogue
        sources = [await find_source(place, source)] if source else await catalogue.sources(place.org_id)
        found = [(each, endpoint) for each in sources for endpoint in await catalogue.endpoints(place.org_id, each.id)]
        owed = {backlog.endpoint_id: backlog.depth for backlog in await place.store.deliveries.backlog()}
        if as_json:
            return print_json([{**present.endpoint(one), "owed": owed.get(one.id, 0)} for _, one in found])
        print_table(
            ("endpoint", "state", "owed", "url", "events", "reason"),
            [
                (
                    f"{each.spec.name}/{endpoint.spec.name}",
                    endpoint.build().state,
                    str(owed.get(endpoint.id, 0)),
                    endpoint.spec.url,
                    ", ".join(endpoint.spec.events),
                    endpoint.build().state_reason,
                )
                for each, endpoint in found
            ],
        )
        return None

    at(flags, work)


@app.command()
@with_flags(STORE_FLAGS)
def pause(flags: Flags, endpoint: Name, as_json: Json = False) -> None:
    """Send nothing to an endpoint until it is resumed.

    What it is owed is kept and waits. A running server notices within a second.
    """
    _set_state(flags, endpoint, EndpointState.PAUSED, "paused from the command line", as_json=as_json)


@app.command()
@with_flags(STORE_FLAGS)
def resume(flags: Flags, endpoint: Name, as_json: Json = False) -> None:
    """Send to an endpoint again that was paused, disabled by a 410, or held back as failing."""
    _set_state(flags, endpoint, EndpointState.ACTIVE, "", as_json=as_json)


def _set_state(flags: Flags, name: str, state: EndpointState, reason: str, *, as_json: bool) -> None:
    async def work(place: Place) -> None:
        found = await find_endpoint(place, name)
        _refuse_disabled(found)
        await place.store.catalogue.set_endpoint_state(found.id, state, reason, place.clock.now_ms())
        changed = await place.store.catalogue.endpoint(place.org_id, found.source_id, found.id)
        if as_json:
            print_json(present.endpoint(changed))
        else:
            print_line(f"{found.spec.name} is {changed.state}.")

    at(flags, work)


def _refuse_disabled(endpoint: StoredEndpoint) -> None:
    if not endpoint.spec.enabled:
        raise Conflict(f"{endpoint.spec.name} is disabled in the configuration; set `enabled: true` there")
