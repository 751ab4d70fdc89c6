"""Compares an OpenAPI document with the contract: everything of the contract is there, more is allowed.

What is sent to us must not be narrower than the contract says, what we answer must not be wider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .contract import Contract, Difference, Operation, Schema

LIMITS = ("pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems")

#: The formats of integers that are a limit, and those that only say how one may be kept in memory.
_LARGEST = {"uint16": 65_535}
WIDTHS = {"int16", "int32", "int64", "uint16", "uint32", "uint64"}

_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Found:
    """One place where a document is not as the contract says."""

    operation: str
    place: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.place}: expected {self.expected}, found {self.found}"

    def is_allowed_by(self, difference: Difference) -> bool:
        return (
            re.fullmatch(difference.operation, self.operation) is not None
            and re.fullmatch(difference.place, self.place) is not None
            and difference.found == self.found
        )


def unexplained(contract: Contract, document: Schema) -> list[str]:
    """Every way in which the document is less than the contract, and every listed difference that is none."""
    found = [one for operation in contract.operations.values() for one in Comparison(document).of(operation)]
    listed = contract.differences
    return [
        *(str(one) for one in found if not any(one.is_allowed_by(difference) for difference in listed)),
        *(
            f"contract.yaml: the difference at {difference.operation}: {difference.place} is none any more"
            for difference in listed
            if not any(one.is_allowed_by(difference) for one in found)
        ),
    ]


class Comparison:
    """Looks at one document, operation by operation."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def of(self, wanted: Operation) -> list[Found]:
        """What is missing or wrong at one operation."""
        return [Found(wanted.name, *one) for one in self._operation(wanted)]

    def _operation(self, wanted: Operation) -> Iterator[tuple[str, str, str]]:
        operation = self._document["paths"].get(wanted.path, {}).get(wanted.method.lower())
        if operation is None:
            yield "the operation itself", "is there", _NOTHING
            return
        yield from self._parameters(wanted, operation.get("parameters", []))
        yield from self._body(wanted, operation.get("requestBody", {}))
        for status, answer in (wanted.answers | wanted.also).items():
            yield from self._answer(status, answer, operation["responses"])

    def _parameters(self, wanted: Operation, documented: list[Schema]) -> Iterator[tuple[str, str, str]]:
        there = {(one["in"], one["name"].lower()): one for one in map(self._followed, documented)}
        for (where, name), schema in wanted.parameters.items():
            parameter = there.pop((where, name), None)
            if parameter is None:
                yield f"{where} {name}", "a parameter", _NOTHING
                continue
            if bool(parameter.get("required")) != (where == "path"):
                yield f"{where} {name} required", json.dumps(where == "path"), json.dumps(where != "path")
            # a parameter is a text or absent: `null` says nothing about it
            not_null = {key: value for key, value in schema.items() if key != "nullable"}
            yield from self._schema(f"{where} {name}", not_null, parameter["schema"], sent=True)
        for (where, name), parameter in there.items():
            if parameter.get("required"):
                yield f"{where} {name}", "no such parameter, or an optional one", "a required one"

    def _body(self, wanted: Operation, documented: Schema) -> Iterator[tuple[str, str, str]]:
        body = self._followed(documented)
        if wanted.body is None:
            if body.get("required"):
                yield "body", _NOTHING, "a required one"
            return
        if not body:
            yield "body", "a required one", _NOTHING
            return
        if not body.get("required"):
            yield "body required", "true", "false"
        yield from self._schema("body", wanted.body, _json(body), sent=True)

    def _answer(self, status: str, wanted: Schema | None, documented: Schema) -> Iterator[tuple[str, str, str]]:
        answer = self._followed(documented.get(status, {}))
        if not answer:
            yield f"answer {status}", "is there", _NOTHING
        elif wanted is not None:
            yield from self._schema(f"answer {status}", wanted, _json(answer), sent=False)
        elif answer.get("content"):
            yield f"answer {status}", "no body", "a body"

    # -- schemas -----------------------------------------------------------------------------------------

    def _schema(self, place: str, wanted: Schema, documented: Schema, *, sent: bool) -> Iterator[tuple[str, str, str]]:
        schema = self._followed(documented)
        if "anyOf" in schema:
            yield from self._choice(place, wanted, schema, sent=sent)
            return
        if schema.get("type") != wanted["type"]:
            yield f"{place} type", wanted["type"], schema.get("type", "anything")
            return
        yield from _value(place, wanted, schema, sent=sent)
        if "items" in wanted:
            yield from self._schema(f"{place}[]", wanted["items"], schema.get("items", {}), sent=sent)
        if isinstance(wanted.get("additionalProperties"), dict):
            values = schema.get("additionalProperties")
            values = values if isinstance(values, dict) else {}
            yield from self._schema(f"{place}.*", wanted["additionalProperties"], values, sent=sent)
        if "properties" in wanted:
            yield from self._fields(place, wanted, schema, sent=sent)

    def _choice(self, place: str, wanted: Schema, schema: Schema, *, sent: bool) -> Iterator[tuple[str, str, str]]:
        """One of the choices must take what is sent; all of them must be what may be answered."""
        outside = {key: value for key, value in schema.items() if key != "anyOf"}
        judged = [
            list(self._schema(place, wanted, {**self._followed(choice), **outside}, sent=sent))
            for choice in schema["anyOf"]
        ]
        yield from min(judged, key=len) if sent else [one for each in judged for one in each]

    def _fields(self, place: str, wanted: Schema, schema: Schema, *, sent: bool) -> Iterator[tuple[str, str, str]]:
        fields = schema.get("properties", {})
        required, documented = set(wanted.get("required", ())), set(schema.get("required", ()))
        for name, field in wanted["properties"].items():
            if name not in fields:
                yield f"{place}.{name}", "a field", _NOTHING
                continue
            if name in required and name not in documented:
                yield f"{place}.{name} required", "true", "false"
            yield from self._schema(f"{place}.{name}", field, fields[name], sent=sent)
        for name in sorted(documented - required if sent else ()):
            yield f"{place}.{name} required", "false", "true"

    def _followed(self, schema: Schema) -> Schema:
        """The schema (or parameter, body, answer) itself: references followed, `allOf` and null merged."""
        merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        if "$ref" in schema:
            merged = {**self._followed(self._target(schema["$ref"])), **merged}
        for part in schema.get("allOf", ()):
            merged = _both(merged, self._followed(part))
        choices = [self._followed(choice) for choice in schema.get("anyOf") or schema.get("oneOf") or ()]
        real = [choice for choice in choices if choice.get("type") != "null"]
        if len(real) < len(choices):
            merged["nullable"] = True
        if len(real) == 1:
            return {**real[0], **merged}
        return {**merged, "anyOf": real} if real else merged

    def _target(self, reference: str) -> Any:
        found: Any = self._document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found


