"""Event types as the sending API reads and writes them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from hookline.api.present import time
from hookline.api.sending.fields import Body, Flag, Name, Patch, Plain, Shape, ShownName, Time
from hookline.api.sending.refusal import Unprocessable, Wrong, wrong
from hookline.config.schemas import check_schema
from hookline.core.errors import InvalidInput
from hookline.core.model import EventType

_SCHEMAS = 'JSON Schema of the payload by version, as in `{"1": {…}}`. The highest version is the one in force.'
_FLAG = "Customers see it only when their portal token names this flag; null: all of them do. `featureFlags`, a list "
_FLAG += "of at most one, means the same."
_ARCHIVED = "Nobody can subscribe to it anew; whoever has, keeps it."
_DEPRECATED = "Shown to customers; changes nothing else."

_Documents = Annotated[
    dict[str, dict[str, Any]], WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}})
]
_Flags = Annotated[list[Name], Field(max_length=1)]


class _EventType(Body):
    """What all bodies have."""

    archived: Flag = Field(default=False, description=_ARCHIVED)
    deprecated: Flag = Field(default=False, description=_DEPRECATED)
    feature_flag: Name | None = Field(default=None, description=_FLAG)
    feature_flags: _Flags | None = Field(default=None, description="As `featureFlag`, in a list.")
    schemas: _Documents | None = Field(
        default=None,
        description=_SCHEMAS,
        examples=[{"1": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}}],
    )

    def values(self) -> dict[str, Any]:
        """All fields as an EventType has them. Raises Unprocessable for what is no JSON Schema."""
        _check_schemas(self.schemas or {})
        return {
            "archived": self.archived,
            "deprecated": self.deprecated,
            "feature_flag": self._flag(),
            "schemas": self.schemas,
        }

    def _flag(self) -> str:
        flags = self.feature_flags or []
        if self.feature_flag and flags and flags != [self.feature_flag]:
            raise wrong("body", "featureFlags", words="names another flag than `featureFlag`; send one of the two")
        return self.feature_flag or (flags[0] if flags else "")


class EventTypeUpdate(_EventType):
    """An event type to replace, or to create."""

    description: Plain = Field(max_length=10_000, description="What it tells.", examples=["An invoice was paid"])

    def apply(self, org_id: str, name: str, known: EventType | None, now_ms: int) -> EventType:
        """The event type that is meant."""
        created_at_ms = known.created_at_ms if known is not None else now_ms
        return EventType(
            org_id=org_id,
            name=name,
            description=self.description,
            created_at_ms=created_at_ms,
            updated_at_ms=now_ms,
            **self.values(),
        )


class EventTypeIn(EventTypeUpdate):
    """An event type to create."""

    name: Name = Field(description="The name that messages carry.", examples=["invoice.paid"])


class EventTypePatch(Patch, _EventType):
    """What is to be changed of an event type. What is left out stays as it is; null removes what can be removed."""

    archived: bool = Field(default=False, description=_ARCHIVED)
    deprecated: bool = Field(default=False, description=_DEPRECATED)
    description: Plain = Field(default="", max_length=10_000, description="What it tells.")

    def apply(self, known: EventType, now_ms: int) -> EventType:
        """The event type as it is after this."""
        given = set(self.model_fields_set)
        if "feature_flags" in given:
            given.add("feature_flag")
        values = {**self.values(), "description": self.description}
        changes = {name: value for name, value in values.items() if name in given}
        return dataclasses.replace(known, **changes, updated_at_ms=now_ms)


def _check_schemas(schemas: dict[str, dict[str, Any]]) -> None:
    found = []
    for version, document in schemas.items():
        try:
            check_schema(document)
        except InvalidInput as error:
            found.append(Wrong(("body", "schemas", version), f"version {version!r} {error.message}"))
    if found:
        raise Unprocessable(found)


def is_visible(one: EventType, flags: frozenset[str] | None) -> bool:
    """Whether somebody with these feature flags sees it; None sees everything."""
    return flags is None or not one.feature_flag or one.feature_flag in flags


class EventTypeOut(Shape):
    """A kind of message that customers can choose."""

    name: ShownName
    description: str
    archived: bool = Field(description=_ARCHIVED)
    deprecated: bool = Field(description=_DEPRECATED)
    schemas: _Documents | None = Field(description=_SCHEMAS)
    feature_flag: ShownName | None = Field(description=_FLAG)
    feature_flags: list[str] | None = Field(description="As `featureFlag`, in a list.")
    created_at: Time
    updated_at: Time


def event_type_out(one: EventType, *, with_content: bool = True) -> dict[str, Any]:
    """An event type as an answer, with its schemas or without."""
    return {
        "name": one.name,
        "description": one.description,
        "archived": one.archived,
        "deprecated": one.deprecated,
        "schemas": one.schemas if with_content else None,
        "featureFlag": one.feature_flag or None,
        "featureFlags": [one.feature_flag] if one.feature_flag else None,
        "createdAt": time(one.created_at_ms),
        "updatedAt": time(one.updated_at_ms),
    }
