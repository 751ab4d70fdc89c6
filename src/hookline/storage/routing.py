"""Which sources there are and where their events go: an immutable snapshot, replaced when its version changes.

The next snapshot is made from the one before: dictionaries are copied, and only what changed is built anew. So with
tens of thousands of endpoints a change costs some milliseconds, and whoever prepared something for an endpoint
that did not change finds its very object again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeVar

from hookline.core.filter import compile_patterns
from hookline.core.model import DEFAULT_ORG, Endpoint, EndpointState, EventType, Source, SourceKind

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: A source with more endpoints keeps who wants which events.
MANY: Final = 100
#: How many of these answers a source keeps.
KEPT_ANSWERS: Final = 16

#: The version before anything was loaded: below that of every row.
NOTHING: Final = -1


class Route:
    """One endpoint and the test whether it wants an event."""

    __slots__ = ("channels", "endpoint", "wants_type")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.channels = frozenset(endpoint.channels)
        disabled = endpoint.state is EndpointState.DISABLED
        self.wants_type: Callable[[str], bool] = _never if disabled else compile_patterns(endpoint.events)

    def wants(self, event_type: str, channels: tuple[str, ...]) -> bool:
        """Whether an event of this type in these channels goes to the endpoint."""
        return self.wants_type(event_type) and (not self.channels or not self.channels.isdisjoint(channels))


class Routing:
    """All sources, endpoints and event types at one version. Never changed once it is made: any thread may read it."""

    def __init__(self) -> None:
        self.version = NOTHING
        self.sources: dict[str, Source] = {}
        self.endpoints: dict[str, Endpoint] = {}
        #: Why a source is left out or an endpoint is held back, by the id of each whose row cannot be read.
        self.unreadable: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], Source] = {}
        self._by_uid: dict[tuple[str, str], Source] = {}
        self._operational: dict[str, Source] = {}
        self._at: dict[str, _Endpoints] = {}
        self._event_types: dict[tuple[str, str], EventType] = {}

    # -- sources ---------------------------------------------------------------------------------------

    def at_door(self, name: str) -> Source | None:
        """The source that ``/webhooks/{name}`` means: a name of the default organisation, or any source's id.

        Never an application: whoever knew its id could publish without a token.
        """
        found = self._by_name.get((DEFAULT_ORG, name)) or self.sources.get(name)
        return found if found is not None and _has_door(found) else None

    def source(self, org_id: str, name_or_id: str) -> Source | None:
        """A provider's source of an organisation by its name or id."""
        found = self._by_name.get((org_id, name_or_id)) or self.sources.get(name_or_id)
        return found if found is not None and found.org_id == org_id and _has_door(found) else None

    def sources_of(self, org_id: str) -> list[Source]:
        """The providers' sources of an organisation, by name."""
        found = (s for s in self.sources.values() if s.org_id == org_id and _has_door(s))
        return sorted(found, key=lambda s: s.name)

    def application(self, org_id: str, id_or_uid: str) -> Source | None:
        """An application of an organisation."""
        found = self.sources.get(id_or_uid)
        if found is not None and found.org_id == org_id and found.kind is SourceKind.APPLICATION:
            return found
        return self._by_uid.get((org_id, id_or_uid))

    def operational(self, org_id: str) -> Source | None:
        """The source by which an organisation is told about its own endpoints and messages."""
        return self._operational.get(org_id)

    def event_type(self, org_id: str, name: str) -> EventType | None:
        """An event type of an organisation, also an archived one."""
        return self._event_types.get((org_id, name))

    # -- endpoints -------------------------------------------------------------------------------------

    def endpoint(self, org_id: str, source_id: str, key: str) -> Endpoint | None:
        """An endpoint of a source by its id, name or uid."""
        found = self.endpoints.get(key)
        if found is None or found.source_id != source_id:
            at = self._at.get(source_id)
            found = at.called(key) if at is not None else None
        return found if found is not None and found.org_id == org_id else None

    def endpoints_of(self, org_id: str, source_id: str) -> list[Endpoint]:
        """All endpoints of a source, also disabled ones, by name."""
        at = self._at.get(source_id)
        return [route.endpoint for route in at.routes.values() if route.endpoint.org_id == org_id] if at else []

    def wanting(self, source_id: str, event_type: str, channels: tuple[str, ...] = ()) -> list[Endpoint]:
        """The endpoints that an event goes to, by name; those of an application are named by their ids."""
        at = self._at.get(source_id)
        if at is None:
            return []
        if len(at.routes) > MANY:
            return at.wanted(event_type, channels).endpoints
        return [route.endpoint for route in at.routes.values() if route.wants(event_type, channels)]

    def wanted(self, source_id: str, event_type: str, channels: tuple[str, ...] = ()) -> Wanted:
        """The same, and more of it; kept as long as the endpoints of the source stay as they are."""
        at = self._at.get(source_id)
        return at.wanted(event_type, channels) if at is not None else Wanted([])

    # -- the next one ----------------------------------------------------------------------------------

    def changed(
        self,
        version: int,
        *,
        gone: Iterable[str] = (),
        sources: Iterable[Source] = (),
        endpoints: Iterable[Endpoint] = (),
        event_types: Iterable[EventType] = (),
        unreadable: Mapping[str, str] | None = None,
    ) -> Routing:
        """The routing at ``version``: this one without what is ``gone``, and with what is new or changed.

        ``gone`` are ids, of event types what `event_type_id` makes. What is gone and given again is there.
        Sources that are ``unreadable`` are left out; endpoints that are, are given as what is known of them.
        """
        sources, endpoints, event_types, unread = tuple(sources), tuple(endpoints), tuple(event_types), unreadable or {}
        lost = set(gone)
        touched = lost | unread.keys() | {one.id for one in sources} | {one.id for one in endpoints}
        old_sources = [self.sources[key] for key in touched if key in self.sources]
        old_endpoints = [self.endpoints[key] for key in touched if key in self.endpoints]
        old_types = [one for key, one in self._event_types.items() if lost and event_type_id(*key) in lost]
        after = Routing()
        after.version = version
        after.sources = _replaced(self.sources, old_sources, sources, lambda one: one.id)
        after._by_name = _replaced(self._by_name, old_sources, sources, _name)
        after._by_uid = _replaced(self._by_uid, old_sources, sources, _uid)
        after._operational = _replaced(self._operational, old_sources, sources, _operational)
        after.endpoints = _replaced(self.endpoints, old_endpoints, endpoints, lambda one: one.id)
        after._at = self._routed(old_endpoints, endpoints)
        after._event_types = _replaced(self._event_types, old_types, event_types, lambda one: (one.org_id, one.name))
        after.unreadable = {key: why for key, why in self.unreadable.items() if key not in touched} | dict(unread)
        return after

    def _routed(self, old: Iterable[Endpoint], new: Iterable[Endpoint]) -> dict[str, _Endpoints]:
        left, came = _by_source(old), _by_source(new)
        if not left and not came:
            return self._at
        at = dict(self._at)
        for source_id in left.keys() | came.keys():
            known = at.pop(source_id, None) or _Endpoints({}, {})
            after = known.changed(left.get(source_id, []), came.get(source_id, []))
            if after.routes:
                at[source_id] = after
        return at


