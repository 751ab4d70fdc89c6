"""What happens to every request under ``/api/v1`` before its function is called, in this order:

the bearer token is checked, the body is read within limits and as strict JSON, and everything that is wrong
with body and query is told at once, in Hookline's words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from hookline.api.answer import InvalidBody, InvalidRequest
from hookline.api.dependencies import dependencies_of
from hookline.api.token import Claims, TokenSigner, bearer, refuse_application
from hookline.config.problems import Problem, explain
from hookline.core.errors import HooklineError

LARGEST_BODY_BYTES = 1 << 20

_decode = msgspec.json.Decoder().decode


class ApiRoute(APIRoute):
    """A route that needs a bearer token, and one of an organisation."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            claims = _claims(request)
            self.admit(claims)
            request.state.claims, request.state.org_id = claims, claims.org_id
            strict = JsonRequest(request.scope, request.receive)
            if self.body_field is not None:
                await strict.load(dependencies_of(request).settings.read_timeout_s)
            try:
                return await answer(strict)
            except RequestValidationError as error:
                raise self.refusal(error) from None

        return handler

    def admit(self, claims: Claims) -> None:
        """Raise InsufficientAccess when whoever holds such a token may not even ask."""
        refuse_application(claims)

    def refusal(self, error: RequestValidationError) -> HooklineError:
        """The error that tells of all that is wrong with a request."""
        return InvalidRequest(self._problems(error))

    def _problems(self, error: RequestValidationError) -> list[Problem]:
        """Everything that is wrong, without the ``body`` and ``query`` in front of each place."""
        problems: list[Problem] = []
        for part, model in self.models().items():
            found = [{**one, "loc": one["loc"][1:]} for one in error.errors() if one["loc"][0] == part]
            problems += explain(cast(ValidationError, Found(found)), model)
        return problems

    def models(self) -> dict[str, type[BaseModel]]:
        """The model of each part of a request that can be wrong."""
        models: dict[str, type[BaseModel]] = {"path": BaseModel, "query": BaseModel, "body": BaseModel}
        for part, fields in (("query", self.dependant.query_params), ("body", self.dependant.body_params)):
            for field in fields:
                for annotation in (field.field_info.annotation, *getattr(field.field_info.annotation, "__args__", ())):
                    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                        models[part] = annotation
        return models


class Found:
    """The errors that FastAPI found, as pydantic would have raised them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self._errors = errors

    def errors(self, **_: object) -> list[dict[str, Any]]:
        return self._errors


def _claims(request: Request) -> Claims:
    """Whom the request speaks for. Raises AuthenticationFailed."""
    signer = request.app.state.tokens
    assert isinstance(signer, TokenSigner)
    token = bearer(request.headers.get("authorization", ""))
    return signer.claims(token, dependencies_of(request).clock.now_ms() / 1000)


class JsonRequest(Request):
    """A request whose body was read and decoded by `load`."""

    _raw = b""
    _value: Any = None

    async def load(self, timeout_s: float) -> None:
        """Read the body. Raises InvalidBody when it is too large, too slow or not JSON."""
        try:
            async with asyncio.timeout(timeout_s):
                self._raw = await self._read()
        except TimeoutError:
            raise InvalidBody(408, "body_timeout", f"the body did not come within {timeout_s:g} s") from None
        if self._raw:
            self._value = self._parsed()

    async def _read(self) -> bytes:
        _refuse_if_too_large(int(self.headers.get("content-length", 0)))
        parts, size = [], 0
        async for part in self.stream():
            size += len(part)
            _refuse_if_too_large(size)
            parts.append(part)
        return b"".join(parts)

    def _parsed(self) -> Any:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise InvalidBody(415, "unsupported_media_type", "send JSON, with `Content-Type: application/json`")
        try:
            return _decode(self._raw)
        except UnicodeDecodeError:
            raise InvalidBody(400, "invalid_json", "the body is not JSON: it is not UTF-8 text") from None
        except msgspec.DecodeError as error:
            raise InvalidBody(400, "invalid_json", f"the body is not JSON: {error}") from None
        except RecursionError:
            raise InvalidBody(400, "invalid_json", "the body is nested too deeply") from None

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._value


def _refuse_if_too_large(size: int) -> None:
    if size > LARGEST_BODY_BYTES:
        raise InvalidBody(413, "body_too_large", "a request to the API has at most 1 MB")
