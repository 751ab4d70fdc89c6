"""``/api/v1/replays``: sending many events again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hookline.api import present, shapes
from hookline.api.answer import answer, invalid
from hookline.api.dependencies import Me
from hookline.api.inputs import ReplayInput
from hookline.api.page import PageQuery, page
from hookline.api.route import ApiRoute
from hookline.api.select import event_filter
from hookline.core.errors import NotFound
from hookline.storage.base import EventFilter

router = APIRouter(prefix="/api/v1/replays", tags=["Replays"], route_class=ApiRoute)


@router.post(
    "",
    status_code=202,
    response_model=shapes.Replay,
    responses={200: {"model": shapes.DryRun, "description": "With `dry_run`: what it would be"}},
    summary="Send many events again",
)
async def create_replay(me: Me, wanted: ReplayInput) -> Response:
    """Every event that fits is replayed as `POST /api/v1/events/{event}/replay` would. It goes on in the background;
    ask with `dry_run` first."""
    where = event_filter(me, wanted, wanted.endpoint)
    if where == EventFilter():
        # An empty body is more often a slip than the wish to send everything that ever came.
        raise invalid(words="restrict it, if only by `since`: `2000-01-01` is everything")
    if wanted.dry_run:
        return answer(present.count(await me.store.replays.count(me.org_id, where)))
    started = await me.store.replays.start(me.org_id, where, me.now_ms())
    me.given.wake_replayer()
    return answer(present.replay(started), 202, {"location": f"/api/v1/replays/{started.id}"})


@router.get("", response_model=shapes.Page[shapes.Replay], summary="List replays, newest first")
async def list_replays(me: Me, query: Annotated[PageQuery, Query()]) -> Response:
    """Running and finished ones."""
    found = await me.store.replays.find(me.org_id, before=query.iterator, limit=query.limit + 1)
    return page(query, found, present.replay)


@router.get("/{replay}", response_model=shapes.Replay, summary="Show a replay")
async def get_replay(me: Me, replay: str) -> Response:
    """With how far it is."""
    found = await me.store.replays.get(me.org_id, replay)
    if found is None:
        raise NotFound(f"there is no replay {replay!r}")
    return answer(present.replay(found))


@router.post("/{replay}/cancel", response_model=shapes.Replay, summary="Stop a replay")
async def cancel_replay(me: Me, replay: str) -> Response:
    """What it has already owed anew is still delivered."""
    return answer(present.replay(await me.store.replays.cancel(me.org_id, replay, me.now_ms())))
