"""Which sources there are and where their events go: an immutable snapshot, replaced when its version changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hookline.core.filter import compile_patterns
from hookline.core.model import DEFAULT_ORG, Endpoint, EndpointState, Source


class Route:
    """One endpoint and the test whether it wants an event type."""

    __slots__ = ("endpoint", "wants")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.wants: Callable[[str], bool] = compile_patterns(endpoint.events)


class Routing:
    """All sources and endpoints at one version. Never changed after it was made, so any thread may read it."""

    def __init__(self, version: int = 0, sources: Iterable[Source] = (), endpoints: Iterable[Endpoint] = ()) -> None:
        self.version = version
        self.sources: dict[str, Source] = {source.id: source for source in sources}
        self.endpoints: dict[str, Endpoint] = {endpoint.id: endpoint for endpoint in endpoints}
        self._by_name = {(s.org_id, s.name): s for s in self.sources.values()}
        self._routes: dict[str, list[Route]] = {}
        for endpoint in self.endpoints.values():
            if endpoint.state is not EndpointState.DISABLED:
                self._routes.setdefault(endpoint.source_id, []).append(Route(endpoint))

    def at_door(self, name: str) -> Source | None:
        """The source that ``/webhooks/{name}`` means: a name of the default organisation, or any source's id."""
        return self._by_name.get((DEFAULT_ORG, name)) or self.sources.get(name)

    def source(self, org_id: str, name_or_id: str) -> Source | None:
        """A source of an organisation by its name or id."""
        found = self._by_name.get((org_id, name_or_id))
        if found is None:
            found = self.sources.get(name_or_id)
        return found if found is not None and found.org_id == org_id else None

    def sources_of(self, org_id: str) -> list[Source]:
        """All sources of an organisation, by name."""
        return sorted((s for s in self.sources.values() if s.org_id == org_id), key=lambda s: s.name)

    def endpoint(self, org_id: str, source_id: str, name_or_id: str) -> Endpoint | None:
        """An endpoint of a source by its name or id."""
        for endpoint in self.endpoints_of(org_id, source_id):
            if name_or_id in (endpoint.id, endpoint.name):
                return endpoint
        return None

    def endpoints_of(self, org_id: str, source_id: str) -> list[Endpoint]:
        """All endpoints of a source, also disabled ones, by name."""
        found = (e for e in self.endpoints.values() if e.source_id == source_id and e.org_id == org_id)
        return sorted(found, key=lambda e: e.name)

    def wanting(self, source_id: str, event_type: str) -> list[Endpoint]:
        """The endpoints that an event of this type goes to."""
        routes = self._routes.get(source_id)
        return [route.endpoint for route in routes if route.wants(event_type)] if routes else []