def _value(place: str, wanted: Schema, schema: Schema, *, sent: bool) -> Iterator[tuple[str, str, str]]:
    """What both say about the value itself."""
    if sent and wanted.get("nullable") and not schema.get("nullable"):
        yield f"{place} nullable", "true", "false"
    if not sent and schema.get("nullable") and not wanted.get("nullable"):
        yield f"{place} nullable", "false", "true"
    if _format(schema) != _format(wanted):
        yield f"{place} format", _format(wanted), _format(schema)
    if missing := [one for one in wanted.get("enum", ()) if one not in schema.get("enum", ())]:
        yield f"{place} enum", f"also {missing}", str(schema.get("enum", "any value"))
    if not sent:
        return
    if "enum" in schema and "enum" not in wanted:
        yield f"{place} enum", "any value", str(schema["enum"])
    if "default" in wanted and wanted["default"] != schema.get("default"):
        yield f"{place} default", json.dumps(wanted["default"]), json.dumps(schema.get("default"))
    limits, documented = _limits(wanted), _limits(schema)
    for limit in LIMITS:
        if limits.get(limit) != documented.get(limit):
            yield f"{place} {limit}", _shown(limits.get(limit)), _shown(documented.get(limit))


def _shown(limit: Any) -> str:
    return "none" if limit is None else f"{limit:g}" if isinstance(limit, float) else str(limit)


def _format(schema: Schema) -> str:
    said = schema.get("format", "none")
    return "none" if said in WIDTHS else str(said)


def _limits(schema: Schema) -> Schema:
    largest = _LARGEST.get(schema.get("format", ""))
    return {"maximum": largest, **schema} if largest else schema


def _both(one: Schema, other: Schema) -> Schema:
    merged = {**one, **other}
    for key in ("properties", "required"):
        if key in one and key in other:
            merged[key] = {**one[key], **other[key]} if key == "properties" else [*one[key], *other[key]]
    return merged


def _json(holder: Schema) -> Schema:
    """The schema of a body or an answer as JSON."""
    media: Schema = holder.get("content", {}).get("application/json", {})
    return media.get("schema", {}) or {}
