"""An example value from a JSON Schema, for messages that only show what real ones look like.

What the author of the schema wrote comes first: ``examples``, ``example`` (OpenAPI), ``default``, ``const`` and
the first of ``enum``, at every level. Where nothing is written, the plainest value of the kind is made. The same
schema always gives the same example.

It is a proposal: rules that only a search could satisfy (``pattern``, ``not``, ``if``) are passed over. Whoever
needs certainty validates the result.
"""

from __future__ import annotations

from math import ceil
from typing import Any, TypeAlias

from hookline.core.body import follow, pointer_tokens
from hookline.core.errors import InvalidInput

Schema: TypeAlias = dict[str, Any]

#: Values in one example. References can multiply what a short schema asks for without end.
MOST_VALUES = 2_000
#: Beyond this a text that a schema wants long is no example any more.
LONGEST_TEXT = 1_000
#: An array that must have many items is shown with some.
MOST_ITEMS = 20

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:30:00Z",
    "duration": "PT1H",
    "email": "jane@example.com",
    "hostname": "example.com",
    "idn-email": "jane@example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "iri": "https://example.com/",
    "iri-reference": "/example",
    "json-pointer": "/example",
    "regex": ".*",
    "relative-json-pointer": "0",
    "time": "09:30:00Z",
    "uri": "https://example.com/",
    "uri-reference": "/example",
    "uri-template": "/example/{id}",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


class NoExample(InvalidInput):
    """The schema asks for a value that has no end, or for nothing that can be made."""

    code = "no_example"


def example_of(schema: object, index: int = 0) -> Any:
    """An example of what ``schema`` describes; ``index`` chooses among its own ``examples``, if it has several.

    Raises NoExample.
    """
    if isinstance(schema, dict):
        written = schema.get("examples")
        if isinstance(written, list) and written:
            return written[index] if index < len(written) else written[0]
    try:
        return _Maker(schema).make(schema)
    except RecursionError:
        raise NoExample("the schema is nested too deeply") from None


class _Maker:
    """Makes the example of one document."""

    def __init__(self, document: object) -> None:
        self._document = document
        self._left = MOST_VALUES
        self._open: list[str] = []

    def make(self, schema: object) -> Any:
        """The value for a schema at any place in the document."""
        self._spend(1)
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise NoExample("the schema allows no value at all")
        written = _written(schema)
        if written:
            return written[0]
        if isinstance(reference := schema.get("$ref"), str):
            return self._referred(reference)
        whole = self._with_parts(schema)
        if whole is not schema:
            return self.make(whole)
        return self._of_type(schema)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise NoExample("the schema describes more than an example should hold; give it `examples`")

    def _referred(self, reference: str) -> Any:
        if reference in self._open:
            raise NoExample(f"the schema refers to itself without an end at `{reference}`; give it `examples`")
        target = self._target(reference)
        if target is None:
            raise NoExample(f"`{reference}` leads to nothing in the schema")
        self._open.append(reference)
        try:
            return self.make(target)
        finally:
            self._open.pop()

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        try:
            return follow(self._document, pointer_tokens(reference[1:]))
        except InvalidInput:
            return None

    def _with_parts(self, schema: Schema) -> Schema:
        """The schema with ``allOf`` and one each of ``anyOf`` and ``oneOf`` written into it; itself if it has none."""
        chosen = [part for part in _list(schema, "allOf") if isinstance(part, dict)]
        for choices in ("oneOf", "anyOf"):
            chosen += [part for part in _list(schema, choices) if isinstance(part, dict)][:1]
        if not chosen:
            return schema
        self._spend(len(chosen))
        merged = {key: value for key, value in schema.items() if key not in ("allOf", "anyOf", "oneOf")}
        for part in chosen:
            merged = _merged(merged, self._resolved(part))
        return merged

    def _resolved(self, part: Schema) -> Schema:
        """A part without its reference, so that it can be merged with others."""
        seen: list[str] = []
        while isinstance(reference := part.get("$ref"), str) and reference not in seen:
            seen.append(reference)
            target = self._target(reference)
            if not isinstance(target, dict):
                raise NoExample(f"`{reference}` leads to nothing in the schema")
            part = _merged({key: value for key, value in part.items() if key != "$ref"}, target)
        if "$ref" in part:
            raise NoExample(f"the schema refers to itself without an end at `{part['$ref']}`; give it `examples`")
        return part

    def _of_type(self, schema: Schema) -> Any:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        if kind == "string":
            return _text(schema)
        if kind in ("integer", "number"):
            return _number(schema, whole=kind == "integer")
        return True if kind == "boolean" else None

    def _object(self, schema: Schema) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = [name for name in _list(schema, "required") if isinstance(name, str)]
        made: dict[str, Any] = {}
        for name in [*properties, *(name for name in required if name not in properties)]:
            try:
                made[name] = self.make(properties.get(name, schema.get("additionalProperties", True)))
            except NoExample:
                if name in required:
                    raise  # one that may be absent is left out
        return made

    def _array(self, schema: Schema) -> list[Any]:
        fewest = min(MOST_ITEMS, _whole(schema, "minItems", 0))
        most = _whole(schema, "maxItems", MOST_ITEMS)
        first = _list(schema, "prefixItems") or _list(schema, "items")
        rest = schema.get("items", True) if not isinstance(schema.get("items"), list) else True
        made: list[Any] = []
        for place in range(min(most, max(1, fewest, len(first)))):
            try:
                made.append(self.make(first[place] if place < len(first) else rest))
            except NoExample:
                if place < fewest:
                    raise
                break
        return made


