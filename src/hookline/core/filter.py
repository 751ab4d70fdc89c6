"""Event-type patterns: ``push`` is exact, ``pull_request.*`` is one level or more below, ``*`` is everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hookline.core.errors import InvalidInput

#: The pattern of whoever wants all events.
EVERYTHING = "*"


def check(pattern: str) -> str:
    """Return ``pattern`` when it is one. Raises InvalidInput with the remedy otherwise."""
    if not pattern or pattern != pattern.strip():
        raise InvalidInput(f"event pattern {pattern!r} is empty or has spaces around it")
    if "*" in pattern.removesuffix("*") or (pattern.endswith("*") and pattern != "*" and not pattern.endswith(".*")):
        raise InvalidInput(f"event pattern {pattern!r}: `*` may stand alone or as the last level, as in `order.*`")
    return pattern


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether an event type matches any of ``patterns``."""
    checked = [check(pattern) for pattern in patterns]
    if "*" in checked:
        return lambda _: True
    exact = frozenset(p for p in checked if not p.endswith("*"))
    prefixes = tuple(p[:-1] for p in checked if p.endswith("*"))
    if not prefixes:
        return exact.__contains__
    return lambda event_type: event_type in exact or event_type.startswith(prefixes)