class Wanted:
    """The endpoints that such an event goes to: by name; their ids in order; those where order counts."""

    __slots__ = ("endpoints", "fifo", "ids")

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.endpoints = endpoints
        self.ids = sorted(endpoint.id for endpoint in endpoints)
        self.fifo = [endpoint for endpoint in endpoints if endpoint.fifo]


class _Endpoints:
    """The endpoints of one source: routes by name, in the order of their names, and names by uid."""

    __slots__ = ("_uids", "_wanted", "routes")

    def __init__(self, routes: dict[str, Route], uids: dict[str, str]) -> None:
        self.routes, self._uids = routes, uids
        #: By type and channels. Two threads may find the same at once; that it is kept changes nothing.
        self._wanted: dict[tuple[str, tuple[str, ...]], Wanted] = {}

    def wanted(self, event_type: str, channels: tuple[str, ...]) -> Wanted:
        """Who wants such an event: asked of tens of thousands of endpoints once, and not for every event."""
        known = self._wanted.get((event_type, channels))
        if known is None:
            routes = self.routes.values()
            known = Wanted([route.endpoint for route in routes if route.wants(event_type, channels)])
            if len(self._wanted) >= KEPT_ANSWERS:
                self._wanted.clear()
            self._wanted[event_type, channels] = known
        return known

    def called(self, name_or_uid: str) -> Endpoint | None:
        """The endpoint of this name or uid."""
        route = self.routes.get(name_or_uid) or self.routes.get(self._uids.get(name_or_uid, ""))
        return route.endpoint if route is not None else None

    def changed(self, left: Iterable[Endpoint], came: Iterable[Endpoint]) -> _Endpoints:
        """Without those that ``left`` and with those that ``came``; one that is in both keeps its place."""
        routes, stay = dict(self.routes), {one.name for one in came}
        uids = dict(self._uids)
        for one in left:
            uids.pop(one.uid, None)
            if one.name not in stay:
                routes.pop(one.name, None)
        in_order, last = True, next(reversed(routes), "")
        for one in came:
            if one.name not in routes:
                in_order, last = in_order and one.name > last, one.name
            routes[one.name] = Route(one)
        uids.update((one.uid, one.name) for one in came if one.uid)
        return _Endpoints(routes if in_order else dict(sorted(routes.items())), uids)


def event_type_id(org_id: str, name: str) -> str:
    """What stands for an event type among the ids of what is gone."""
    return f"{org_id}/{name}"


def _replaced(known: dict[K, V], old: Iterable[V], new: Iterable[V], key: Callable[[V], K | None]) -> dict[K, V]:
    """``known`` without what is ``old`` and with what is ``new``; the very same when there is neither.

    What has no key (None) does not belong here.
    """
    out = [name for one in old if (name := key(one)) is not None]
    into = [(name, one) for one in new if (name := key(one)) is not None]
    if not out and not into:
        return known
    after = dict(known)
    for name in out:
        after.pop(name, None)
    after.update(into)
    return after


def _by_source(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for one in endpoints:
        found.setdefault(one.source_id, []).append(one)
    return found


def _has_door(source: Source) -> bool:
    return source.kind is SourceKind.PROVIDER


def _name(source: Source) -> tuple[str, str] | None:
    return (source.org_id, source.name) if _has_door(source) else None


def _uid(source: Source) -> tuple[str, str] | None:
    return (source.org_id, source.uid) if source.uid else None


def _operational(source: Source) -> str | None:
    return source.org_id if source.kind is SourceKind.OPERATIONAL else None


def _never(event_type: str) -> bool:
    return False
