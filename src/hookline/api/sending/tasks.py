"""``/api/v1/background-task``: jobs that send many messages again. They survive a restart and can be watched."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.api.present import time
from hookline.api.sending.access import Member, Org
from hookline.api.sending.fields import Shape, Time
from hookline.api.sending.paging import LARGEST_PAGE, ListResponse, OrderedQuery, page
from hookline.api.sending.route import SendingRoute
from hookline.core.errors import NotFound
from hookline.storage.base import Slice
from hookline.storage.replays import Replay, ReplayKind, ReplayState

router = APIRouter(prefix="/api/v1/background-task", tags=["Background tasks"], route_class=SendingRoute)

Json: TypeAlias = dict[str, Any]
TaskId = Annotated[str, Path(description="A background task's id.", max_length=100)]


class TaskType(StrEnum):
    """What a job does."""

    RECOVER = "endpoint.recover"
    REPLAY_MISSING = "endpoint.replay"
    BULK_REPLAY = "endpoint.bulk-replay"


class TaskStatus(StrEnum):
    """Where a job is. One that was cancelled has failed: it did not do all that was asked."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


TYPES: dict[str, TaskType] = {
    ReplayKind.RECOVER: TaskType.RECOVER,
    ReplayKind.MISSING: TaskType.REPLAY_MISSING,
    ReplayKind.BULK: TaskType.BULK_REPLAY,
}
_STATUSES: dict[str, TaskStatus] = {
    ReplayState.RUNNING: TaskStatus.RUNNING,
    ReplayState.DONE: TaskStatus.FINISHED,
    ReplayState.CANCELLED: TaskStatus.FAILED,
}


class BackgroundTaskOut(Shape):
    """A job."""

    id: str = Field(examples=["rpl_019b76da2f800a1b2c3d4e5f60718293"])
    status: TaskStatus
    task: TaskType
    updated_at: Time
    data: dict[str, Any] = Field(
        description="`messagesSent` deliveries are owed again; `done` of `total` messages were looked at; "
        "`cancelled`, `appId`, `endpointId`."
    )


class TaskQuery(OrderedQuery):
    """Which jobs, and which page of them."""

    status: TaskStatus | None = Field(default=None, description="Where it is.")
    task: TaskType | None = Field(default=None, description="What it does.")


@router.get(
    "",
    response_model=ListResponse[BackgroundTaskOut],
    operation_id="v1.background-task.list",
    summary="List background tasks, newest first",
)
async def list_tasks(me: Org, query: Annotated[TaskQuery, Query()]) -> Response:
    """Running ones and those that are over."""
    part = query.ordered(descending=True)
    found = [one for one in await _tasks(me) if _fits(one, query) and _is_beyond(one.id, part)]
    found.sort(key=lambda one: one.id, reverse=part.descending)
    return page(query, found[: part.limit], task_out, lambda one: one.id)


@router.get(
    "/{task_id}",
    response_model=BackgroundTaskOut,
    operation_id="v1.background-task.get",
    summary="Get a background task",
)
async def get_task(me: Org, task_id: TaskId) -> Response:
    """With how far it is."""
    return answer(task_out(await _find(me, task_id)))


@router.post(
    "/{task_id}/cancel",
    response_model=BackgroundTaskOut,
    operation_id="v1.background-task.cancel",
    summary="Stop a background task",
)
async def cancel_task(me: Org, task_id: TaskId) -> Response:
    """What it has already owed anew is still sent."""
    known = await _find(me, task_id)
    return answer(task_out(await me.store.replays.cancel(me.org_id, known.id, me.now_ms())))


def task_out(job: Replay) -> Json:
    """A job as an answer."""
    return {
        "id": job.id,
        "status": _STATUSES[job.state],
        "task": TYPES[job.kind],
        "updatedAt": updated_at(job),
        "data": {
            "messagesSent": job.replayed,
            "done": job.seen,
            "total": job.total,
            "cancelled": job.state == ReplayState.CANCELLED,
            "appId": job.filter.source_id,
            "endpointId": job.filter.endpoint_id,
        },
    }


def updated_at(job: Replay) -> str | None:
    """When a job ended, or began."""
    return time(job.finished_at_ms or job.created_at_ms)


async def _tasks(me: Member) -> list[Replay]:
    """All jobs of the organisation that are known here. There are few: people begin them."""
    found: list[Replay] = []
    before = ""
    while some := await me.store.replays.find(me.org_id, before=before, limit=LARGEST_PAGE):
        found += [one for one in some if one.kind in TYPES]
        before = some[-1].id
    return found


def _fits(job: Replay, query: TaskQuery) -> bool:
    return query.status in (None, _STATUSES[job.state]) and query.task in (None, TYPES[job.kind])


def _is_beyond(task_id: str, part: Slice) -> bool:
    if not part.anchor:
        return True
    return task_id < part.anchor if part.descending else task_id > part.anchor


async def _find(me: Member, task_id: str) -> Replay:
    found = await me.store.replays.get(me.org_id, task_id)
    if found is None or found.kind not in TYPES:
        raise NotFound(f"there is no background task {task_id!r}")
    return found
