"""HttpSender against real servers: what goes out, what comes back, and how connections live."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv4Network

import pytest

from hookline.delivery.address import AddressPolicy
from hookline.delivery.head import USER_AGENT
from hookline.delivery.sender import HttpSender
from hookline.testing.receiver import Answer, Receiver

from .wire import (
    OK,
    OPEN,
    SilentResolver,
    TableResolver,
    post,
    read_request,
    sending,
    server_playing,
)

# What goes out.


async def test_a_request_arrives_byte_for_byte() -> None:
    requests: list[bytes] = []

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)

    headers = ((b"webhook-id", b"msg_1"), (b"X-Odd", b"  caf\xe9\t"), (b"x-odd", b""))
    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, url + "in?a=1", b'{"a": 1}', headers)
    assert outcome.status == 200
    host = url.removeprefix("http://").removesuffix("/").encode()
    assert requests == [
        b"POST /in?a=1 HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 8\r\n"
        b"User-Agent: " + USER_AGENT + b"\r\nAccept: */*\r\n"
        b'webhook-id: msg_1\r\nX-Odd:   caf\xe9\t\r\nx-odd: \r\n\r\n{"a": 1}'
    ]


async def test_a_given_user_agent_and_accept_replace_ours() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        await post(sender, receiver.url, headers=((b"user-agent", b"Acme"), (b"ACCEPT", b"text/plain")))
    names = [name.lower() for name, _ in receiver.requests[0].headers]
    assert names == [b"host", b"content-length", b"user-agent", b"accept"]
    assert receiver.requests[0].header("user-agent") == "Acme"


@pytest.mark.parametrize(
    "header",
    [
        (b"X-A", b"secret\r\nEvil: 1"),
        (b"X-A", b"secret\n"),
        (b"X-A", b"secret\r"),
        (b"X-A", b"secret\0"),
        (b"X-A\r\nEvil", b"secret"),
        (b"X A", b"secret"),
        (b"X-A:", b"secret"),
        (b"", b"secret"),
        (b"X-\xe9", b"secret"),
        (b"Host", b"secret.example"),
        (b"content-length", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Connection", b"close"),
    ],
)
async def test_a_header_that_would_break_the_message_is_refused(header: tuple[bytes, bytes]) -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, receiver.url, headers=((b"X-Fine", b"1"), header))
    assert (outcome.status, outcome.error) == (0, "bad_request")
    assert "header" in outcome.detail
    assert "secret" not in outcome.detail
    assert receiver.connections == 0


async def test_a_body_of_several_megabytes_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        outcomes = await asyncio.gather(*(post(sender, receiver.url, body) for _ in range(3)))
        again = await post(sender, receiver.url, b"small")
    assert [outcome.status for outcome in (*outcomes, again)] == [200] * 4
    assert [request.body for request in receiver.requests] == [body, body, body, b"small"]
    assert receiver.connections == 3


# What comes back.


async def test_a_response_is_reported_whole() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(Answer(429, (("Retry-After", "7"),), b"later", delay_s=0.02))
        outcome = await post(sender, receiver.url)
    assert (outcome.status, outcome.error, outcome.body) == (429, "", b"later")
    assert (b"Retry-After", b"7") in outcome.headers
    assert outcome.address == "127.0.0.1"
    assert 20 <= outcome.duration_ms < 2000


async def test_a_redirect_is_only_a_status() -> None:
    async with Receiver() as elsewhere, Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(Answer(307, (("Location", elsewhere.url),)))
        assert (await post(sender, receiver.url)).status == 307
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_every_way_to_frame_a_body_is_understood(raw: bytes, body: bytes) -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(Answer.raw(raw))
        outcome = await post(sender, receiver.url)
    assert (outcome.status, outcome.error, outcome.body) == (200, "", body)


async def test_a_huge_body_is_read_up_to_the_cap() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN, response_cap_bytes=5000)) as sender:
        receiver.script([Answer.huge(500_000_000, status=503), 200])
        outcome = await post(sender, receiver.url)
        assert (outcome.status, outcome.error, outcome.body) == (503, "", b"x" * 5000)
        assert (await post(sender, receiver.url)).status == 200
    assert receiver.connections == 2


async def test_an_answer_that_comes_before_the_body_was_read_counts_and_ends_the_connection() -> None:
    ended = asyncio.Event()

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        try:
            while await reader.read(65_536):
                pass
        finally:
            ended.set()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        # The server's buffers hold less than this, so it is certain that not all was sent.
        outcome = await post(sender, url, b"x" * 30_000_000)
        assert (outcome.status, outcome.error) == (413, "")
        async with asyncio.timeout(5):
            await ended.wait()


# What can go wrong, one code each.


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer.close(), "connection_closed", "without a response"),
        (Answer.reset(), "connection_closed", "without a response"),
        (Answer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "connection_closed", "in the middle"),
        (Answer.raw(b"HTTP/1.1 200 OK\r\nContent-"), "connection_closed", "in the middle"),
        (Answer.garbage(), "malformed_response", "not HTTP/1.1"),
        (Answer(200, (("X-Big", "x" * 70_000),)), "response_headers_too_large", "64 KB"),
        (Answer.hang(), "timeout", "no response came"),
        (Answer.drip(0.05), "timeout", "not complete"),
        (Answer(200, delay_s=3), "timeout", "no response came"),
    ],
)
async def test_a_bad_response_has_its_own_code(answer: Answer, error: str, words: str) -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(answer)
        outcome = await post(sender, receiver.url, timeout_s=0.2 if error == "timeout" else 5)
    assert (outcome.status, outcome.error) == (0, error)
    assert words in outcome.detail
    assert outcome.address == "127.0.0.1"
    assert receiver.count == 1, "a fresh connection is never tried twice"


async def test_a_hanging_receiver_costs_its_timeout_and_no_more() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(Answer.hang())
        outcome = await post(sender, receiver.url, timeout_s=0.15)
    assert 145 <= outcome.duration_ms < 1000


async def test_a_short_timeout_after_a_long_one_on_the_same_connection_is_kept() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.script([200, Answer.hang()])
        await post(sender, receiver.url, timeout_s=60)
        outcome = await post(sender, receiver.url, timeout_s=0.1)
    assert outcome.error == "timeout"
    assert outcome.duration_ms < 1000
    assert receiver.connections == 1


async def test_a_long_timeout_after_a_short_one_on_the_same_connection_is_kept() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.script([200, Answer(200, delay_s=0.2)])
        await post(sender, receiver.url, timeout_s=0.1)
        outcome = await post(sender, receiver.url, timeout_s=5)
    assert (outcome.status, receiver.connections) == (200, 1)


async def test_a_server_that_does_not_read_a_large_body_times_out() -> None:
    over = asyncio.Event()

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, url, b"x" * 30_000_000, timeout_s=0.2)
        over.set()
    assert (outcome.error, outcome.detail) == ("timeout", "the server did not read the request in time")


async def test_a_closed_port_is_refused() -> None:
    async with Receiver() as receiver:
        url = receiver.url
    async with sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, url)
    assert (outcome.status, outcome.error, outcome.address) == (0, "connect_refused", "127.0.0.1")


async def test_an_address_that_cannot_be_connected_to_fails() -> None:
    async with sending(HttpSender(OPEN)) as sender:
        assert (await post(sender, "http://255.255.255.255/")).error == "connect_failed"


async def test_a_name_without_address_fails() -> None:
    async with sending(HttpSender(OPEN, resolver=TableResolver({"empty.example": []}))) as sender:
        for url in ("http://unknown.example/", "http://empty.example/"):
            outcome = await post(sender, url)
            assert outcome.error == "dns_failed"
            assert "has no address" in outcome.detail


async def test_a_silent_name_server_costs_the_connect_timeout() -> None:
    async with sending(HttpSender(OPEN, resolver=SilentResolver())) as sender:
        outcome = await post(sender, "http://hooks.example.com/", connect_timeout_s=0.1)
    assert outcome.error == "dns_timeout"
    assert 95 <= outcome.duration_ms < 1000


async def test_connecting_never_takes_longer_than_the_total_timeout() -> None:
    async with sending(HttpSender(OPEN, resolver=SilentResolver())) as sender:
        outcome = await post(sender, "http://hooks.example.com/", connect_timeout_s=60, timeout_s=0.1)
    assert outcome.duration_ms < 1000


# Which addresses are connected to.


async def test_a_blocked_address_is_never_connected_to() -> None:
    async with Receiver() as receiver:
        port = receiver.port
        names = TableResolver({"rebind.example": ["127.0.0.1"], "inside.example": ["10.0.0.1", "::1"]})
        async with sending(HttpSender(AddressPolicy(), resolver=names)) as strict:
            for host in ("127.0.0.1", "localhost.", "rebind.example", "inside.example", "[::ffff:127.0.0.1]"):
                names.table["localhost"] = ["::1", "127.0.0.1"]
                outcome = await post(strict, f"http://{host}:{port}/")
                assert (outcome.status, outcome.error) == (0, "blocked_address"), host
                assert "may not be connected to" in outcome.detail
        assert receiver.connections == 0
        async with sending(HttpSender(OPEN)) as sender:
            await post(sender, receiver.url)
        assert receiver.connections == 1, "the same server is reached when it is allowed"


async def test_only_the_allowed_ones_among_the_addresses_of_a_name_are_tried() -> None:
    policy = AddressPolicy(networks=(IPv4Network("127.0.0.1/32"),))
    names = TableResolver({"mixed.example": ["127.0.0.2", "10.0.0.1", "127.0.0.1"]})
    async with (
        Receiver() as receiver,
        Receiver(host="127.0.0.2", port=receiver.port) as blocked,
        sending(HttpSender(policy, resolver=names)) as sender,
    ):
        outcome = await post(sender, f"http://mixed.example:{receiver.port}/")
    assert (outcome.status, outcome.address) == (200, "127.0.0.1")
    assert (receiver.connections, blocked.connections) == (1, 0)
    assert receiver.requests[0].header("host") == f"mixed.example:{receiver.port}"


async def test_a_name_is_looked_up_once_per_connection_so_it_cannot_be_rebound() -> None:
    names = TableResolver({"hooks.example.com": ["127.0.0.1"]})
    async with Receiver() as receiver, sending(HttpSender(OPEN, resolver=names)) as sender:
        for _ in range(3):
            await post(sender, f"http://hooks.example.com:{receiver.port}/")
    assert (names.asked, receiver.connections) == (["hooks.example.com"], 1)


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    names = TableResolver({"two.example": ["127.0.0.9", "127.0.0.1"]})
    async with Receiver() as receiver, sending(HttpSender(OPEN, resolver=names)) as sender:
        outcome = await post(sender, f"http://two.example:{receiver.port}/")
    assert (outcome.status, outcome.address) == (200, "127.0.0.1")


async def test_an_ipv6_literal_is_reached() -> None:
    async with Receiver(host="::1") as receiver, sending(HttpSender(OPEN)) as sender:
        outcome = await post(sender, receiver.url)
    assert (outcome.status, outcome.address) == (200, "::1")
    assert receiver.requests[0].header("host") == f"[::1]:{receiver.port}"


# How connections live.


async def test_requests_to_one_origin_share_a_connection() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        for path in ("/a", "/b", "/c"):
            await post(sender, receiver.url + path)
    assert (receiver.count, receiver.connections) == (3, 1)


async def test_requests_at_the_same_time_use_a_connection_each_and_then_share() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        for _ in range(3):
            await asyncio.gather(*(post(sender, receiver.url) for _ in range(5)))
    assert (receiver.count, receiver.connections) == (15, 5)


async def test_a_response_that_says_close_is_obeyed() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.answers(Answer(200, (("Connection", "close"),)))
        await post(sender, receiver.url)
        await post(sender, receiver.url)
    assert receiver.connections == 2


async def test_a_connection_closed_under_a_request_is_replaced_once() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.script([200, Answer.close(), 201])
        await post(sender, receiver.url)
        outcome = await post(sender, receiver.url)
    assert (outcome.status, receiver.count, receiver.connections) == (201, 3, 2)


async def test_a_connection_closed_under_a_request_is_not_replaced_twice() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.script([200, Answer.close(), Answer.close(), 200])
        await post(sender, receiver.url)
        outcome = await post(sender, receiver.url)
    assert (outcome.error, receiver.count) == ("connection_closed", 3)


async def test_a_reused_connection_that_began_to_answer_is_not_replaced() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        receiver.script([200, Answer.raw(b"HTTP/1.1 2"), 200])
        await post(sender, receiver.url)
        outcome = await post(sender, receiver.url)
    assert (outcome.error, receiver.count) == ("connection_closed", 2)


async def test_connections_that_the_server_closed_while_they_rested_are_not_in_the_way() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN)) as sender:
        await asyncio.gather(*(post(sender, receiver.url) for _ in range(4)))
        receiver.hang_up()
        outcomes = await asyncio.gather(*(post(sender, receiver.url) for _ in range(4)))
    assert [outcome.status for outcome in outcomes] == [200] * 4
    assert receiver.connections == 8


async def test_a_response_that_nobody_asked_for_ends_the_connection() -> None:
    served: list[int] = []
    unasked = asyncio.Event()
    ended = asyncio.Event()

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(0)
        await read_request(reader)
        writer.write(OK)
        if len(served) == 1:
            await unasked.wait()
            writer.write(b"HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n")
            await reader.read()
            ended.set()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        await post(sender, url)
        unasked.set()
        async with asyncio.timeout(5):
            await ended.wait()
        assert (await post(sender, url)).status == 200
    assert len(served) == 2


async def test_a_second_response_in_the_same_bytes_is_not_given_to_the_next_request() -> None:
    served: list[int] = []

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(0)
        await read_request(reader)
        writer.write(OK + b"HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        assert [(await post(sender, url)).status for _ in range(2)] == [200, 200]
    assert len(served) == 2


async def _ends_of_connections(sender: HttpSender, requests: int) -> list[float]:
    """Send that many at once; when, in seconds, the server saw each connection end without asking for it."""
    ends: list[float] = []
    all_ended = asyncio.Event()
    started = time.monotonic()

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await reader.read()
        ends.append(time.monotonic() - started)
        if len(ends) == requests:
            all_ended.set()

    async with server_playing(part) as url, sending(sender):
        await asyncio.gather(*(post(sender, url) for _ in range(requests)))
        async with asyncio.timeout(5):
            await all_ended.wait()
    return ends


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    (end,) = await _ends_of_connections(HttpSender(OPEN, idle_timeout_s=0.1), 1)
    assert 0.09 <= end < 1


@pytest.mark.parametrize("limits", [{"max_idle_per_origin": 1}, {"max_idle": 1}])
async def test_no_more_connections_rest_than_allowed(limits: dict[str, int]) -> None:
    sender = HttpSender(OPEN, idle_timeout_s=0.3, **limits)  # type: ignore[arg-type]
    first, second, last = sorted(await _ends_of_connections(sender, 3))
    assert max(first, second) < 0.25 < last


async def test_a_connection_that_is_too_old_is_not_used_again() -> None:
    async with Receiver() as receiver, sending(HttpSender(OPEN, max_age_s=0.0)) as sender:
        await post(sender, receiver.url)
        await post(sender, receiver.url)
    assert receiver.connections == 2


async def test_a_cancelled_send_closes_its_connection() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        ended.set()

    async with server_playing(part) as url, sending(HttpSender(OPEN)) as sender:
        task = asyncio.create_task(post(sender, url))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await ended.wait()


async def test_closing_the_sender_ends_requests_under_way_and_refuses_new_ones() -> None:
    async with Receiver() as receiver:
        sender = HttpSender(OPEN, resolver=SilentResolver())
        receiver.answers(Answer.hang())
        waiting = asyncio.create_task(post(sender, receiver.url))
        connecting = asyncio.create_task(post(sender, "http://hooks.example.com/"))
        await receiver.wait_for(1)
        async with asyncio.timeout(1):
            await sender.close()
            await asyncio.wait([waiting, connecting])
        assert (await waiting).error == "shutdown"
        assert (await connecting).error == "shutdown"
        assert (await post(sender, receiver.url)).error == "shutdown"
        await sender.close()
