"""What is measured: the lines of the table, in groups that are measured beside their floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from bench.requests import BODY_BYTES, GITHUB, STANDARD, Recipe, keyed, publishing

KIB = 1024
#: How long a slow endpoint takes to answer.
SLOW_MS = 2_000


class Kind(StrEnum):
    """How far an event goes."""

    ECHO = "echo"  #: answered by a bare application
    FLOOR = "floor"  #: answered by a bare application and sent on, and nothing stored
    DOOR = "door"  #: verified, stored, answered
    WHOLE = "whole"  #: verified, stored, answered, delivered, recorded


#: Whose requests are sent.
REQUESTS = {"github": GITHUB, "standard": STANDARD, "message": publishing(), "keyed": keyed()}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the table."""

    key: str
    title: str
    kind: Kind
    requests: str = "message"
    body_bytes: int = BODY_BYTES
    endpoints: int = 0  #: that an event is delivered to
    slow: bool = False  #: the last of them takes `SLOW_MS`
    paused: bool = False  #: one endpoint that is paused: a delivery is stored and not made
    own_protocol: bool = False  #: echo: through our own HTTP protocol
    sdk: bool = False  #: published through the official SDK
    postgres: bool = False
    processes: int = 1
    quick: bool = False  #: part of the short run

    @property
    def recipe(self) -> Recipe:
        """How its requests are made."""
        return REQUESTS[self.requests].of_size(self.body_bytes)

    @property
    def counted(self) -> int:
        """The deliveries of an event that its rate waits for: a slow endpoint's are not among them."""
        return self.endpoints - self.slow

    @property
    def application(self) -> bool:
        """Whether it is published for an application (door 2)."""
        return self.kind in (Kind.DOOR, Kind.WHOLE) and self.requests in ("message", "keyed")


@dataclass(frozen=True, slots=True)
class Group:
    """A floor, and what is measured beside it, in turns."""

    floor: Scenario
    figures: tuple[Scenario, ...]

    @property
    def all(self) -> tuple[Scenario, ...]:
        """The floor first."""
        return (self.floor, *self.figures)


def on_postgres(scenario: Scenario) -> Iterator[Scenario]:
    """The same on PostgreSQL, by one process and by two."""
    title = scenario.title
    yield replace(scenario, key=f"{scenario.key}-pg", title=f"{title}, PG", postgres=True, quick=False)
    two = f"{title}, PG, 2 processes"
    yield replace(scenario, key=f"{scenario.key}-pg2", title=two, postgres=True, processes=2, quick=False)


def _echo(body_bytes: int = BODY_BYTES) -> Scenario:
    return Scenario(f"echo{_named(body_bytes)}", "bare ASGI echo", Kind.ECHO, "github", body_bytes, quick=True)


def _floor(endpoints: int, body_bytes: int = BODY_BYTES) -> Scenario:
    title = f"echo and sender, {_to(endpoints)}"
    key = f"floor-{endpoints}{_named(body_bytes)}"
    return Scenario(key, title, Kind.FLOOR, body_bytes=body_bytes, endpoints=endpoints, quick=True)


def _door(key: str, title: str, requests: str, body_bytes: int = BODY_BYTES, **more: bool) -> Scenario:
    return Scenario(key + _named(body_bytes), title, Kind.DOOR, requests, body_bytes, **more)


def _send(endpoints: int, body_bytes: int = BODY_BYTES, **more: bool) -> Scenario:
    key = f"send-{endpoints}{_named(body_bytes)}"
    return Scenario(key, f"published, {_to(endpoints)}", Kind.WHOLE, "message", body_bytes, endpoints, **more)


def _named(body_bytes: int) -> str:
    return "" if body_bytes == BODY_BYTES else f"-{body_bytes // KIB}k"


def _to(endpoints: int) -> str:
    return "1 endpoint" if endpoints == 1 else f"{endpoints} endpoints"


def _of_size(body_bytes: int) -> tuple[Group, Group]:
    doors = (
        _door("door-github", "door 1, GitHub", "github", body_bytes),
        _door("door-standard", "door 1, Standard Webhooks", "standard", body_bytes),
        _door("door-publish", "door 2", "message", body_bytes),
    )
    return (
        Group(_echo(body_bytes), doors),
        Group(_floor(1, body_bytes), (_send(1, body_bytes),)),
    )


#: The floors of what is not in the table.
PLAIN_ECHO, FLOOR = _echo(), _floor(1)

_SEND_1 = _send(1, quick=True)
_DOOR_STANDARD = _door("door-standard", "door 1, Standard Webhooks", "standard", quick=True)

GROUPS = (
    Group(
        PLAIN_ECHO,
        (
            Scenario("echo-wire", "echo, our HTTP protocol", Kind.ECHO, "github", own_protocol=True),
            _door("door-github", "door 1, GitHub", "github", quick=True),
            _DOOR_STANDARD,
            _door("door-paused", "door 1, GitHub, 1 paused", "github", paused=True),
            _door("door-publish", "door 2", "message", quick=True),
            _door("door-key", "door 2, Idempotency-Key", "keyed"),
            _door("door-sdk", "door 2, official SDK", "keyed", sdk=True),
            *on_postgres(_DOOR_STANDARD),
        ),
    ),
    Group(
        FLOOR,
        (
            _SEND_1,
            replace(_SEND_1, key="send-key", title="published with a key, 1 endpoint", requests="keyed", quick=False),
            Scenario("whole-github", "door 1, GitHub, 1 endpoint", Kind.WHOLE, "github", endpoints=1),
            Scenario("whole-standard", "door 1, Std Webhooks, 1 endpoint", Kind.WHOLE, "standard", endpoints=1),
            *on_postgres(_SEND_1),
        ),
    ),
    Group(_floor(10), (_send(10, quick=True),)),
    Group(
        _floor(100),
        (
            _send(100, quick=True),
            replace(_send(100), key="slow-100", title="the 99 beside 1 slow endpoint", slow=True),
        ),
    ),
    *_of_size(16 * KIB),
    *_of_size(256 * KIB),
)


def wanted(*, full: bool, postgres: bool, only: str) -> list[Group]:
    """The groups that are to be measured, each with its floor. ``only``: keys or beginnings of keys, with commas.

    Raises ValueError when nothing is left.
    """
    keys = [one.key for group in GROUPS for one in group.all]
    parts = [part.strip() for part in only.split(",") if part.strip()]
    named = {key for key in keys for part in parts if key == part or (part not in keys and key.startswith(part))}

    def is_wanted(scenario: Scenario) -> bool:
        if parts:
            return scenario.key in named
        return full or (postgres if scenario.postgres else scenario.quick)

    found = []
    for group in GROUPS:
        figures = tuple(filter(is_wanted, group.figures))
        if figures or (parts and is_wanted(group.floor)):
            found.append(Group(group.floor, figures))
    if not found:
        raise ValueError(f"--only names none of {', '.join(keys)}")
    return found
