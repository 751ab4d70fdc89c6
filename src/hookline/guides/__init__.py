"""What people need to know of a provider beside its row: where to click, what it sends, requests like its own.

One TOML file per provider, named after it. Nothing here decides about a request.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """A request like those that a provider sends, before it is signed. ``type`` is the event type that it carries."""

    type: str
    body: str
    content_type: str = "application/json"
    method: str = "POST"
    query: str = ""
    headers: dict[str, str] = {}


class Guide(msgspec.Struct, frozen=True):
    """``setup``: what to do at the provider, step by step. ``events``: its types, where they are public."""

    setup: list[str]
    events: list[str]
    events_url: str
    test_mode: str
    samples: list[Sample]

    def sample(self, event_type: str = "") -> Sample | None:
        """The sample of this type, the first without one; None when there is none."""
        found = (sample for sample in self.samples if not event_type or sample.type == event_type)
        return next(found, None)


#: A provider nobody has written a guide for.
_EMPTY = Guide([], [], "", "", [])


@cache
def guide_of(slug: str) -> Guide:
    """The guide of a provider of the catalogue; an empty one when it has none."""
    file = files("hookline.guides").joinpath(f"{slug}.toml")
    if not file.is_file():
        return _EMPTY
    document: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    return msgspec.convert(document, Guide)
