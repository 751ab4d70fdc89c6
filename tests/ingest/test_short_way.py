"""Whole requests reach the doors without an ASGI task: what then happens when something is not as usual."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hookline.core.notice import Notice, ServiceFailed
from tests.ingest.wire import Listener, listening, statuses


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    async with listening(tmp_path) as made:
        await made.source()
        yield made


def post(body: bytes = b'{"n":1}', *lines: bytes, target: bytes = b"/webhooks/shop") -> bytes:
    head = [b"POST %b HTTP/1.1" % target, b"Host: hookline.example", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def test_requests_in_one_packet_are_answered_in_their_order(listener: Listener) -> None:
    bodies = [b'{"n":%d}' % number for number in range(5)]
    chunked = post(b"", b"Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"") + b"3\r\n[1]\r\n0\r\n\r\n"
    received = await listener.talk(*[b"".join([*map(post, bodies), chunked, post(b'{"n":9}')])])
    assert statuses(received) == [200] * 7
    ids = re.findall(rb'"id":"(msg_\w+)"', received)
    stored = {event.id.encode(): event.request.body for event in await listener.events()}
    assert [stored[id] for id in ids] == [*bodies, b"[1]", b'{"n":9}']


async def test_the_answer_is_that_of_the_usual_way(listener: Listener) -> None:
    request = post(b'{"n":2}')
    in_parts = await listener.feed([request[:-3], request[-3:]])
    whole = await listener.talk(post(b'{"n":1}'))
    shape = re.compile(rb"(msg_\w+|\w+, \d\d \w+ \d{4} [\d:]+ GMT)")
    assert shape.sub(b"*", whole) == shape.sub(b"*", in_parts)
    assert statuses(whole) == [200]


async def test_a_fault_before_the_commit_is_a_500_that_is_logged(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("as an example")

    monkeypatch.setattr(listener.server.door._mint, "make", broken)
    assert statuses(await listener.talk(post(), patience_s=2)) == [500]
    assert "Exception in ASGI application" in caplog.text
    assert await listener.events() == []


async def test_a_fault_after_the_commit_is_answered_and_told(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []

    def notify(notice: Notice) -> None:
        said.append(notice)
        if not isinstance(notice, ServiceFailed):
            raise RuntimeError("as an example")

    monkeypatch.setattr(listener.server.door, "_notify", notify)
    assert statuses(await listener.talk(post())) == [500]
    (fault,) = [one.error for one in said if isinstance(one, ServiceFailed)]
    assert "RuntimeError" in fault
    assert "as an example" not in fault
    assert len(await listener.events()) == 1


async def test_after_an_answer_that_closes_the_connection_nothing_more_is_taken(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener.server.store.database._writer, "_most_waiting", 0)  # type: ignore[attr-defined]
    received = await listener.talk(post(b'{"n":1}') + post(b'{"n":2}'), patience_s=5)
    assert statuses(received) == [503]
    assert received.lower().count(b"connection: close") == 1
    monkeypatch.undo()
    assert await listener.events() == []
    assert not listener.state.tasks


@pytest.mark.parametrize("target", [b"http://example.com", b"http://a:99999999/x", b"http://[/", b"http://@/"])
async def test_a_target_that_cannot_be_read_is_refused_before_its_body_has_come(
    listener: Listener, target: bytes
) -> None:
    request = post(b"{}", target=target)
    assert statuses(await listener.talk(request[:-2], patience_s=2)) == [400]


async def test_a_fragment_is_no_part_of_the_query(listener: Listener) -> None:
    assert statuses(await listener.talk(post(target=b"/webhooks/shop?a=1#b"))) == [200]
    assert [event.request.query for event in await listener.events()] == [b"a=1"]
