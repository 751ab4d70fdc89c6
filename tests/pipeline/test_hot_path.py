"""What the usual case costs in statements: read from SQLite's own trace of the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop


@contextmanager
def traced(service: Service) -> Iterator[list[str]]:
    """The statements that the writer executes meanwhile."""
    statements: list[str] = []
    database: Any = service.store.database
    database._connection.set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        database._connection.set_trace_callback(None)


def claims(statements: list[str]) -> list[str]:
    """The searches for what is due."""
    return [text for text in statements if "FROM delivery d JOIN payload p" in text]


async def make_lanes(service: Service, endpoints: int) -> None:
    """The very first delivery to an endpoint is claimed; from then on there is a lane that takes in what is stored."""
    await service.notices.settled("delivered", event_id=await service.publish(), count=endpoints)
    await service.server.dispatcher.quiet()


async def test_a_first_try_needs_no_search_for_what_is_due(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "a", "url": receiver.url}, {"name": "b", "url": receiver.url}))
    await make_lanes(service, 2)
    with traced(service) as statements:
        for _ in range(30):
            await service.notices.settled("delivered", event_id=await service.publish(), count=2)
        await service.server.dispatcher.quiet()
    assert claims(statements) == []
    assert sum(text.startswith("INSERT INTO event") for text in statements) == 30


async def test_a_failing_first_try_is_searched_for_only_when_it_is_due(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    service = await serve(
        shop({"name": "a", "url": receiver.url, "retry": {"schedule": ["1h"], "jitter": 0}}), clock=clock
    )
    await make_lanes(service, 1)
    receiver.script([500] * 10)
    with traced(service) as statements:
        for _ in range(10):
            await service.publish()
        await service.notices.settled("waiting", count=10)
        await service.server.dispatcher.quiet()
        assert claims(statements) == []
        clock.jump_to(clock.now_ms() + 3_600_000)
        await service.notices.settled("delivered", count=11)
        await service.server.dispatcher.quiet()
    assert 1 <= len(claims(statements)) <= 3


async def test_a_backlog_is_claimed_in_batches(serve: Serve, receiver: Receiver) -> None:
    receiver.answers(Answer(200, delay_s=0.002))
    service = await serve(shop({"name": "a", "url": receiver.url, "concurrency": 10}))
    with traced(service) as statements:
        await asyncio.gather(*(service.publish() for _ in range(400)))
        await service.notices.settled("delivered", count=400)
        await service.server.dispatcher.quiet()
    assert len(claims(statements)) <= 400 / 5


async def test_a_server_with_nothing_to_do_executes_next_to_nothing(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    down = {"name": "a", "url": receiver.url, "retry": {"schedule": ["30d"]}}
    idle = [{"name": f"idle{n}", "url": receiver.url, "events": ["other"]} for n in range(20)]
    service = await serve(shop(down, *idle), clock=clock)
    await service.publish()  # something is owed, but not for a long time
    await service.notices.settled("waiting")
    minutes = 5
    with traced(service) as statements:
        for _ in range(minutes * 60):
            clock.jump_to(clock.now_ms() + 1_000)
            await service.store.ping()  # when the second one is done, so is what the first second asked for
            await service.store.ping()
    ours = [text for text in statements if text not in ("BEGIN IMMEDIATE", "COMMIT") and "'ping'" not in text]
    seconds = ours.count("PRAGMA data_version")
    assert minutes * 60 - 5 <= seconds <= minutes * 60 + 10  # has another process written?
    # Once a minute: is anything too old? Once in all: is what was in flight when the server began still owed?
    assert len(ours) - seconds <= minutes * 10 + 2
    assert len(claims(statements)) <= 1


async def test_many_events_share_one_commit(serve: Serve, receiver: Receiver) -> None:
    service = await serve(shop({"name": "a", "url": receiver.url}))
    with traced(service) as statements:
        await asyncio.gather(*(service.publish() for _ in range(500)))
        await service.notices.settled("delivered", count=500)
    commits = sum(text == "COMMIT" for text in statements)
    assert commits < 500
