"""Sending many messages again to one endpoint, and how it is doing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.api.present import time
from hookline.api.sending import endpoint_actions
from hookline.api.sending.access import App, AppMember, EndpointId
from hookline.api.sending.attempt_out import Json, MessageStatus, StatusCodeClass
from hookline.api.sending.fields import Body, Channel, Names, Shape, Time
from hookline.api.sending.message_query import Moment, Tag, moment
from hookline.api.sending.once import Idempotency, IdempotencyKey
from hookline.api.sending.paging import SendingQuery
from hookline.api.sending.refusal import wrong
from hookline.api.sending.route import SendingRoute
from hookline.api.sending.tasks import TYPES, TaskStatus, TaskType, updated_at
from hookline.core.state import DeliveryState
from hookline.storage.base import EventFilter
from hookline.storage.replays import ReplayKind

router = APIRouter(prefix="/api/v1/app/{app_id}/endpoint/{endpoint_id}", tags=["Attempts"], route_class=SendingRoute)

_DAY_MS = 86_400_000
#: So that `now - 14 days`, reckoned by another clock, is accepted (Svix gives the same).
_GRACE_MS = 5 * 60_000
RECOVER_DAYS = 14
STATS_DAYS = 28


class Since(Body):
    """From when to when messages were published."""

    since: Moment = Field(description="At this moment or later.", examples=["2026-01-31T09:30:00Z"])
    until: Moment | None = Field(default=None, description="Before this moment; now when absent.")


class RecoverIn(Since):
    """What to recover."""


class ReplayIn(Since):
    """What to replay."""


class BulkReplayIn(Since):
    """Which messages to send again."""

    event_types: Names | None = Field(default=None, description="Of one of these event types.")
    channel: Channel | None = Field(default=None, description="Published to this channel.")
    tag: Tag | None = Field(default=None, description="Published with this tag.")
    status: MessageStatus | None = Field(default=None, description="Cannot be selected by; see `recover`.")
    status_code_class: StatusCodeClass | None = Field(default=None, description="Cannot be selected by.")


class DryRunQuery(SendingQuery):
    """Whether to do it."""

    dry_run: bool = Field(default=False, description="Only say how many messages it would be: 200, nothing begins.")


class RecoverOut(Shape):
    """The job that has begun; see `background-task`."""

    id: str = Field(examples=["rpl_019b76da2f800a1b2c3d4e5f60718293"])
    status: TaskStatus
    task: TaskType
    updated_at: Time


class ReplayOut(RecoverOut):
    """The job that has begun; see `background-task`."""


class DryRunOut(Shape):
    """What a job would do."""

    dry_run: bool
    messages: int = Field(description="How many would be sent again.")
    oldest_at: Time | None
    newest_at: Time | None


class StatsQuery(SendingQuery):
    """From when to when messages were published."""

    since: Moment | None = Field(default=None, description=f"At this moment or later; else {STATS_DAYS} days back.")
    until: Moment | None = Field(default=None, description="Before this moment; now when absent.")


class EndpointStats(Shape):
    """How many messages an endpoint was owed, by what became of them."""

    success: int
    pending: int
    sending: int
    fail: int
    canceled: int


_ONLY_COUNTED: dict[int | str, dict[str, Any]] = {
    200: {"model": DryRunOut, "description": "With `dry_run`: what it would be"}
}


@router.get(
    "/stats", response_model=EndpointStats, operation_id="v1.endpoint.get-stats", summary="How is an endpoint doing?"
)
async def get_stats(me: App, endpoint_id: EndpointId, query: Annotated[StatsQuery, Query()]) -> Response:
    """Of the messages published in a time of at most 28 days."""
    endpoint = await endpoint_actions.get(me, endpoint_id)
    until_ms = moment(me, query.until, "query", "until") or me.now_ms()
    since_ms = moment(me, query.since, "query", "since") or until_ms - STATS_DAYS * _DAY_MS
    _check_span("query", since_ms, until_ms, STATS_DAYS)
    # A message of this very millisecond counts too.
    counts = await me.store.attempts.stats(me.org_id, me.application.id, endpoint.id, since_ms, until_ms + 1)
    return answer(
        {
            "success": counts[DeliveryState.DELIVERED],
            "pending": counts[DeliveryState.WAITING],
            "sending": counts[DeliveryState.LEASED],
            "fail": counts[DeliveryState.DEAD],
            "canceled": counts[DeliveryState.CANCELLED],
        }
    )


@router.post(
    "/recover",
    status_code=202,
    response_model=RecoverOut,
    responses=_ONLY_COUNTED,
    operation_id="v1.endpoint.recover",
    summary="Send again what an endpoint did not get",
)
async def recover(
    me: App, endpoint_id: EndpointId, wanted: RecoverIn, query: Annotated[DryRunQuery, Query()], key: Idempotency
) -> Response:
    """Every message that was given up, of at most 14 days. It goes on in the background and survives a restart."""
    where = await _filter(me, endpoint_id, wanted)
    _check_span("body", where.since_ms, where.until_ms or me.now_ms(), RECOVER_DAYS)
    return await _begin(me, ReplayKind.RECOVER, where, query, key)


@router.post(
    "/replay-missing",
    status_code=202,
    response_model=ReplayOut,
    responses=_ONLY_COUNTED,
    operation_id="v1.endpoint.replay-missing",
    summary="Send what an endpoint was never sent",
)
async def replay_missing(
    me: App, endpoint_id: EndpointId, wanted: ReplayIn, query: Annotated[DryRunQuery, Query()], key: Idempotency
) -> Response:
    """Every message that it wants and was never owed: it was created later, or was disabled."""
    return await _begin(me, ReplayKind.MISSING, await _filter(me, endpoint_id, wanted), query, key)


@router.post(
    "/bulk-replay",
    status_code=202,
    response_model=ReplayOut,
    responses=_ONLY_COUNTED,
    operation_id="v1.endpoint.bulk-replay",
    summary="Send many messages again to an endpoint",
)
async def bulk_replay(
    me: App, endpoint_id: EndpointId, wanted: BulkReplayIn, query: Annotated[DryRunQuery, Query()], key: Idempotency
) -> Response:
    """Every message that it wants and that fits the filter, whatever became of it before."""
    if wanted.status is not None:
        raise wrong("body", "status", words="cannot be selected by; `recover` sends again what failed")
    if wanted.status_code_class is not None:
        raise wrong("body", "statusCodeClass", words="cannot be selected by; leave it out")
    where = await _filter(
        me,
        endpoint_id,
        wanted,
        types=tuple(wanted.event_types or ()),
        channel=wanted.channel or "",
        tag=wanted.tag or "",
    )
    return await _begin(me, ReplayKind.BULK, where, query, key)


async def _filter(
    me: AppMember, endpoint_id: str, wanted: Since, types: tuple[str, ...] = (), channel: str = "", tag: str = ""
) -> EventFilter:
    """What the store selects by. Raises Unprocessable, NotFound."""
    endpoint = await endpoint_actions.get(me, endpoint_id)
    since_ms = moment(me, wanted.since, "body", "since")
    if not since_ms:
        raise wrong("body", "since", words="must be a time, as in `2026-01-31T09:30:00Z`")
    until_ms = moment(me, wanted.until, "body", "until")
    if until_ms and since_ms >= until_ms:
        raise wrong("body", "since", words="must be before `until`")
    return EventFilter(
        source_id=me.application.id,
        endpoint_id=endpoint.id,
        since_ms=since_ms,
        until_ms=until_ms,
        types=types,
        channel=channel,
        tag=tag,
    )


async def _begin(
    me: AppMember, kind: ReplayKind, where: EventFilter, query: DryRunQuery, key: IdempotencyKey
) -> Response:
    """Begin the job, or only count what it would do."""
    if query.dry_run:
        counted = await me.store.replays.count(me.org_id, where, kind)
        shown: Json = {"dryRun": True, "messages": counted.events}
        return answer({**shown, "oldestAt": time(counted.oldest_ms), "newestAt": time(counted.newest_ms)})
    job = await me.store.replays.start(me.org_id, where, me.now_ms(), kind, once=key.once(me.application.id))
    me.given.wake_replayer()
    begun: Json = {"id": job.id, "status": TaskStatus.RUNNING, "task": TYPES[job.kind], "updatedAt": updated_at(job)}
    return answer(begun, 202, {"location": f"/api/v1/background-task/{job.id}"})


def _check_span(part: str, since_ms: int, until_ms: int, days: int) -> None:
    if until_ms - since_ms > days * _DAY_MS + _GRACE_MS:
        raise wrong(part, "since", words=f"must be at most {days} days before `until`")
