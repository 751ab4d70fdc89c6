"""``/api/v1/rejections``: requests that were refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer
from hookline.api.dependencies import Caller, Me
from hookline.api.page import PageQuery, page
from hookline.api.route import ApiRoute
from hookline.core.errors import Conflict, NotFound, VerificationError
from hookline.core.model import Rejection

router = APIRouter(prefix="/api/v1/rejections", tags=["Rejections"], route_class=ApiRoute)


class RejectionQuery(PageQuery):
    """Which rejections, and which page of them."""

    source: str = Field(default="", max_length=100, description="The name in the address, or a source's id.")
    cause: str = Field(default="", max_length=100, description="Such as `bad_signature`.")


@router.get("", response_model=shapes.Page[shapes.Rejection], summary="List refused requests, newest first")
async def list_rejections(me: Me, query: Annotated[RejectionQuery, Query()]) -> Response:
    """They are kept for a bounded time and in a bounded number."""
    known = me.routing.source(me.org_id, query.source) if query.source else None
    found = await me.store.rejections.find(
        me.org_id,
        source_name=known.name if known is not None else query.source,
        cause=query.cause,
        before=query.iterator,
        limit=query.limit + 1,
    )
    return page(query, found, present.rejection)


@router.get("/{rejection}", response_model=shapes.RejectionStory, summary="Show a refused request")
async def get_rejection(me: Me, rejection: str) -> Response:
    """Its cause, and what came."""
    return answer(present.rejection(await _find(me, rejection), me.routing, full=True))


@router.post("/{rejection}/accept", response_model=shapes.Receipt, summary="Accept a refused request after all")
async def accept_rejection(me: Me, rejection: str) -> Response:
    """It is examined again, by the present configuration and as of its arrival. What is still wrong is still
    refused, with the cause as `code`."""
    known = await _find(me, rejection)
    try:
        return answer(present.receipt(await me.given.accept_rejection(me.org_id, known.id)))
    except VerificationError as error:
        # Its status speaks to the sender of a webhook; a 401 here would mean the caller's token.
        raise Conflict(f"still refused: {error.message}", code=error.cause) from None


async def _find(me: Caller, rejection: str) -> Rejection:
    found = await me.store.rejections.get(me.org_id, rejection)
    if found is None:
        raise NotFound(f"there is no rejection {rejection!r}")
    return found
