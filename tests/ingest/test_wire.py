"""The door over real HTTP: what arrives is what was written, byte for byte, whatever way it was written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hookline.core.model import DEFAULT_ORG
from hookline.ingest import protocol
from tests.ingest.wire import Listener, listening, statuses

JSON = b"Content-Type: application/json"


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Listener]:
    async with listening(tmp_path) as listener:
        await listener.source(content_types=["any"], dedupe={"by": "none"})
        yield listener


# -- as it was written ----------------------------------------------------------------------------------


async def test_header_lines_keep_their_case_their_order_and_their_repetition(wire: Listener) -> None:
    lines = [b"X-B: 2", b"x-a:1", b"X-B:", b"X-ODD:  two  words ", b"x-b: \xff\xe4"]
    assert statuses(await wire.post(b"", *lines)) == [200]
    (event,) = await wire.events()
    assert event.request.headers == (
        (b"Host", b"hookline.example"),
        (b"Connection", b"close"),
        (b"X-B", b"2"),
        (b"x-a", b"1"),
        (b"X-B", b""),
        (b"X-ODD", b"two  words "),  # also the space behind it
        (b"x-b", b"\xff\xe4"),
        (b"Content-Length", b"0"),
    )


async def test_a_path_is_decoded_to_be_found_and_kept_as_it_was(wire: Listener) -> None:
    assert statuses(await wire.post(path=b"/webhooks/%73hop?a=%20&b")) == [200]
    (event,) = await wire.events()
    assert (event.request.path, event.request.query) == ("/webhooks/%73hop", b"a=%20&b")


async def test_header_names_of_two_requests_on_one_connection_are_not_mixed(wire: Listener) -> None:
    request = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\n%b: 1\r\nContent-Length: 0\r\n\r\n"
    assert statuses(await wire.talk(request % b"X-One", request % b"X-Two")) == [200, 200]
    names = [[name for name, _ in event.request.headers] for event in await wire.events()]
    assert sorted(names) == [[b"Host", b"X-One", b"Content-Length"], [b"Host", b"X-Two", b"Content-Length"]]


async def test_pipelined_requests_are_all_answered_in_order(wire: Listener) -> None:
    request = b"POST /webhooks/%b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    received = await wire.talk(b"".join(request % name for name in (b"shop", b"nobody", b"shop")))
    assert statuses(received) == [200, 404, 200]
    assert len(await wire.events()) == 2


@pytest.mark.parametrize("size", [70_000, 300_000, 1_000_000])
async def test_a_large_body_arrives_whole_however_it_is_cut(wire: Listener, size: int) -> None:
    body = bytes(range(256)) * (size // 256)
    head = b"POST /webhooks/shop HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    once = head + body
    for parts in (
        [once],
        [head, body],
        [once[:-1], once[-1:]],
        [once[i : i + 60_000] for i in range(0, len(once), 60_000)],
    ):
        assert statuses(await wire.talk(*parts, patience_s=5)) == [200]
    assert {event.request.body for event in await wire.events()} == {body}


async def test_a_chunked_body_arrives_without_its_chunks(wire: Listener) -> None:
    received = await wire.post(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n", b"Transfer-Encoding: chunked")
    assert statuses(received) == [200]
    assert (await wire.events())[0].request.body == b"abcde"


async def test_a_chunked_body_that_grows_too_large_is_refused(wire: Listener) -> None:
    await wire.source("small", max_body=1000)
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    received = await wire.post(chunk * 50, b"Transfer-Encoding: chunked", JSON, path=b"/webhooks/small")
    assert statuses(received) == [413]
    assert b"connection: close" in received


async def test_who_asks_first_is_told_to_go_on(wire: Listener) -> None:
    head = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    received = await wire.talk(head, b"{}")
    assert statuses(received) == [100, 200]


async def test_who_asks_first_with_too_much_is_refused_at_once(wire: Listener) -> None:
    head = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    assert statuses(await wire.talk(head)) == [413]


async def test_the_old_protocol_is_spoken(wire: Listener) -> None:
    received = await wire.talk(b"POST /webhooks/shop HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", patience_s=5)
    assert statuses(received) == [200]


# -- senders that are slow or go away -------------------------------------------------------------------


async def test_a_body_that_does_not_come_in_time_is_408(tmp_path: Path) -> None:
    async with listening(tmp_path, read_timeout_s=0.05) as wire:
        await wire.source()
        head = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        received = await wire.talk(head, b"{", patience_s=5)
        assert statuses(received) == [408]
        (kept,) = await wire.server.store.rejections.find(DEFAULT_ORG)
        assert (kept.cause, kept.complete) == ("body_timeout", False)


async def test_a_head_that_does_not_come_in_time_ends_the_connection(
    wire: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)
    request = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    for begun in (b"", b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\n", request + b"POST /webhooks"):
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(begun)
        async with asyncio.timeout(5):
            received = await reader.read()  # until the server closes
        assert statuses(received) == ([200] if begun.startswith(request) else [])
        writer.close()


async def test_a_head_that_comes_in_time_ends_no_connection(wire: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.2)
    request = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + 0.5
    while loop.time() < ends_s:
        writer.write(request[:20])
        writer.write(request[20:])
        assert statuses(await reader.readuntil(b"}")) == [200]
        await reader.read(0)
    writer.close()


async def test_who_hangs_up_in_the_middle_of_a_body_leaves_nothing(
    wire: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (b"shop", b"nobody"):
        _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"POST /webhooks/%b HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf" % path)
        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    await _seen(wire, 2)
    await wire.idle()
    assert await wire.events() == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert statuses(await wire.post()) == [200]


async def _seen(wire: Listener, connections: int) -> None:
    """One more connection is accepted after those: they are known to the server by then."""
    assert connections
    await wire.talk(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", patience_s=5)


# -- heads that are too large ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\n", b"X-Line: %b\r\n" % (b"x" * 1000)),
        (b"POST /webhooks/shop HTTP/1.1\r\nX-Line: ", b"x" * 1000),
        (b"POST /webhooks/shop?", b"x" * 1000),
        (
            b"POST /webhooks/shop HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X-Trailer: %b\r\n" % (b"x" * 1000),
        ),
    ],
    ids=["lines", "a line", "a query", "trailers"],
)
async def test_an_endless_head_ends_the_connection(wire: Listener, begin: bytes, more: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    ended = asyncio.create_task(_until_the_end(reader))
    writer.write(begin)
    with contextlib.suppress(ConnectionError):
        for _ in range(3_000):
            if ended.done():
                break
            writer.write(more)
            await writer.drain()
    async with asyncio.timeout(5):
        assert await ended in ([400], [])  # the answer may be lost when the sender writes on after it
    writer.close()
    assert await wire.events() == []


async def _until_the_end(reader: asyncio.StreamReader) -> list[int]:
    try:
        return statuses(await reader.read())
    except ConnectionError:
        return []


async def test_a_head_of_usual_size_is_taken_however_it_is_cut(wire: Listener) -> None:
    lines = [b"X-Line-%d: %b" % (n, b"x" * 1000) for n in range(30)]
    assert statuses(await wire.post(b"{}", *lines)) == [200]
    whole = b"POST /webhooks/shop HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\nContent-Length: 2\r\n\r\n{}"
    assert statuses(await wire.talk(*[whole[i : i + 999] for i in range(0, len(whole), 999)])) == [200]


async def test_many_requests_on_one_connection_do_not_add_up(wire: Listener) -> None:
    """Each head counts for itself, however many came before and wherever they were cut."""
    request = b"POST /webhooks/nobody HTTP/1.1\r\nHost: a\r\nX-Long: %b\r\nContent-Length: 0\r\n\r\n" % (b"x" * 4000)
    stream = request * 40
    assert statuses(await wire.feed(stream[i : i + 900] for i in range(0, len(stream), 900))) == [404] * 40


async def test_many_chunks_of_one_body_do_not_add_up(wire: Listener) -> None:
    """Also where every chunk's frame comes in a packet of its own."""
    frame, data, end = b"1;name=%b\r\n" % (b"x" * 1000), b"a", b"\r\n"
    head = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert statuses(await wire.feed([head, *[frame, data, end] * 200, b"0\r\n\r\n"])) == [200]
    assert (await wire.events())[0].request.body == b"a" * 200


@pytest.mark.parametrize("size", [1, 2, 3, 7, 31, 64, 100])
async def test_a_request_is_the_same_wherever_it_is_cut(wire: Listener, size: int) -> None:
    body = bytes(range(256))
    head = b"POST /webhooks/shop HTTP/1.1\r\nConnection: close\r\nx-AB:2\r\nTransfer-Encoding: chunked\r\n\r\n"
    stream = head + b"80\r\n" + body[:128] + b"\r\n80\r\n" + body[128:] + b"\r\n0\r\n\r\n"
    assert statuses(await wire.feed(stream[i : i + size] for i in range(0, len(stream), size))) == [200]
    (event,) = await wire.events()
    assert event.request.body == body
    assert event.request.headers[:2] == ((b"Connection", b"close"), (b"x-AB", b"2"))
