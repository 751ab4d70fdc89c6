"""Stands in front of the server, and compares every answer of its API with the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from ..contract import Operation, Schema, contract

Asgi = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, and the headers of its request."""

    operation: Operation
    path: str
    headers: dict[str, str]
    status: int
    body: bytes


class Witness:
    """An ASGI application in front of another."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self.seen: list[Seen] = []
        #: Statuses to answer with before the application is asked, as a broken proxy would.
        self.instead: list[int] = []
        #: Statuses to answer with after the application did what it was asked.
        self.afterwards: list[int] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        operation = _operation(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        keep = self._keeping(operation, scope, send)
        if self.instead:
            await _hear_out(receive)
            await _refuse(self.instead.pop(0), keep)
        elif self.afterwards:
            await self._app(scope, receive, _unheard)
            await _refuse(self.afterwards.pop(0), keep)
        else:
            await self._app(scope, receive, keep)

    def _keeping(self, operation: Operation, scope: Any, send: Any) -> Callable[[Any], Any]:
        """``send``, which keeps what was answered before the client can know it."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        sent: list[Any] = []

        async def keep(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                body = b"".join(part.get("body", b"") for part in sent[1:])
                self.seen.append(Seen(operation, scope["path"], headers, sent[0]["status"], body))
            await send(message)

        return keep

    @property
    def operations(self) -> set[str]:
        """Those that were answered with success."""
        return {one.operation.name for one in self.seen if one.status < 300}

    def judge(self) -> None:
        """Raise AssertionError for every answer that the contract does not allow."""
        problems = [problem for one in self.seen for problem in _problems(one)]
        assert not problems, "\n".join(problems)


async def _unheard(message: Any) -> None:
    """An answer that got lost."""


async def _hear_out(receive: Any) -> None:
    while (await receive()).get("more_body"):
        pass


async def _refuse(status: int, send: Any) -> None:
    body = json.dumps({"code": "not_now", "detail": "try again"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], Operation]]:
    """Those with the fewest parameters first, because a literal step goes before a parameter."""
    operations = sorted(contract().operations.values(), key=lambda operation: operation.path.count("{"))
    return [(one.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path) + "/?"), one) for one in operations]


def _operation(method: str, path: str) -> Operation | None:
    return next((one for asked, pattern, one in _patterns() if asked == method and pattern.fullmatch(path)), None)


def _problems(seen: Seen) -> list[str]:
    where = f"{seen.operation.method} {seen.path}: {seen.status}"
    answers = seen.operation.answers | seen.operation.also
    if str(seen.status) not in answers:
        return [] if _is_known(seen) else [f"{where}: the contract knows no such status {seen.body[:300]!r}"]
    validator = _validator(seen.operation.name, str(seen.status))
    if validator is None:
        return [f"{where}: a body: {seen.body[:300]!r}"] if seen.body else []
    return [f"{where}: {one.instance_path}: {one.message}" for one in validator.iter_errors(json.loads(seen.body))]


@cache
def _validator(operation: str, status: str) -> Any | None:
    """What checks the bodies of these answers; None where there is no body."""
    wanted = contract().operations[operation]
    schema = (wanted.answers | wanted.also)[status]
    return None if schema is None else jsonschema_rs.validator_for(json_schema(schema), validate_formats=True)


def _is_known(seen: Seen) -> bool:
    """Errors may be more than those of the contract; successes only where it names none."""
    if seen.status >= 400:
        return not seen.body or set(json.loads(seen.body)) >= {"code", "detail"}
    return not any(status < "3" for status in seen.operation.answers)


def json_schema(schema: Schema) -> Schema:
    """The schema of OpenAPI 3.0 as JSON Schema, which has no `nullable`. Formats of numbers mean nothing in it."""
    inner = {key: value for key, value in schema.items() if key not in ("nullable", "default")}
    for key in ("items", "additionalProperties"):
        if isinstance(inner.get(key), dict):
            inner[key] = json_schema(inner[key])
    if "properties" in inner:
        inner["properties"] = {name: json_schema(value) for name, value in inner["properties"].items()}
    return {"anyOf": [inner, {"type": "null"}]} if schema.get("nullable") else inner
