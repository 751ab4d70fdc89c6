"""Whatever a server sends, the sender gives an Outcome and raises nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import HttpSender
from hookline.testing.receiver import Answer, Receiver

from .wire import OPEN, post, sending

#: Pieces of responses, so that examples get past the first byte.
PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.0 500 Oops\r\n", b"HTTP/1.1 999 ?\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching\r\n", b"HTTP/9.9 200 OK\r\n", b"HTTP/1.1 20",
        b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n",
        b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Set-Cookie: a=b\r\n", b" folded\r\n", b": empty\r\n",
        b"\r\n", b"\n", b"\r", b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffffff\r\n", b"\0",
    ]
)  # fmt: skip
RESPONSES = st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=10), max_size=12).map(b"".join)


async def send_twice(first: bytes, second: bytes) -> list[Outcome]:
    async with Receiver(keep=False) as receiver, sending(HttpSender(OPEN, response_cap_bytes=64)) as sender:
        receiver.script([Answer.raw(first), Answer.raw(second)])
        return [await post(sender, receiver.url) for _ in range(2)]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@settings(max_examples=150, deadline=None)
@given(first=RESPONSES, second=RESPONSES)
def test_any_bytes_give_an_outcome(run: Callable[..., list[Outcome]], first: bytes, second: bytes) -> None:
    for outcome in run(send_twice(first, second)):
        if outcome.status:
            assert 200 <= outcome.status <= 999
            assert outcome.error == ""
        else:
            assert outcome.error in ("connection_closed", "malformed_response")
            assert outcome.detail
        assert len(outcome.body) <= 64
