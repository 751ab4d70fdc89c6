"""The routing as a value: however it came to be, it says the same as one that was read whole."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.model import DEFAULT_ORG, Endpoint, EndpointState, EventType, Source, SourceKind
from hookline.storage.routing import NOTHING, Routing, event_type_id

ORGS = (DEFAULT_ORG, "org_other")
TYPES = ("order.paid", "user.created")
SOURCES = tuple(f"src_{number}" for number in range(4))
ENDPOINTS = tuple(f"ep_{number}" for number in range(6))


@dataclass
class Stored:
    """What a database would hold."""

    sources: dict[str, Source] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    event_types: dict[tuple[str, str], EventType] = field(default_factory=dict)

    def whole(self) -> Routing:
        """As if it were read from the beginning."""
        return Routing().changed(
            1,
            sources=self.sources.values(),
            endpoints=self.endpoints.values(),
            event_types=self.event_types.values(),
        )


def _source(number: int, name: str) -> Source:
    kind = list(SourceKind)[number % 3]
    uid = name if kind is SourceKind.APPLICATION else ""
    return Source(SOURCES[number], ORGS[number // 3], name or SOURCES[number], "none", kind=kind, uid=uid)


def _endpoint(number: int, event: str, channels: tuple[str, ...], disabled: bool, uid: str) -> Endpoint:
    source = number % 2  # an endpoint never moves to another source
    state = EndpointState.DISABLED if disabled else EndpointState.ACTIVE
    return Endpoint(
        ENDPOINTS[number],
        ORGS[source // 3],
        SOURCES[source],
        ENDPOINTS[number],
        "http://127.0.0.1:9/",
        events=(event,),
        channels=channels,
        state=state,
        uid=f"{uid}{number}" if uid else "",
    )


sources = st.builds(_source, st.integers(0, 3), st.sampled_from(["", "a", "b"]))
endpoints = st.builds(
    _endpoint,
    st.integers(0, 5),
    st.sampled_from(["*", "order.*", "user.created"]),
    st.sampled_from([(), ("eu",), ("eu", "us")]),
    st.booleans(),
    st.sampled_from(["", "u"]),
)
event_types = st.builds(EventType, st.sampled_from(ORGS), st.sampled_from(TYPES), st.sampled_from(["", "words"]))
changes = st.lists(
    st.one_of(sources, endpoints, event_types, st.sampled_from([*SOURCES, *ENDPOINTS, *TYPES])), max_size=6
)


@given(st.lists(changes, max_size=6))
def test_changes_one_after_another_lead_to_what_a_new_reader_sees(steps: list[list[object]]) -> None:
    stored, routing = Stored(), Routing()
    for version, step in enumerate(steps):
        routing = _after(routing, version, stored, step)
    _assert_same(routing, stored.whole())


@given(changes, changes)
def test_a_routing_never_changes(first: list[object], second: list[object]) -> None:
    stored = Stored()
    routing = _after(Routing(), 1, stored, first)
    before = stored.whole()
    _after(routing, 2, stored, second)
    _assert_same(routing, before)


def _after(routing: Routing, version: int, stored: Stored, step: list[object]) -> Routing:
    """Do what a step says to the rows, and let the routing read what it changed."""
    gone: list[str] = []
    written: list[str] = []
    for one in step:
        if isinstance(one, Source):
            clash = [other for other in stored.sources.values() if other.id != one.id and _clash(other, one)]
            if not clash:
                stored.sources[one.id] = one
                written.append(one.id)
        elif isinstance(one, Endpoint):
            stored.endpoints[one.id] = one
            written.append(one.id)
        elif isinstance(one, EventType):
            stored.event_types[one.org_id, one.name] = one
            written.append(event_type_id(one.org_id, one.name))
        elif isinstance(one, str):
            stored.sources.pop(one, None)
            stored.endpoints.pop(one, None)
            stored.event_types.pop((DEFAULT_ORG, one), None)
            gone.append(event_type_id(DEFAULT_ORG, one) if one in TYPES else one)
    return routing.changed(
        version,
        gone=gone,
        sources=[one for key, one in stored.sources.items() if key in written],
        endpoints=[one for key, one in stored.endpoints.items() if key in written],
        event_types=[one for key, one in stored.event_types.items() if event_type_id(*key) in written],
    )


def _clash(one: Source, other: Source) -> bool:
    """What the database's unique indexes refuse."""
    if one.org_id != other.org_id or one.kind is not other.kind:
        return False
    return one.kind is SourceKind.OPERATIONAL or one.name == other.name


def _assert_same(one: Routing, other: Routing) -> None:
    assert one.sources == other.sources
    assert one.endpoints == other.endpoints
    for org_id in ORGS:
        assert one.operational(org_id) == other.operational(org_id)
        assert one.sources_of(org_id) == other.sources_of(org_id)
        for name in ("a", "b", *SOURCES):
            assert one.at_door(name) == other.at_door(name)
            assert one.source(org_id, name) == other.source(org_id, name)
            assert one.application(org_id, name) == other.application(org_id, name)
        for name in TYPES:
            assert one.event_type(org_id, name) == other.event_type(org_id, name)
        for source_id in SOURCES:
            assert one.endpoints_of(org_id, source_id) == other.endpoints_of(org_id, source_id)
            for key in (*ENDPOINTS, *(f"u{number}" for number in range(6))):
                assert one.endpoint(org_id, source_id, key) == other.endpoint(org_id, source_id, key)
    for source_id in SOURCES:
        for event_type in TYPES:
            for channels in ((), ("eu",), ("asia", "us")):
                wanting = one.wanting(source_id, event_type, channels)
                assert wanting == other.wanting(source_id, event_type, channels)
                assert [endpoint.name for endpoint in wanting] == sorted(endpoint.name for endpoint in wanting)


@pytest.mark.parametrize("kind", list(SourceKind))
def test_only_a_providers_source_has_a_door(kind: SourceKind) -> None:
    source = Source("src_1", DEFAULT_ORG, "shop", "none", kind=kind, uid="acme")
    routing = Routing().changed(1, sources=[source])
    expected = source if kind is SourceKind.PROVIDER else None
    assert [routing.at_door(name) for name in ("shop", "src_1", "acme")] == [expected, expected, None]
    assert routing.source(DEFAULT_ORG, "src_1") is expected


def test_before_anything_was_read_there_is_nothing() -> None:
    assert (Routing().version, Routing().sources, Routing().endpoints) == (NOTHING, {}, {})
