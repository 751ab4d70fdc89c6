"""The management API: everything a person or a program may ask of a running server, under ``/api/v1``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hookline.api import deliveries, docs, doctor, endpoints, events, rejections, replays, sources, system
from hookline.api.answer import refusal, refusal_of
from hookline.api.dependencies import ApiDependencies
from hookline.api.openapi import describe
from hookline.api.sending import (
    applications,
    attempts,
    endpoint_headers,
    endpoint_secrets,
    event_types,
    examples,
    health,
    messages,
    operational,
    portal,
    recovery,
    tasks,
)
from hookline.api.sending import endpoints as application_endpoints
from hookline.api.sending.route import OptionalSlash
from hookline.api.system import QueueGauges
from hookline.api.token import TokenSigner
from hookline.core.errors import HooklineError
from hookline.core.fault import WORDS, where

__all__ = ["ApiDependencies", "create_api"]

Asgi: TypeAlias = Callable[..., Awaitable[None]]

_log = structlog.stdlib.get_logger("hookline.api")

#: One file for each, in the order of the documentation.
ROUTERS = (sources, endpoints, events, deliveries, rejections, doctor, replays, system, docs)

#: The same for the sending API.
SENDING = (
    applications,
    application_endpoints,
    endpoint_headers,
    endpoint_secrets,
    event_types,
    messages,
    attempts,
    recovery,
    examples,
    tasks,
    portal,
    operational,
    health,
)

_WORDS = {
    404: ("not_found", "there is nothing at this path; all of them are listed at /docs"),
    405: ("method_not_allowed", "this path does not answer this method; see `Allow`"),
}


def create_api(dependencies: ApiDependencies) -> FastAPI:
    """The ASGI application of everything but the doors."""
    # FastAPI's own telemetry is off: an environment variable could make it send what it sees elsewhere.
    quiet: Any = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
    app = FastAPI(
        title="Hookline", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=quiet
    )
    app.state.dependencies = dependencies
    app.state.tokens = TokenSigner(dependencies.settings.secret)
    app.state.queue_gauges = QueueGauges(dependencies)
    for room in (*ROUTERS, *SENDING):
        app.include_router(room.router)
    describe(app)
    app.add_exception_handler(HooklineError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_middleware(OptionalSlash)
    app.add_middleware(Guard)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HooklineError)
    return refusal_of(error)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, words = _WORDS.get(error.status_code, ("invalid_request", "the request cannot be read"))
    return refusal(error.status_code, code, words, error.headers)


class Guard:
    """Answers 500 for what nobody expected, and logs where it happened; what it says stays out of both.

    The text of an unforeseen exception can hold anything, also a secret.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        started = False

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            return
        except Exception as error:
            _log.error(
                "request failed",
                method=scope.get("method", ""),
                path=scope.get("path", ""),
                error=type(error).__name__,
                where=where(error),
            )
            if scope["type"] != "http" or started:
                raise
            await refusal(500, "internal_error", WORDS)(scope, receive, send)
