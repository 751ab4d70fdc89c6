"""The names that people give sources, applications and endpoints on the command line."""

from __future__ import annotations

from hookline.cli.place import Place
from hookline.core import ids
from hookline.core.errors import InvalidInput, NotFound
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint, StoredEndpoint, StoredSource


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


async def find_endpoint(place: Place, name: str, source: str = "") -> StoredEndpoint:
    """An endpoint by ``source/endpoint``, by its id, or by its name alone at ``source``.

    Raises NotFound, or InvalidInput for a name without a source.
    """
    if name.startswith(ids.ENDPOINT):
        return await _endpoint_by_id(place, name)
    source_name, _, endpoint_name = name.rpartition("/")
    at = source_name or source
    if not at:
        raise InvalidInput(f"write the endpoint with its source, as in github/{endpoint_name}")
    found = await find_source(place, at)
    for endpoint in await place.store.catalogue.endpoints(place.org_id, found.id):
        if endpoint.spec.name == endpoint_name:
            return endpoint
    raise NotFound(f"there is no endpoint {endpoint_name!r} at {found.spec.name}; `hookline endpoints list` shows all")


async def _endpoint_by_id(place: Place, endpoint_id: str) -> StoredEndpoint:
    known = place.store.routing.endpoints.get(endpoint_id)
    if known is None or known.org_id != place.org_id:
        raise NotFound(f"there is no endpoint {endpoint_id}")
    return await place.store.catalogue.endpoint(place.org_id, known.source_id, endpoint_id)
