"""How the API answers: JSON in one spelling, errors in one shape, nothing kept by caches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from hookline.config.problems import Problem, spell
from hookline.core.errors import HooklineError, InvalidInput, StoreError

_encode = msgspec.json.Encoder().encode

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class InvalidRequest(InvalidInput):
    """Something in the request cannot be used; ``problems`` has every such thing, with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{spell(each.path)}: {each.message}".removeprefix(": ") for each in problems))
        self.problems = tuple(problems)


def invalid(*path: str | int, words: str) -> InvalidRequest:
    """The error for one place, as in ``invalid("secrets", 0, words="must not be empty")``."""
    return InvalidRequest([Problem(path, words)])


class InvalidBody(HooklineError):
    """The body of the request cannot be read."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.status = status


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``content`` as JSON."""
    return Response(_encode(content), status, {**_HEADERS, **(headers or {})}, "application/json")


def nothing() -> Response:
    """204: done, and there is nothing to say."""
    return Response(status_code=204, headers=_HEADERS)


def refusal(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one shape of all errors."""
    return answer({"code": code, "detail": detail}, status, headers)


def refusal_of(error: HooklineError) -> Response:
    """The answer that tells of ``error``."""
    content: dict[str, Any] = {"code": error.code, "detail": error.message}
    if isinstance(error, InvalidRequest):
        content["problems"] = [{"field": spell(each.path), "problem": each.message} for each in error.problems]
    return answer(content, error.status, _headers(error))


def _headers(error: HooklineError) -> dict[str, str]:
    if error.status == 401:
        return {"www-authenticate": 'Bearer realm="hookline"'}
    if isinstance(error, StoreError):
        return {"retry-after": "1"}
    if error.status in (408, 413):
        return {"connection": "close"}  # the rest of the body is not read
    return {}
