"""A document that says exactly what the contract says, and every way to take one thing out of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .contract import Contract, Operation, Schema


def document_of(contract: Contract) -> Schema:
    """OpenAPI of the contract and nothing else, without references."""
    document: Schema = {"openapi": "3.0.3", "paths": {}}
    for operation in contract.operations.values():
        document["paths"].setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return document


def _operation(operation: Operation) -> Schema:
    body = {"required": True, "content": _json(operation.body)} if operation.body else None
    return {
        "parameters": [
            {"in": where, "name": name, "required": where == "path", "schema": copy.deepcopy(schema)}
            for (where, name), schema in operation.parameters.items()
        ],
        **({"requestBody": body} if body else {}),
        "responses": {
            status: {"content": _json(answer)} if answer else {"description": "nothing to say"}
            for status, answer in (operation.answers | operation.also).items()
        },
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": copy.deepcopy(schema)}}


def impoverished(document: Schema) -> Iterator[tuple[str, Schema]]:
    """Each thing taken out or turned round, one at a time, with where it is; always the same document."""
    for *above, last in list(_paths(document)):
        holder: Any = document
        for step in above:
            holder = holder[step]
        kept = holder[last]
        if isinstance(kept, bool):
            holder[last] = not kept
        else:
            del holder[last]
        value = kept if isinstance(kept, (str, int, None.__class__)) else "…"
        yield f"{'/'.join(map(str, (*above, last)))}={value}", document
        if isinstance(holder, list):
            holder.insert(last, kept)
        else:
            holder[last] = kept


#: Steps that are nothing by themselves; but a field may be called so.
_FRAMES = {"parameters", "responses", "schema", "properties", "in", "name", "description", "openapi", "paths"}


def _paths(part: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = list(part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ())
    for step, below in steps:
        if step not in _FRAMES or above[-1:] == ("properties",):
            yield (*above, step)
        yield from _paths(below, (*above, step))
