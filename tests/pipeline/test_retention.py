"""While it serves, the server forgets what is old, and its file stays bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hookline.core.model import DEFAULT_ORG
from hookline.core.notice import RetentionDone
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Receiver
from tests.pipeline.conftest import Serve
from tests.pipeline.service import Service, shop
from tests.pipeline.watching import LIMIT_S

DAY_MS = 86_400_000
JSON = ((b"Content-Type", b"application/json"),)


async def a_round(service: Service, clock: FakeClock, later_ms: int = 0) -> RetentionDone:
    """Let the time pass, then minute after minute until the housekeeper has removed something; what it said."""
    rounds = len(service.notices.of(RetentionDone))
    clock.jump_to(clock.now_ms() + later_ms)
    async with asyncio.timeout(LIMIT_S):
        while len(service.notices.of(RetentionDone)) == rounds:
            clock.jump_to(clock.now_ms() + 60_000)
            await service.store.ping()
    return service.notices.of(RetentionDone)[-1]


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("hookline.db*"))


async def test_events_are_kept_as_long_as_their_source_says(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    brief = shop({"name": "all", "url": receiver.url}, name="brief", retention="1d")
    service = await serve(shop({"name": "all", "url": receiver.url}), brief, clock=clock, retention="10d")
    short = [await service.publish(source="brief") for _ in range(3)]
    long = [await service.publish() for _ in range(2)]
    await service.notices.settled("delivered", count=5)
    done = await a_round(service, clock, DAY_MS)
    assert done.events == 3
    assert set(await service.event_ids()) == set(long)
    assert await service.store.deliveries.get(DEFAULT_ORG, short[0]) is None
    assert (await a_round(service, clock, 9 * DAY_MS)).events == 2
    assert await service.event_ids() == []


async def test_what_is_still_owed_is_never_forgotten(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    receiver.script([500])
    endpoint = {"name": "all", "url": receiver.url, "retry": {"schedule": ["30d"], "jitter": 0}}
    service = await serve(shop(endpoint), clock=clock, retention="1d")
    owed = await service.publish()
    await service.notices.settled("waiting", event_id=owed)
    done = await service.publish()
    await service.notices.settled("delivered", event_id=done)
    assert (await a_round(service, clock, 2 * DAY_MS)).events == 1
    assert await service.event_ids() == [owed]
    clock.jump_to(clock.now_ms() + 28 * DAY_MS)
    await service.notices.settled("delivered", event_id=owed)
    await a_round(service, clock)
    assert await service.event_ids() == []


async def test_an_event_that_was_forgotten_is_still_known_as_a_duplicate(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    service = await serve(shop({"name": "all", "url": receiver.url}, retention="1d", tolerance="1d"), clock=clock)
    first = await service.publish(event_id="evt-1")
    await service.notices.settled("delivered", event_id=first)
    await a_round(service, clock, 2 * DAY_MS)
    assert await service.publish(event_id="evt-1") == first
    await service.server.dispatcher.quiet()
    assert receiver.count == 1


async def test_keys_are_forgotten_after_their_window(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    window = {"window": "1h"}
    service = await serve(shop({"name": "all", "url": receiver.url}, dedupe=window), clock=clock)
    first = await service.publish(event_id="evt-1")
    assert (await a_round(service, clock, 3_600_000)).keys == 1
    assert await service.publish(event_id="evt-1") != first
    await service.notices.settled("delivered", count=2)


async def test_the_file_shrinks_when_old_events_go(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    endpoint = {"name": "all", "url": receiver.url}
    source = {"name": "open", "provider": "none", "dedupe": {"by": "none"}, "endpoints": [endpoint]}
    service = await serve({**source, "retention": "1d"}, clock=clock)
    for _ in range(60):
        await service.send("open", b"x" * 200_000)
    await service.notices.settled("delivered", count=60)
    full = size_of(service.folder)
    assert full > 60 * 200_000
    await a_round(service, clock, 2 * DAY_MS)
    await service.store.ping()
    await service.stop()
    assert size_of(service.folder) < full / 10


async def test_refused_requests_are_bounded_in_number_and_age(serve: Serve, receiver: Receiver) -> None:
    clock = FakeClock()
    service = await serve(shop(), clock=clock, rejections_max=5, rejections_max_age="1h")

    async def refused(body: bytes) -> None:
        assert (await service.send("shop", body, JSON)).status == 401

    async def kept() -> list[bytes]:
        found = await service.store.rejections.find(DEFAULT_ORG)
        return [rejection.request.body for rejection in found]

    for n in range(8):
        await refused(b"%d" % n)
        clock.jump_to(clock.now_ms() + 1)
    await a_round(service, clock)
    assert await kept() == [b"7", b"6", b"5", b"4", b"3"]
    await refused(b"late")
    await a_round(service, clock, 3_600_000 - 60_000)
    assert await kept() == [b"late"]
