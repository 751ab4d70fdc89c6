"""The nouns of the sending side as the JSON that ``--json`` prints, in the words of `api.present`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from hookline.api import present
from hookline.core.model import Event, EventType
from hookline.storage.stored import StoredApplication, StoredEndpoint

Json: TypeAlias = dict[str, Any]


def application(one: StoredApplication, endpoints: Iterable[StoredEndpoint] | None = None) -> Json:
    """An application, with its ``endpoints`` when they are given."""
    spec = one.spec.model_dump(mode="json")
    told: Json = {
        "id": one.id,
        "uid": spec.pop("uid") or None,
        "name": spec.pop("title"),
        **spec,
        "created_at": present.time(one.created_at_ms),
        "updated_at": present.time(one.updated_at_ms),
    }
    if endpoints is not None:
        told["endpoints"] = [present.endpoint(each) for each in endpoints]
    return told


def event_type(one: EventType) -> Json:
    """An event type with its schemas."""
    return {
        "name": one.name,
        "description": one.description,
        "archived": one.archived,
        "deprecated": one.deprecated,
        "feature_flag": one.feature_flag or None,
        "schemas": one.schemas,
        "created_at": present.time(one.created_at_ms),
        "updated_at": present.time(one.updated_at_ms),
    }


def message(one: Event) -> Json:
    """A message without its body, as lists show it."""
    return {
        "id": one.id,
        "type": one.type,
        "status": one.status,
        "event_id": one.provider_event_id or None,
        "channels": list(one.channels),
        "tags": list(one.tags),
        "application_id": one.source_id,
        "published_at": present.time(one.received_at_ms),
    }
