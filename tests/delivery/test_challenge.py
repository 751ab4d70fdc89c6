"""The ownership challenge: an endpoint is believed when its receiver says the word, and not otherwise."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import standardwebhooks
import svix

from hookline.core.model import Endpoint, Source, SourceKind
from hookline.delivery.address import AddressPolicy
from hookline.delivery.challenge import TYPE, ChallengeFailed, challenge
from hookline.delivery.sender import HttpSender
from hookline.testing.receiver import Answer, Receiver

#: The base64 of "not a real key, only for tests".
SECRET = "whsec_bm90IGEgcmVhbCBrZXksIG9ubHkgZm9yIHRlc3Rz"
SOURCE = Source("app_1", "org_1", "app_1", "none", kind=SourceKind.APPLICATION, signature_headers=("webhook", "svix"))


def endpoint(url: str, timeout_s: float = 5.0) -> Endpoint:
    """The endpoint that somebody wants to register."""
    return Endpoint(
        "ep_1", "org_1", "app_1", "ep_1", url, secrets=(SECRET,), timeout_s=timeout_s, headers=(("X-Team", "orders"),)
    )


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    sender = HttpSender(AddressPolicy(allow_private=True))
    yield sender
    await sender.close()


class Echo:
    """A receiver that answers each request by what it was sent, and keeps it."""

    def __init__(self, answer: Callable[[str], bytes], status: int) -> None:
        self._answer, self._status = answer, status
        self.headers: dict[str, str] = {}
        self.body = b""
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.body = await reader.readexactly(int(self.headers["content-length"]))
        answer = self._answer(json.loads(self.body)["challenge"])
        writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (self._status, len(answer), answer))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def echoing(answer: Callable[[str], bytes], status: int = 200) -> AsyncIterator[Echo]:
    echo = Echo(answer, status)
    server = await asyncio.start_server(echo.handle, "127.0.0.1", 0)
    async with server:
        echo.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield echo


GOOD: list[Callable[[str], bytes]] = [
    lambda word: word.encode(),
    lambda word: f" {word}\r\n".encode(),
    lambda word: json.dumps(word).encode(),
    lambda word: json.dumps({"challenge": word}).encode(),
    lambda word: json.dumps({"ok": True, "challenge": word, "more": [1]}).encode(),
]

BAD: list[Callable[[str], bytes]] = [
    lambda word: b"",
    lambda word: b"ok",
    lambda word: word[:-1].encode(),
    lambda word: (word + word).encode(),
    lambda word: json.dumps({"answer": word}).encode(),
    lambda word: json.dumps({"challenge": [word]}).encode(),
    lambda word: json.dumps([word]).encode(),
    lambda word: b'"\xff"',
    lambda word: b'{"challenge": ',
    lambda word: b"\xff\xfe" + word.encode(),
]


@pytest.mark.parametrize("answer", GOOD)
async def test_a_receiver_that_says_the_word_is_believed(sender: HttpSender, answer: Callable[[str], bytes]) -> None:
    async with echoing(answer) as echo:
        await challenge(sender, endpoint(echo.url), SOURCE, now_ms())


@pytest.mark.parametrize("answer", BAD)
async def test_a_receiver_that_says_anything_else_is_not(sender: HttpSender, answer: Callable[[str], bytes]) -> None:
    async with echoing(answer) as echo:
        with pytest.raises(ChallengeFailed, match="was not the challenge"):
            await challenge(sender, endpoint(echo.url), SOURCE, now_ms())


async def test_the_word_with_another_status_is_not_enough(sender: HttpSender) -> None:
    async with echoing(lambda word: word.encode(), status=404) as echo:
        with pytest.raises(ChallengeFailed, match="status 404"):
            await challenge(sender, endpoint(echo.url), SOURCE, now_ms())


async def test_it_is_sent_and_signed_as_an_event_would_be(sender: HttpSender) -> None:
    async with echoing(lambda word: word.encode()) as echo:
        await challenge(sender, endpoint(echo.url), SOURCE, now_ms())
    svix.Webhook(SECRET).verify(echo.body, echo.headers)
    standardwebhooks.Webhook(SECRET).verify(echo.body, echo.headers)
    assert echo.headers["content-type"] == "application/json"
    assert echo.headers["x-team"] == "orders"
    assert echo.headers["webhook-id"] == echo.headers["svix-id"]
    assert echo.headers["webhook-id"].startswith("msg_")
    said = json.loads(echo.body)
    assert (said["type"], set(said)) == (TYPE, {"type", "challenge"})


async def test_every_challenge_is_another_one(sender: HttpSender) -> None:
    words = set()
    async with echoing(lambda word: words.add(word) or word.encode()) as echo:  # type: ignore[func-returns-value]
        for _ in range(3):
            await challenge(sender, endpoint(echo.url), SOURCE, now_ms())
    assert len(words) == 3
    assert all(len(word) >= 32 for word in words)


async def test_a_receiver_that_is_too_slow_is_not_believed(sender: HttpSender) -> None:
    async with Receiver() as receiver:
        receiver.answers(Answer.hang())
        began = time.monotonic()
        with pytest.raises(ChallengeFailed, match=r"did not answer the challenge \(timeout\)"):
            await challenge(sender, endpoint(receiver.url, timeout_s=0.2), SOURCE, now_ms())
        assert time.monotonic() - began < 3


async def test_a_redirect_is_not_followed(sender: HttpSender) -> None:
    async with echoing(lambda word: word.encode()) as echo, Receiver() as receiver:
        receiver.answers(Answer(307, (("Location", echo.url),)))
        with pytest.raises(ChallengeFailed, match="status 307"):
            await challenge(sender, endpoint(receiver.url), SOURCE, now_ms())
        assert echo.body == b""


async def test_a_private_address_is_not_asked() -> None:
    sender = HttpSender(AddressPolicy())
    async with Receiver() as receiver:
        with pytest.raises(ChallengeFailed, match=r"\(blocked_address\)"):
            await challenge(sender, endpoint(receiver.url), SOURCE, now_ms())
        assert receiver.count == 0
    await sender.close()


async def test_nothing_of_the_answer_is_shown(sender: HttpSender) -> None:
    async with Receiver() as receiver:
        receiver.script(
            [
                Answer(200, body=b"internal-status-page"),
                Answer(500, (("X-Internal", "internal-status-page"),), body=b"internal-status-page"),
                Answer.raw(b"internal-status-page\r\n\r\n"),
            ]
        )
        for _ in range(3):
            with pytest.raises(ChallengeFailed) as failed:
                await challenge(sender, endpoint(receiver.url), SOURCE, now_ms())
            assert "internal-status-page" not in failed.value.message
            assert SECRET not in failed.value.message
            assert (failed.value.code, failed.value.status) == ("challenge_failed", 422)