def _written(schema: Schema) -> list[Any]:
    """The values that the author of a schema wrote into it, the best first."""
    examples = schema.get("examples")
    found = list(examples) if isinstance(examples, list) else []
    found += [schema[key] for key in ("example", "default", "const") if key in schema]
    return found + _list(schema, "enum")[:1]


def _kind(schema: Schema) -> str:
    """The type of the value to make; guessed from the other rules where none is said."""
    said = schema.get("type")
    if isinstance(said, list):
        said = next((one for one in said if one != "null"), "null")
    if isinstance(said, str):
        return said
    for kind, signs in (
        ("object", ("properties", "required", "additionalProperties", "patternProperties", "minProperties")),
        ("array", ("items", "prefixItems", "minItems", "contains")),
        ("string", ("format", "pattern", "minLength", "maxLength")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(sign in schema for sign in signs):
            return kind
    return "object"


def _text(schema: Schema) -> str:
    text = _FORMATS.get(str(schema.get("format")), "string")
    fewest = min(LONGEST_TEXT, _whole(schema, "minLength", 0))
    if len(text) < fewest:
        text = (text * (fewest // len(text) + 1))[:fewest]
    return text[: _whole(schema, "maxLength", LONGEST_TEXT)]


def _number(schema: Schema, *, whole: bool) -> int | float:
    """The number nearest to 1 that the bounds allow, a multiple where one is wanted."""
    beyond = 1 if whole else 0.5
    low, high = _bound(schema, "inimum", beyond), _bound(schema, "aximum", -beyond)
    number = 1.0
    if low is not None:
        number = max(number, low)
    if high is not None:
        number = min(number, high)
    step = _real(schema.get("multipleOf"))
    if step is not None and step > 1e-9:
        number = ceil(number / step) * step
        if high is not None and number > high:
            number -= step
    return ceil(number) if whole or number.is_integer() else number


def _bound(schema: Schema, name: str, beyond: float) -> float | None:
    """``minimum`` or ``maximum``, or a number within ``exclusive…``, which is a flag in old drafts."""
    bound, exclusive = _real(schema.get(f"m{name}")), schema.get(f"exclusiveM{name}")
    within = bound if exclusive is True else _real(exclusive)
    return bound if within is None else within + beyond


def _real(value: object) -> float | None:
    """A number of a size that an example can have."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= 1e15:
        return None
    return float(value)


def _whole(schema: Schema, key: str, default: int) -> int:
    value = schema.get(key)
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else default


def _list(schema: Schema, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _merged(one: Schema, other: Schema) -> Schema:
    """What both ask for; where they contradict each other, ``one``."""
    merged = {**other, **one}
    for key in ("properties", "$defs", "definitions"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            merged[key] = {**other[key], **one[key]}
    for key in ("required", "allOf", "oneOf", "anyOf"):
        if isinstance(one.get(key), list) and isinstance(other.get(key), list):
            merged[key] = [*one[key], *other[key]]
    return merged
