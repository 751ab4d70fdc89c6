"""The receiver that users test with, driven by an HTTP client that we did not write, and by raw sockets."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from hookline.testing.receiver import Answer, Fault, Receiver

T = TypeVar("T")


async def client(receiver: Receiver, use: Callable[[http.client.HTTPConnection], T]) -> T:
    """Run ``use`` with a connection of the standard library, in a thread."""

    def run() -> T:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
        try:
            return use(connection)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def get(connection: http.client.HTTPConnection, path: str = "/") -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


async def talk(receiver: Receiver, data: bytes) -> bytes:
    """Send raw bytes; what comes back until the receiver closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
    writer.write(data)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        await asyncio.wait([asyncio.create_task(writer.wait_closed())])


async def test_it_keeps_requests_as_they_came() -> None:
    def use(connection: http.client.HTTPConnection) -> int:
        connection.request("POST", "/in/box?a=1", b'{"a": [1]}', {"X-Odd": "caf\xe9", "webhook-id": "msg_1"})
        return connection.getresponse().status

    before = time.monotonic()
    async with Receiver() as receiver:
        assert await client(receiver, use) == 200
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/in/box?a=1", b'{"a": [1]}')
    assert (b"X-Odd", b"caf\xe9") in request.headers
    assert request.header("WEBHOOK-ID") == "msg_1"
    assert request.header("absent") is None
    assert request.json() == {"a": [1]}
    assert before <= request.at <= time.monotonic()


async def test_a_chunked_request_in_many_pieces_is_put_together() -> None:
    async with Receiver() as receiver:
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        for byte in b"PUT /x HTTP/1.1\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("PUT", "/x", b"abcde")


async def test_the_script_is_answered_in_order_and_then_the_standing_answer() -> None:
    async with Receiver() as receiver:
        receiver.script([500, Answer(429, (("Retry-After", "3"),), b"later")])
        receiver.script([503])
        receiver.answers(201)
        seen = await client(receiver, lambda connection: [get(connection) for _ in range(5)])
    assert seen == [(500, b""), (429, b"later"), (503, b""), (201, b""), (201, b"")]
    assert (receiver.count, receiver.connections) == (5, 1)


async def test_a_path_has_its_own_script_and_falls_back_to_the_common_one() -> None:
    async with Receiver() as receiver:
        receiver.answers(202)
        receiver.script([500], path="/a")
        receiver.answers(404, path="/b")
        paths = ["/a?x=1", "/a", "/b", "/b", "/c"]
        seen = await client(receiver, lambda connection: [get(connection, path)[0] for path in paths])
    assert seen == [500, 202, 404, 404, 202]


async def test_connection_close_is_honoured_on_both_sides() -> None:
    async with Receiver() as receiver:
        asked = await talk(receiver, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        receiver.answers(Answer(200, (("Connection", "close"),)))
        told = await talk(receiver, b"GET / HTTP/1.1\r\n\r\n")
    assert asked.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in told


async def test_a_delay_comes_before_the_answer() -> None:
    async with Receiver() as receiver:
        receiver.answers(Answer(delay_s=0.1))
        started = time.monotonic()
        await talk(receiver, b"GET / HTTP/1.0\r\n\r\n")
    assert 0.09 <= time.monotonic() - started < 2


async def test_faults_on_the_wire() -> None:
    request = b"GET / HTTP/1.0\r\n\r\n"
    async with Receiver() as receiver:
        receiver.script([Answer.close(), Answer.reset(), Answer.raw(b"half"), Answer.garbage()])
        assert await talk(receiver, request) == b""
        with pytest.raises(ConnectionResetError):
            await talk(receiver, request)
        assert await talk(receiver, request) == b"half"
        assert not (await talk(receiver, request)).startswith(b"HTTP")


async def test_a_dripping_answer_arrives_whole_but_slowly() -> None:
    async with Receiver() as receiver:
        receiver.answers(Answer.drip(0.002, status=500, body=b"slow"))
        started = time.monotonic()
        assert await client(receiver, get) == (500, b"slow")
    letters = len(Answer(500, body=b"slow").rendered)
    assert time.monotonic() - started >= 0.002 * (letters - 1) * 0.5


async def test_a_huge_answer_has_its_size() -> None:
    async with Receiver() as receiver:
        receiver.answers(Answer.huge(20_000_001))
        status, body = await client(receiver, get)
    assert (status, len(body)) == (200, 20_000_001)


async def test_a_hanging_answer_ends_with_the_receiver() -> None:
    async with Receiver() as receiver:
        receiver.answers(Answer.hang())
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await receiver.wait_for(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_waiting_says_how_many_came_when_too_few_did() -> None:
    async with Receiver() as receiver:
        await talk(receiver, b"GET / HTTP/1.0\r\n\r\n")
        await receiver.wait_for(1)
        with pytest.raises(TimeoutError, match=r"1 of 3 requests came within 0\.01 s"):
            await receiver.wait_for(3, timeout_s=0.01)


async def test_several_can_wait_for_different_counts() -> None:
    async with Receiver() as receiver:
        waiting = [asyncio.create_task(receiver.wait_for(count)) for count in (1, 2, 2)]
        await asyncio.sleep(0)
        await talk(receiver, b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        await asyncio.gather(*waiting)


async def test_without_keeping_it_only_counts() -> None:
    async with Receiver(keep=False) as receiver:
        receiver.script([500], path="/a")
        seen = await client(receiver, lambda connection: [get(connection, path)[0] for path in ("/a", "/a")])
    assert (seen, receiver.count, receiver.requests) == ([500, 200], 2, [])


async def test_what_is_not_http_gets_a_400() -> None:
    async with Receiver() as receiver:
        assert (await talk(receiver, b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert receiver.count == 0


async def test_a_sender_that_waits_to_be_asked_for_the_body_is_asked() -> None:
    async with Receiver() as receiver:
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()
    assert receiver.requests[0].body == b"ok"


async def test_hanging_up_closes_what_is_open_and_new_connections_work() -> None:
    async with Receiver() as receiver:
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await receiver.wait_for(1)
        receiver.hang_up()
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
        assert (await client(receiver, get))[0] == 200


def test_answers_without_body_announce_none() -> None:
    assert b"Content-Length" not in Answer(204).rendered
    assert Answer(299).rendered == b"HTTP/1.1 299 Unknown\r\nContent-Length: 0\r\n\r\n"
    assert Answer.hang().fault is Fault.HANG


async def test_a_fixed_port_can_be_chosen() -> None:
    async with Receiver() as first:
        port = first.port
    async with Receiver(port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"
