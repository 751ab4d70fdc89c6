"""The names that people give sources, applications and endpoints on the command line."""

from __future__ import annotations

from hookline.cli.place import Place
from hookline.core import ids
from hookline.core.errors import NotFound
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint, StoredSource


async def source_id(place: Place, name_or_id: str | None) -> str:
    """The id of a source, empty for None. An id is taken as it is: events outlive their source.

    Raises NotFound.
    """
    if not name_or_id or name_or_id.startswith(ids.SOURCE):
        return name_or_id or ""
    return (await find_source(place, name_or_id)).id


async def find_source(place: Place, name_or_id: str) -> StoredSource:
    """A source by its name or id. Raises NotFound."""
    try:
        return await place.store.catalogue.source(place.org_id, name_or_id)
    except NotFound as error:
        names = ", ".join(source.spec.name for source in await place.store.catalogue.sources(place.org_id))
        raise NotFound(f"{error.message}; there {f'are {names}' if names else 'are none yet'}") from None


async def find_application(place: Place, id_or_uid: str) -> StoredApplication:
    """An application by its id or uid. Raises NotFound."""
    try:
        return await place.store.applications.get(place.org_id, id_or_uid)
    except NotFound as error:
        raise NotFound(f"{error.message}; `hookline applications list` shows all") from None


async def find_customer_endpoint(place: Place, application_id: str, id_or_uid: str) -> StoredApplicationEndpoint:
    """An endpoint of an application by its id or uid. Raises NotFound."""
    try:
        return await place.store.application_endpoints.get(place.org_id, application_id, id_or_uid)
    except NotFound as error:
        shown = f"hookline endpoints list --app {application_id}"
        raise NotFound(f"{error.message}; `{shown}` shows all") from None
