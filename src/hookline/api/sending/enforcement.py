"""Event types as a promise: a message is only taken when its type is known and its payload matches the schema.

A validator is made once per version of an event type. What is nested in a payload is read once more for it, which
is what asking for enforcement costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from hookline.api.sending.refusal import Unprocessable, Wrong
from hookline.core.body import BodyKind, MalformedBody, kind_of, parse
from hookline.core.model import EventType
from hookline.core.schema_versions import newest_schema

#: Validators that are kept ready; the ones made first go first.
MOST_READY = 1_000

#: Problems of one payload that are told: enough to mend it, few enough to read.
MOST_TOLD = 10

_LONGEST_WORDS = 300

_UNUSABLE = (ValueError, TypeError, RecursionError, jsonschema_rs.ReferencingError)


class UnknownEventType(Unprocessable):
    """Event types are enforced, and the message's is not known or archived."""

    code = "unknown_event_type"


class SchemaMismatch(Unprocessable):
    """Schemas are enforced, and the payload does not match that of its event type."""

    code = "schema_mismatch"


Validate = Callable[[Any], Iterator[jsonschema_rs.ValidationError]]


class Enforcement:
    """Checks payloads against the newest schema of their event type."""

    def __init__(self) -> None:
        self._ready: dict[tuple[str, str], tuple[EventType, Validate | None]] = {}

    def check(self, known: EventType | None, name: str, payload: bytes, content_type: bytes) -> None:
        """Raises UnknownEventType for one that is not known or archived, SchemaMismatch for a wrong payload."""
        if known is None or known.archived:
            state = "archived" if known is not None else "not known"
            raise UnknownEventType([Wrong(("body", "eventType"), f"the event type `{name[:100]}` is {state}")])
        validate = self._validate(known)
        if validate is None:
            return
        if kind_of(content_type) is not BodyKind.JSON:
            words = f"`{name}` has a schema, so its payload must be JSON"
            raise SchemaMismatch([Wrong(("body", "contentType"), words)])
        try:
            value = parse(BodyKind.JSON, payload)
        except MalformedBody as error:
            raise SchemaMismatch([Wrong(("body", "payload"), error.message)]) from None
        if found := _told(validate, value):
            raise SchemaMismatch(found)

    def _validate(self, known: EventType) -> Validate | None:
        key = (known.org_id, known.name)
        ready = self._ready.get(key)
        if ready is not None and ready[0] is known:
            return ready[1]
        validate = _validator(known)
        self._ready.pop(key, None)
        if len(self._ready) >= MOST_READY:
            del self._ready[next(iter(self._ready))]
        self._ready[key] = (known, validate)
        return validate


def _validator(known: EventType) -> Validate | None:
    schema = newest_schema(known.schemas)
    if schema is None:
        return None
    try:
        return jsonschema_rs.validator_for(schema, offline=True).iter_errors
    except _UNUSABLE:  # it was saved by a version of Hookline that read schemas in another way
        words = f"the schema of `{known.name}` cannot be used; save a correct one"
        raise SchemaMismatch([Wrong(("body", "eventType"), words)]) from None


def _told(validate: Validate, value: Any) -> list[Wrong]:
    """The first problems of a payload, each with its path."""
    told = []
    for error in islice(validate(value), MOST_TOLD):
        path = ["body", "payload", *error.instance_path]
        kind = error.kind
        if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
            path.append(kind.property)
        told.append(Wrong(tuple(path), error.message[:_LONGEST_WORDS]))
    return told


def matches(schema: Any, value: Any) -> bool:
    """Whether a schema allows a value. A schema that cannot be used allows nothing."""
    try:
        return jsonschema_rs.validator_for(schema, offline=True).is_valid(value)
    except _UNUSABLE:
        return False
