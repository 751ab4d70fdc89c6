"""What happens to every request of the sending API before its function is called: what `api.route` does, and

tokens of one application may ask too (each function says by its parameter who may, see `access.py`), every error
has the shape that the Svix SDKs read, and a slash at the end of a path changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from hookline.api.route import ApiRoute, Found
from hookline.api.sending.refusal import VALUE_ERROR, Unprocessable, Wrong, refusal_of
from hookline.api.token import Claims
from hookline.config.problems import explain
from hookline.core.errors import HooklineError

Asgi: TypeAlias = Callable[..., Awaitable[None]]

#: What the paths of this API begin with, but for a slash.
_PREFIXES = tuple(
    f"/api/v1/{name}/" for name in ("app", "event-type", "auth", "health", "operational-webhook", "background-task")
)


def is_sending(path: str) -> bool:
    """Whether a path belongs to the sending API."""
    return f"{path}/".startswith(_PREFIXES)


class SendingRoute(ApiRoute):
    """A route of the sending API: it needs a bearer token, of an organisation or of one application."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except HooklineError as error:
                return refusal_of(error)

        return handler

    def admit(self, claims: Claims) -> None:
        """Everybody may ask."""

    def refusal(self, error: RequestValidationError) -> HooklineError:
        """Everything that is wrong, each with its whole place."""
        models = self.models()
        found: list[Wrong] = []
        for one in error.errors():
            part, *place = one["loc"]
            alone = cast(ValidationError, Found([{**one, "loc": tuple(place)}]))
            kind = VALUE_ERROR if one["type"] == "hookline" else one["type"]
            found += [Wrong((part, *each.path), each.message, kind) for each in explain(alone, _model(models, part))]
        return Unprocessable(found)


def _model(models: dict[str, type[BaseModel]], part: object) -> type[BaseModel]:
    return models.get(part, BaseModel) if isinstance(part, str) else BaseModel


class OptionalSlash:
    """Reads ``/api/v1/app/`` as ``/api/v1/app``: some clients write one, some the other."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.endswith("/") and path.startswith(_PREFIXES):
                scope = {**scope, "path": path[:-1]}
        await self._app(scope, receive, send)
