"""Several servers on one database: they share the work, keep order and rates as one, and take over from each other."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hookline.clock import SystemClock
from hookline.core.notice import EndpointDisabled, NodeDied, NodeLost
from hookline.core.providers import registry, sign
from hookline.testing.receiver import Answer, Receiver
from tests.pipeline.service import SENDER_SECRET, SERVER_SECRET, Service, shop
from tests.pipeline.wire import Client
from tests.postgres.cluster import Cluster
from tests.torture.server import ServerProcess, environment, free_port

#: Leases of a dead server end after some five seconds; the lease itself would last 45.
TAKEN_OVER_S = 15.0

Join: TypeAlias = Callable[..., Awaitable[Service]]


@pytest.fixture
def url(newest: Cluster) -> str:
    return newest.new_database()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def join(url: str, tmp_path: Path) -> AsyncIterator[Join]:
    """``await join(setting=…)``: one more server on the database. It returns when all know of each other.

    They notice each other by a beat a second; nothing else tells when that was.
    """
    async with AsyncExitStack() as stack:
        servers: list[Service] = []

        async def one_more(**settings: Any) -> Service:
            folder = tmp_path / str(len(servers))
            folder.mkdir()
            servers.append(await stack.enter_async_context(Service(folder, database=url, **settings)))
            async with asyncio.timeout(10):
                while {len(one.server.membership.nodes) for one in servers} != {len(servers)}:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            return servers[-1]

        yield one_more


class WrongClock(SystemClock):
    """Right, until somebody sets it."""

    wrong_by_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.wrong_by_ms


async def publish(service: Service, number: int) -> str:
    answer = await service.post("standard_webhooks", b'{"type":"a"}', source="shop", event_id=f"evt-{number}")
    return answer.event_id


async def publish_to(client: Client, number: int) -> str:
    signed = sign.sign(
        registry.get("standard_webhooks"),
        body=b'{"type":"a"}',
        secret=SENDER_SECRET,
        now_s=time.time(),
        event_id=f"evt-{number}",
        event_type="",
    )
    return (await client.send("POST", "/webhooks/shop", signed, b'{"type":"a"}')).event_id


async def received(receiver: Receiver, count: int) -> list[str]:
    await receiver.wait_for(count, timeout_s=20)
    return [request.header("webhook-id") or "" for request in receiver.requests]


async def test_an_endpoint_that_one_server_made_gets_what_comes_to_another(join: Join, receiver: Receiver) -> None:
    one, other = await join(), await join()
    await one.apply(shop({"name": "all", "url": receiver.url}))
    sent = [await publish(other, number) for number in range(20)]
    assert sorted(await received(receiver, 20)) == sorted(sent)
    assert receiver.count == 20


async def test_the_parts_of_the_work_are_split_by_role(join: Join, receiver: Receiver) -> None:
    api, ingest, deliver = await join(role="api"), await join(role="ingest"), await join(role="deliver")
    await api.apply(shop({"name": "all", "url": receiver.url}))
    began = time.monotonic()
    sent = await publish(ingest, 1)
    assert await received(receiver, 1) == [sent]
    assert time.monotonic() - began < 0.9  # it was told of it, and did not have to look
    refused = [await api.send("shop", b"{}"), await deliver.send("shop", b"{}"), await ingest.get("/api/v1/sources")]
    assert [(answer.status, answer.json()["code"]) for answer in refused] == [(404, "not_served_here")] * 3
    assert [(await one.get("/readyz")).status for one in (api, ingest, deliver)] == [200] * 3


async def test_order_is_kept_across_servers(join: Join, receiver: Receiver) -> None:
    """Each is acknowledged before the next is sent, by another server: that order is the order of delivery."""
    servers = [await join() for _ in range(3)]
    endpoint = {"name": "all", "url": receiver.url, "fifo": True, "retry": {"schedule": ["100ms"] * 9, "jitter": 0}}
    await servers[0].apply(shop(endpoint))
    receiver.script([500, 200, 200, 500, 500, 200, 200, Answer(200, delay_s=0.2)])
    sent = [await publish(servers[number % 3], number) for number in range(30)]
    (home,) = [one for one in servers if one.server.membership.cluster.is_home((await one.endpoint("all")).id)]
    await home.notices.settled("delivered", count=30)
    first_tries = list(dict.fromkeys(request.header("webhook-id") for request in receiver.requests))
    assert first_tries == sent


async def test_a_rate_is_kept_by_all_servers_together(join: Join, receiver: Receiver) -> None:
    servers = [await join() for _ in range(3)]
    await servers[0].apply(shop({"name": "all", "url": receiver.url, "rate_limit": "5/s"}))
    for number in range(30):
        await publish(servers[number % 3], number)
    began = time.monotonic()
    await received(receiver, 30)
    assert time.monotonic() - began > 3  # 30 at 5 a second, of which the first 5 may go at once


async def test_what_a_dead_server_was_working_on_is_taken_over_in_seconds(
    url: str, join: Join, receiver: Receiver, tmp_path: Path
) -> None:
    survivor = await join()
    await survivor.apply(shop({"name": "all", "url": receiver.url, "concurrency": 20}))
    port = free_port()
    hookline = str(Path(sys.executable).with_name("hookline"))
    flags = [f"--database={url}", f"--port={port}", f"--data-dir={tmp_path}", "--allow-private-endpoints=true"]
    environ = environment({"HOOKLINE_SECRET": SERVER_SECRET})
    dying = ServerProcess([hookline, "serve", *flags], environ, tmp_path / "log", port)
    await dying.start()
    try:
        await dying.wait_ready()
        async with Client(port) as client:
            await publish_to(client, 0)  # from now on it has a lane, and what comes is born leased to it
            await receiver.wait_for(1)
            receiver.script([Answer.hang()] * 5)
            sent = [await publish_to(client, number) for number in range(1, 6)]
            await receiver.wait_for(6)
    finally:
        await dying.kill()
    began = time.monotonic()
    again = (await received(receiver, 11))[6:]
    assert sorted(again) == sorted(sent)
    assert time.monotonic() - began < TAKEN_OVER_S
    (said,) = await survivor.notices.until(NodeDied, lambda said: True)
    assert said.endpoints == 1
    await survivor.notices.settled("delivered", count=5)
    assert Counter(again) == Counter(sent)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_server_whose_clock_is_set_goes_on_as_before(join: Join, receiver: Receiver, hours: int) -> None:
    clock = WrongClock()
    wrong, right = await join(clock=clock), await join()
    await right.apply(shop({"name": "all", "url": receiver.url}))
    clock.wrong_by_ms = hours * 3_600_000
    beats = beats_of(right, wrong)
    async with asyncio.timeout(10):
        while beats_of(right, wrong) < beats + 6:  # noqa: ASYNC110 - one more than kills
            await asyncio.sleep(0.05)
    sent = await publish(wrong, 1)
    assert await received(receiver, 1) == [sent]
    for service in (right, wrong):
        assert not service.notices.of(NodeDied) + service.notices.of(NodeLost)


def beats_of(seen_by: Service, server: Service) -> int:
    return next(node.beat for node in seen_by.server.membership.nodes if node.id == server.server.membership.cluster.me)


async def test_an_endpoint_that_answers_one_server_is_not_disabled_by_another(join: Join, receiver: Receiver) -> None:
    """Each knows only its own attempts; before it disables an endpoint for good it asks what the others had."""
    one, other = await join(), await join()
    endpoint = {"name": "all", "url": receiver.url, "retry": {"schedule": []}, "disable_after": "1s"}
    await one.apply(shop(endpoint))
    for number, service in enumerate([one, other]):  # the first at each makes its lane; its home may be quicker to send
        await publish(service, number)
        await receiver.wait_for(number + 1)
        for each in (one, other):
            await each.server.dispatcher.quiet()
    await try_at(one, 2, receiver, 500)
    await try_at(other, 3, receiver, 200)
    await asyncio.sleep(1.1)  # by then it has failed at the one for longer than it may
    await try_at(one, 4, receiver, 500)
    await one.server.dispatcher.quiet()
    assert (await one.endpoint("all")).state == "active"
    await asyncio.sleep(1.1)  # and now nowhere has it answered for so long
    await try_at(one, 5, receiver, 500)
    await one.notices.until(EndpointDisabled, lambda said: said.reason == "failing")
    await one.server.dispatcher.quiet()
    assert (await one.endpoint("all")).state == "disabled"


async def try_at(service: Service, number: int, receiver: Receiver, answer: int) -> None:
    """One event that this server stores, sends itself, and is answered so."""
    receiver.script([answer])
    event_id = await publish(service, number)
    await service.notices.settled("delivered", "dead", event_id=event_id)


async def test_a_server_that_leaves_gives_back_what_it_has(join: Join, receiver: Receiver) -> None:
    stays, goes = await join(), await join()
    await stays.apply(shop({"name": "all", "url": receiver.url, "concurrency": 2}))
    receiver.script([Answer.hang()] * 1)
    for number in range(10):
        await publish(goes, number)
    await receiver.wait_for(1)
    await goes.stop()
    await stays.notices.settled("delivered", count=1)
    ids = await received(receiver, 11)
    assert len(set(ids)) == 10
    async with asyncio.timeout(10):
        while len(stays.server.membership.nodes) != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
