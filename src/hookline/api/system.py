"""What machines ask of a server without a token: does it live, is it ready, how is it doing."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from hookline.api import shapes
from hookline.api.answer import answer, refusal_of
from hookline.api.dependencies import ApiDependencies, dependencies_of
from hookline.core import ids
from hookline.core.errors import StoreError
from hookline.observe.metrics import CONTENT_TYPE

router = APIRouter(tags=["System"])

#: How long a store may take to prove that it can be written.
PING_TIMEOUT_S = 2.0

#: The queue is counted at most this often: that walks everything that is owed.
QUEUE_EVERY_MS = 5_000


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_model=shapes.Health, summary="Does the process live?")
async def healthz() -> Response:
    """Always, if there is an answer."""
    return answer({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=shapes.Health, summary="Can events be accepted?")
async def readyz(request: Request) -> Response:
    """Whether the store can be written now; 503 with the reason when it cannot."""
    return await unready(request) or answer({"status": "ok"})


async def unready(request: Request) -> Response | None:
    """A 503 that says why the store cannot be written now, or None when it can."""
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await dependencies_of(request).store.ping()
    except StoreError as error:
        return refusal_of(error)
    except TimeoutError:
        return refusal_of(StoreError(f"the store did not write within {PING_TIMEOUT_S:g} s"))
    return None


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Metrics for Prometheus",
)
async def metrics(request: Request) -> Response:
    """In the Prometheus text format. The queue is counted every five seconds at most."""
    given = dependencies_of(request)
    gauges = request.app.state.queue_gauges
    assert isinstance(gauges, QueueGauges)
    await gauges.refresh()
    given.metrics.set_waiting(given.store.database.waiting)
    return Response(await given.metrics_text(), 200, {"cache-control": "no-store"}, CONTENT_TYPE)


class QueueGauges:
    """What every endpoint is owed, counted when somebody looks and not again for a while."""

    def __init__(self, given: ApiDependencies) -> None:
        self._given = given
        self._counted_at_ms: int | None = None

    async def refresh(self) -> None:
        """Count, unless that was just done. A store that cannot be read leaves the last count."""
        now_ms = self._given.clock.now_ms()
        if self._counted_at_ms is not None and now_ms - self._counted_at_ms < QUEUE_EVERY_MS:
            return
        self._counted_at_ms = now_ms
        try:
            backlog = await self._given.store.deliveries.backlog()
        except StoreError:
            return
        self._given.metrics.clear_queue()
        for owed in backlog:
            oldest_at_ms = int(owed.oldest[len(ids.DELIVERY) :][:12], 16)
            age_s = max(0, now_ms - oldest_at_ms) / 1000
            self._given.metrics.set_queue(self._label(owed.endpoint_id), owed.depth, age_s)

    def _label(self, endpoint_id: str) -> str:
        """``source/endpoint``; the id when it was deleted."""
        routing = self._given.store.routing
        endpoint = routing.endpoints.get(endpoint_id)
        source = routing.sources.get(endpoint.source_id) if endpoint is not None else None
        return f"{source.name}/{endpoint.name}" if source is not None and endpoint is not None else endpoint_id
