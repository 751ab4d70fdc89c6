"""Adapters speak to real servers: ours by its own API and by Svix's, and one that answers as Convoy's routes do."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from bench.generator import Generator
from bench.requests import Stock, stock, token
from bench.sink_client import SinkClient
from bench.systems.api import Refused
from bench.systems.convoy import Convoy
from bench.systems.hookline import DOORS, Hookline
from bench.systems.registry import parse_system
from bench.systems.svix import Svix
from bench.systems.system import System

from hookline.testing.receiver import Answer, Receiver
from tests.bench.conftest import Running


def send(address: str, requests: Stock) -> None:
    where = urlsplit(address)
    generator = Generator(str(where.hostname), int(where.port or 0), requests, connections=4)
    taken = generator.closed(20.0)
    assert (taken.answered, dict(taken.not_ok)) == (len(requests), {})


@pytest.mark.parametrize("adapter", [Hookline, Svix])
@pytest.mark.parametrize("size", [1_024, 262_144])
def test_what_an_adapter_publishes_reaches_every_endpoint(
    adapter: type[Svix], size: int, hookline: Running, receiver: SinkClient
) -> None:
    system: System = adapter(hookline.address, token())
    system.prepare([f"{receiver.address}/a", f"{receiver.address}/b"])
    send(hookline.address, Stock(system.requests(10, size, first=100), b""))
    receiver.wait_for(20, 10.0)
    assert sorted(receiver.take().events) == sorted([*range(100, 110)] * 2)


def test_what_was_there_before_gets_nothing(hookline: Running, receiver: SinkClient) -> None:
    before, now = Svix(hookline.address, token()), Svix(hookline.address, token())
    before.prepare([f"{receiver.address}/fail/before"])
    now.prepare([f"{receiver.address}/now"])
    send(hookline.address, Stock(now.requests(3, 1_024), b""))
    receiver.wait_for(3, 10.0)
    assert receiver.counts()["fail"] == 0


@pytest.mark.parametrize("source", DOORS)
@pytest.mark.parametrize("size", [1_024, 262_144])
def test_what_providers_send_is_verified_at_door_1_and_delivered(
    source: str, size: int, hookline: Running, receiver: SinkClient
) -> None:
    send(hookline.address, stock(DOORS[source].of_size(size), urlsplit(hookline.address).netloc, 40, 10))
    receiver.wait_for(10, 10.0)
    assert sorted(receiver.take().events) == list(range(40, 50))


def test_a_refusal_says_what_the_server_said(hookline: Running) -> None:
    with pytest.raises(Refused, match=r"POST http://127.0.0.1:\d+/api/v1/app: 401 "):
        Svix(hookline.address, "not-a-token").prepare([])


def test_nobody_there_is_a_refusal_too() -> None:
    with pytest.raises(Refused, match="refused"):
        Svix("http://127.0.0.1:9", "x").prepare([])


@pytest.mark.parametrize(
    ("endpoints", "route", "addressed"), [(1, "events", "endpoint_id"), (2, "events/fanout", "owner_id")]
)
async def test_convoy_is_set_up_and_published_to_by_its_routes(endpoints: int, route: str, addressed: str) -> None:
    project = "/api/v1/projects/P1"
    made = json.dumps({"status": True, "message": "created", "data": {"uid": "E1"}}).encode()
    async with Receiver() as convoy:
        convoy.answers(Answer(201, body=made))
        system = Convoy(f"{convoy.url}/P1", "key")
        await asyncio.to_thread(system.prepare, [f"http://127.0.0.1:1/{number}" for number in range(endpoints)])
    said = [(request.path, request.json()) for request in convoy.requests]
    assert [path for path, _ in said] == [f"{project}/endpoints", f"{project}/subscriptions"] * endpoints
    assert {request.header("authorization") for request in convoy.requests} == {"Bearer key"}
    assert [body["url"] for path, body in said if path.endswith("endpoints")] == [
        f"http://127.0.0.1:1/{number}" for number in range(endpoints)
    ]
    assert {body["endpoint_id"] for path, body in said if path.endswith("subscriptions")} == {"E1"}
    head, _, event = system.requests(1, 1_024)[0].partition(b"\r\n\r\n")
    assert head.startswith(f"POST {project}/{route} HTTP/1.1\r\nHost: 127.0.0.1:".encode())
    published = json.loads(event)
    assert set(published) == {addressed, "event_type", "data"}
    assert published[addressed] == ("E1" if endpoints == 1 else said[0][1]["owner_id"])


def test_a_system_is_named_on_the_command_line() -> None:
    svix = parse_system("svix=http://127.0.0.1:8071,a.b.c")
    assert (svix.name, svix.address, svix.token) == ("svix", "http://127.0.0.1:8071", "a.b.c")
    other = parse_system("mine:convoy=http://127.0.0.1:5005/P1,key")
    assert (other.name, other.address, other.token) == ("mine", "http://127.0.0.1:5005", "key")
    for wrong in ("svix", "svix=http://127.0.0.1", "other=http://127.0.0.1,x", "svix=ftp://x,y"):
        with pytest.raises(ValueError, match="write svix"):
            parse_system(wrong)
