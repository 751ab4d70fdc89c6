"""Whose endpoints they are: those of a source, or those of an application. The commands are the same for both."""

from __future__ import annotations

from typing import Protocol

from hookline.cli.application_endpoints import OfApplication
from hookline.cli.given import Given
from hookline.cli.names import find_application, find_source
from hookline.cli.place import Place
from hookline.cli.source_endpoints import OfSource
from hookline.core import ids
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import SourceKind
from hookline.storage.stored import StoredEndpoint


class Owner(Protocol):
    """A source or an application, as far as its endpoints go."""

    async def endpoints(self) -> list[StoredEndpoint]:
        """All of them."""
        ...

    def name(self, endpoint: StoredEndpoint) -> str:
        """What people call it on the command line."""
        ...

    async def find(self, name: str) -> StoredEndpoint:
        """One of them. Raises NotFound."""
        ...

    async def create(self, given: Given, secret: str) -> StoredEndpoint:
        """A new one. Raises InvalidInput, naming the flags that cannot be used."""
        ...

    async def update(self, known: StoredEndpoint, given: Given) -> StoredEndpoint:
        """Change what is given. Raises InvalidInput, naming the flags that cannot be used."""
        ...

    async def delete(self, known: StoredEndpoint) -> None:
        """Remove it."""
        ...

    def secret(self, known: StoredEndpoint) -> list[str]:
        """What its receiver verifies with."""
        ...

    async def rotate(self, known: StoredEndpoint, secret: str, overlap_s: float) -> StoredEndpoint:
        """Give it a new secret, one that is made when it is empty. Raises Conflict where that is done elsewhere."""
        ...


async def owner_of(place: Place, source: str | None, application: str | None) -> Owner:
    """The owner that the flags name. Raises InvalidInput when they name none or two, NotFound."""
    if bool(source) == bool(application):
        raise InvalidInput("say whose endpoint: --app for an application, or --source")
    if application:
        return OfApplication(place, (await find_application(place, application)).id)
    return await _at(place, source or "")


async def find_endpoint(
    place: Place, name: str, *, application: str | None = None, source: str = ""
) -> tuple[Owner, StoredEndpoint]:
    """An endpoint and its owner: by its id, as in ``github/build``, or by its name or uid at the owner that is given.

    Raises NotFound, or InvalidInput for a name that does not say whose it is.
    """
    if application:
        owner = await owner_of(place, None, application)
        return owner, await owner.find(name)
    if name.startswith(ids.ENDPOINT):
        known = place.store.routing.endpoints.get(name)
        if known is None or known.org_id != place.org_id:
            raise NotFound(f"there is no endpoint {name}")
        source, endpoint = known.source_id, name
    else:
        before, _, endpoint = name.rpartition("/")
        source = before or source
    if not source:
        raise InvalidInput(f"write the endpoint with its source, as in github/{endpoint}, or by its id")
    owner = await _at(place, source)
    return owner, await owner.find(endpoint)


async def _at(place: Place, name_or_id: str) -> Owner:
    """The source that is called so, or the application that has this id."""
    known = place.store.routing.sources.get(name_or_id)
    if known is not None and known.kind is not SourceKind.PROVIDER:
        return OfApplication(place, known.id)
    return OfSource(place, await find_source(place, name_or_id))
