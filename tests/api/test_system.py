from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from hookline.core.errors import StoreError

from .conftest import World


async def test_a_live_process_is_healthy_without_a_token(world: World) -> None:
    assert await world.got("GET", "/healthz", org=None) == {"status": "ok"}
    assert (await world.http.head("/healthz")).status_code == 200


async def test_a_server_is_ready_while_its_store_can_be_written(world: World) -> None:
    assert await world.got("GET", "/readyz", org=None) == {"status": "ok"}
    await world.server.store.database.close()
    error = await world.refused(503, "GET", "/readyz", org=None)
    assert error["code"] == "store_unavailable"
    assert (await world.http.head("/readyz")).status_code == 503
    assert await world.got("GET", "/healthz", org=None) == {"status": "ok"}


async def test_a_store_that_does_not_answer_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hookline.api.system.PING_TIMEOUT_S", 0.05)
    held, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(tx: Any, items: Sequence[None]) -> list[None]:
        loop.call_soon_threadsafe(held.set)
        go_on.wait(10)
        return [None] * len(items)

    holding = asyncio.create_task(world.server.store.database.write(hold, None))
    await held.wait()
    error = await world.refused(503, "GET", "/readyz", org=None)
    go_on.set()
    await holding
    assert "did not write" in error["detail"]
    assert await world.got("GET", "/readyz", org=None) == {"status": "ok"}


async def metric(world: World, name: str) -> float | None:
    text = (await world.ask("GET", "/metrics", org=None)).text
    values = [line.rpartition(" ")[2] for line in text.splitlines() if line.rpartition(" ")[0] == name]
    return float(values[0]) if values else None


async def test_metrics_say_what_every_endpoint_is_owed_and_since_when(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([500, 500])
    await world.event()
    world.advance(60)
    await world.event(b'{"n":2}', id="d-2")
    assert await metric(world, 'hookline_queue_depth{endpoint="github/build"}') == 2
    assert await metric(world, 'hookline_queue_oldest_age_seconds{endpoint="github/build"}') == 60
    assert await metric(world, 'hookline_events_accepted_total{source="github"}') == 2


async def test_the_queue_is_counted_again_only_after_five_seconds(world: World) -> None:
    await world.source()
    await world.endpoint()
    name = 'hookline_queue_depth{endpoint="github/build"}'
    assert await metric(world, name) is None
    world.receiver.script([500])
    await world.event()
    world.advance(4.9)
    assert await metric(world, name) is None
    world.advance(0.1)
    assert await metric(world, name) == 1


async def test_metrics_are_answered_while_the_store_is_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(world.server.store.deliveries, "backlog", broken)
    response = await world.ask("GET", "/metrics", org=None)
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/plain")


async def test_what_the_store_cannot_do_now_may_be_tried_again(world: World) -> None:
    await world.server.store.database.close()
    error = await world.refused(503, "POST", "/api/v1/sources", {"name": "a", "provider": "none"})
    assert error["code"] == "store_unavailable" and world.answers[-1].headers["retry-after"] == "1"
