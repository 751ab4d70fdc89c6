"""A backlog lives in the database: it arrives whole, exactly once, and never fills the memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hookline.core.model import EndpointState
from hookline.core.notice import AttemptMade, Notice
from hookline.delivery.dispatcher import MOST_BYTES
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service

PENDING = 20_000
SENDERS = 64
CONCURRENCY = 50


def open_source(*endpoints: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Anybody may send to it: what is tried here is not the verification."""
    return {"name": "open", "provider": "none", "dedupe": {"by": "none"}, "endpoints": list(endpoints), **more}


class Most:
    """How many deliveries the server held in memory, at most, since this was made."""

    def __init__(self, service: Service) -> None:
        self._service, self.most = service, 0
        service.notices.also = self._look

    def _look(self, _: Notice) -> None:
        self.most = max(self.most, self._service.server.dispatcher.queued())


async def fill(service: Service, count: int, body: bytes = b"{}") -> None:
    async def sender() -> None:
        for _ in range(count // SENDERS):
            assert (await service.send("open", body)).status == 200

    await asyncio.gather(*(sender() for _ in range(SENDERS)))


async def test_twenty_thousand_that_waited_arrive_once_each_when_the_endpoint_resumes(
    serve: Serve, receiver: Receiver
) -> None:
    service = await serve(
        open_source({"name": "held", "url": f"{receiver.url}/held", "concurrency": CONCURRENCY}), sync="normal"
    )
    await service.set_state("held", EndpointState.PAUSED, source="open")
    count = PENDING // SENDERS * SENDERS
    await fill(service, count)
    assert service.server.dispatcher.queued() == 0
    (backlog,) = await service.store.deliveries.backlog()
    assert backlog.depth == count
    held = Most(service)
    await service.set_state("held", EndpointState.ACTIVE, source="open")
    await service.notices.until(AttemptMade, count=count, timeout_s=120)
    arrived = Counter(request.header("webhook-id") for request in receiver.requests)
    assert len(arrived) == count
    assert set(arrived.values()) == {1}
    assert 0 < held.most <= 2 * CONCURRENCY
    assert await service.store.deliveries.backlog() == []
    assert service.server.dispatcher.queued() == 0


async def test_large_bodies_for_many_endpoints_do_not_fill_the_memory(serve: Serve) -> None:
    size, events, endpoints = 512 << 10, 10, 40
    async with Receiver(keep=False) as receiver:
        urls = [f"{receiver.url}/{n}" for n in range(endpoints)]
        clock = FakeClock()
        service = await serve(
            open_source(*({"name": f"late{n}", "url": url} for n, url in enumerate(urls))), clock=clock
        )
        held = Most(service)
        receiver.answers(Answer(503, (("Retry-After", "60"),), delay_s=0.3))
        for _ in range(events):
            await service.send("open", b"x" * size)
        await service.server.dispatcher.quiet()
        receiver.answers(200)
        clock.jump_to(clock.now_ms() + 3_600_000)  # everything is due at once
        await service.notices.settled("delivered", count=events * endpoints)
        assert held.most * size <= MOST_BYTES + endpoints * size  # whatever its size, one for each endpoint
