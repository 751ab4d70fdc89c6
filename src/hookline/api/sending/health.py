"""``/api/v1/health``: does the server work? Asked without a token."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from hookline.api.answer import nothing
from hookline.api.system import unready

router = APIRouter(prefix="/api/v1/health", tags=["Health"])


@router.get("", status_code=204, response_class=Response, operation_id="v1.health.get", summary="Does the server work?")
async def health(request: Request) -> Response:
    """Whether messages can be accepted: the store can be written now."""
    return await unready(request) or nothing()


@router.head(
    "", status_code=204, response_class=Response, operation_id="v1.health.head", summary="Does the server work? Briefly"
)
async def health_head(request: Request) -> Response:
    """As with GET."""
    return await unready(request) or nothing()


@router.get(
    "/ping", status_code=204, response_class=Response, operation_id="v1.health.ping", summary="Is there a server?"
)
async def ping() -> Response:
    """Always, if there is an answer."""
    return nothing()


@router.head(
    "/ping",
    status_code=204,
    response_class=Response,
    operation_id="v1.health.ping-head",
    summary="Is there a server? Briefly",
)
async def ping_head() -> Response:
    """As with GET."""
    return nothing()
