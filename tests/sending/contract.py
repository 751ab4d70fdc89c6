"""The table of the sending API's contract (`contract.yaml`), as schemas without references.

A schema here is what OpenAPI 3.0 says, `nullable` included, with every reference followed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

TABLE = Path(__file__).parent / "contract.yaml"

Schema: TypeAlias = dict[str, Any]

_SEVERAL = re.compile(r"(list|set) of (.+?)(?: (\d*)\.\.(\d*))?")
_FIELDS_OF_A_PAGE = {"iterator": "text or null", "prevIterator": "text or null", "done*": "flag"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``parameters`` are by (in, name); an answer without a body is None."""

    method: str
    path: str
    parameters: dict[tuple[str, str], Schema]
    body: Schema | None
    answers: dict[str, Schema | None]
    also: dict[str, Schema | None]  #: answers of ours that the contract does not have

    @property
    def name(self) -> str:
        """As in ``GET /api/v1/app``."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that our document says in another way, and why."""

    operation: str  #: a regular expression
    place: str  #: a regular expression
    found: str
    because: str


@dataclass(frozen=True, slots=True)
class Contract:
    """The whole table."""

    operations: dict[str, Operation]
    webhooks: dict[str, Schema]  #: the bodies of operational webhooks by their type
    differences: tuple[Difference, ...]


@cache
def contract() -> Contract:
    """The table as it is checked in."""
    text = yaml.safe_load(TABLE.read_text())
    reader = _Reader(text["types"], text["schemas"])
    operations = [
        _operation(reader, name, about or {}, text["path_parameters"], text["errors"])
        for name, about in text["operations"].items()
    ]
    return Contract(
        {operation.name: operation for operation in operations},
        {type: reader.webhook(type, fields) for type, fields in text["webhooks"].items()},
        tuple(Difference(**difference) for difference in text["differences"]),
    )


def _operation(
    reader: _Reader, name: str, about: dict[str, Any], in_path: dict[str, str], errors: dict[int, str]
) -> Operation:
    method, path = name.split()
    parameters = {("path", one): reader.value(in_path[one]) for one in re.findall(r"\{(\w+)\}", path)}
    for where in ("query", "header"):
        parameters |= {(where, one): reader.value(value) for one, value in about.get(where, {}).items()}

    def read(answers: dict[int, str]) -> dict[str, Schema | None]:
        return {str(status): None if body == "nothing" else reader.value(body) for status, body in answers.items()}

    return Operation(
        method,
        path,
        parameters,
        reader.value(about["body"]) if "body" in about else None,
        read(about["answers"] | about.get("errors", errors)),
        read(about.get("also", {})),
    )


class _Reader:
    """Reads the table's values by its types and schemas."""

    def __init__(self, types: dict[str, Schema], schemas: dict[str, dict[str, str]]) -> None:
        self._types, self._schemas = types, schemas

    def value(self, text: str) -> Schema:
        """The schema of ``<type> [or null] [= default]``."""
        kind, has_default, default = text.partition(" = ")
        inner = kind.removesuffix(" or null")
        schema = self._type(inner)
        if inner != kind:
            schema["nullable"] = True
        if has_default:
            schema["default"] = json.loads(default)
        return schema

    def webhook(self, type: str, fields: dict[str, str]) -> Schema:
        """The body of an operational webhook."""
        named = {"type": "string", "enum": [type]}
        return {
            "type": "object",
            "properties": {"type": named, "data": self._object(fields)},
            "required": ["type", "data"],
        }

    def _type(self, text: str) -> Schema:
        if text in self._types:
            return dict(self._types[text])
        if text in self._schemas:
            return self._object(self._schemas[text])
        if text.startswith("page of "):
            return self._object({"data*": f"list of {text.removeprefix('page of ')}", **_FIELDS_OF_A_PAGE})
        if text.startswith("map of "):
            values = text.removeprefix("map of ").removeprefix("(").removesuffix(")")
            return {"type": "object", "additionalProperties": self.value(values)}
        several = _SEVERAL.fullmatch(text)
        assert several is not None, f"contract.yaml: `{text}` is no type"
        return self._several(*several.groups())

    def _several(self, kind: str, item: str, least: str | None, most: str | None) -> Schema:
        schema: Schema = {"type": "array", "items": self._type(item)}
        if kind == "set":
            schema["uniqueItems"] = True
        if least:
            schema["minItems"] = int(least)
        if most:
            schema["maxItems"] = int(most)
        return schema

    def _object(self, fields: dict[str, str]) -> Schema:
        properties = {name.rstrip("*"): self.value(text) for name, text in fields.items()}
        required = [name.rstrip("*") for name in fields if name.endswith("*")]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}
