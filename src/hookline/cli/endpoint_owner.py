"""Whose endpoints they are: those of a source, or those of an application. The commands are the same for both."""

from __future__ import annotations

from typing import Protocol

from hookline.cli.given import Given
from hookline.cli.names import find_application, find_source
from hookline.cli.place import Place
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
    from hookline.cli.application_endpoints import OfApplication
    from hookline.cli.source_endpoints import OfSource

    if bool(source) == bool(application):
        raise InvalidInput("say whose endpoint: --app for an application, or --source")
    if application:
        return OfApplication(place, (await find_application(place, application)).id)
    return OfSource(place, await find_source(place, source or ""))


async def found(place: Place, name: str, application: str | None) -> tuple[Owner, StoredEndpoint]:
    """An endpoint by its id, by its uid at an ``application``, or as in ``github/build``, and its owner.

    Raises NotFound, or InvalidInput for a name that does not say whose it is.
    """
    if application:
        owner = await owner_of(place, None, application)
        return owner, await owner.find(name)
    if name.startswith(ids.ENDPOINT):
        return await _by_id(place, name)
    source, slash, endpoint = name.rpartition("/")
    if not slash or not source:
        raise InvalidInput(f"write the endpoint with its source, as in github/{endpoint}, or name its --app")
    owner = await owner_of(place, source, None)
    return owner, await owner.find(endpoint)


async def _by_id(place: Place, endpoint_id: str) -> tuple[Owner, StoredEndpoint]:
    known = place.store.routing.endpoints.get(endpoint_id)
    if known is None or known.org_id != place.org_id:
        raise NotFound(f"there is no endpoint {endpoint_id}")
    kind = place.store.routing.sources[known.source_id].kind
    if kind is SourceKind.PROVIDER:
        owner = await owner_of(place, known.source_id, None)
    else:
        owner = await owner_of(place, None, known.source_id)
    return owner, await owner.find(endpoint_id)
