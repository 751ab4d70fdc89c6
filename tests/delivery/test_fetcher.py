"""Fetching a small document from a real server: what goes out, and what counts as an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hookline.core.providers.special import KeyRequest
from hookline.delivery import fetcher as module
from hookline.delivery.address import AddressPolicy
from hookline.delivery.fetcher import MOST_BYTES, Fetcher
from hookline.delivery.sender import HttpSender
from hookline.testing.receiver import Answer, Receiver

from .wire import OPEN, TableResolver

DOCUMENT = b"-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        made.answers(Answer(200, body=DOCUMENT))
        yield made


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    made = Fetcher(HttpSender(OPEN, response_cap_bytes=MOST_BYTES))
    yield made
    await made.close()


async def test_a_document_is_asked_for_with_a_get(receiver: Receiver, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(KeyRequest(f"{receiver.url}/certs/a.pem?version=2")) == DOCUMENT
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("GET", "/certs/a.pem?version=2", b"")
    assert request.header("host") == f"127.0.0.1:{receiver.port}"


async def test_a_question_is_posted_with_its_headers_and_body(receiver: Receiver, fetcher: Fetcher) -> None:
    wanted = KeyRequest(
        f"{receiver.url}/key/get", "POST", ((b"content-type", b"application/json"),), b'{"key_id":"not-a-key"}'
    )
    assert await fetcher.fetch(wanted) == DOCUMENT
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/key/get", b'{"key_id":"not-a-key"}')
    assert request.header("content-type") == "application/json"


async def test_a_path_that_begins_like_the_method_is_left_as_it_is(receiver: Receiver, fetcher: Fetcher) -> None:
    await fetcher.fetch(KeyRequest(f"{receiver.url}/POST/POST"))
    await fetcher.fetch(KeyRequest(f"{receiver.url}/GET", "POST"))
    assert [(one.method, one.path) for one in receiver.requests] == [("GET", "/POST/POST"), ("POST", "/GET")]


async def test_questions_one_after_another_get_their_own_answers(receiver: Receiver, fetcher: Fetcher) -> None:
    receiver.script([Answer(200, body=b"first"), Answer(200, body=b"second")])
    assert await fetcher.fetch(KeyRequest(receiver.url + "/1")) == b"first"
    assert await fetcher.fetch(KeyRequest(receiver.url + "/2")) == b"second"


async def test_an_empty_success_is_an_answer(receiver: Receiver, fetcher: Fetcher) -> None:
    receiver.answers(204)
    assert await fetcher.fetch(KeyRequest(receiver.url)) == b""


@pytest.mark.parametrize("status", [300, 304, 301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 503])
async def test_whatever_is_no_success_is_no_document(receiver: Receiver, fetcher: Fetcher, status: int) -> None:
    receiver.answers(Answer(status, body=DOCUMENT))
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None
    assert receiver.count == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, fetcher: Fetcher, status: int) -> None:
    elsewhere = Answer(status, headers=(("Location", f"{receiver.url}/elsewhere"),), body=DOCUMENT)
    receiver.answers(elsewhere, path="/here")
    assert await fetcher.fetch(KeyRequest(receiver.url + "/here")) is None
    assert [request.path for request in receiver.requests] == ["/here"]


async def test_a_document_as_large_as_may_be_is_taken_whole(receiver: Receiver, fetcher: Fetcher) -> None:
    largest = b"k" * (MOST_BYTES - 1)
    receiver.answers(Answer(200, body=largest))
    assert await fetcher.fetch(KeyRequest(receiver.url)) == largest


@pytest.mark.parametrize("answer", [Answer(200, body=b"k" * MOST_BYTES), Answer.huge(4 * MOST_BYTES)])
async def test_a_larger_document_is_none(receiver: Receiver, fetcher: Fetcher, answer: Answer) -> None:
    receiver.answers(answer)
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None


@pytest.mark.parametrize(
    "answer", [Answer.close(), Answer.reset(), Answer.garbage()], ids=["close", "reset", "garbage"]
)
async def test_no_proper_answer_is_no_document(receiver: Receiver, fetcher: Fetcher, answer: Answer) -> None:
    receiver.answers(answer)
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None


async def test_half_a_document_is_none(receiver: Receiver, fetcher: Fetcher) -> None:
    receiver.answers(Answer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n-----BEGIN"))
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None


async def test_a_server_that_does_not_answer_is_not_waited_for(
    receiver: Receiver, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    receiver.answers(Answer.hang())
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None


async def test_nobody_listening_is_no_document(fetcher: Fetcher) -> None:
    async with Receiver() as gone:
        url = gone.url
    assert await fetcher.fetch(KeyRequest(url)) is None


async def test_a_private_address_is_not_connected_to(receiver: Receiver) -> None:
    fetcher = Fetcher(HttpSender(AddressPolicy(), response_cap_bytes=MOST_BYTES))
    assert await fetcher.fetch(KeyRequest(receiver.url)) is None
    assert receiver.count == 0
    await fetcher.close()


async def test_a_name_that_leads_to_a_private_address_is_not_connected_to(receiver: Receiver) -> None:
    resolver = TableResolver({"sns.us-east-1.amazonaws.com": ["127.0.0.1"]})
    sender = HttpSender(AddressPolicy(), response_cap_bytes=MOST_BYTES, resolver=resolver)
    fetcher = Fetcher(sender)
    assert await fetcher.fetch(KeyRequest(f"http://sns.us-east-1.amazonaws.com:{receiver.port}/x.pem")) is None
    assert resolver.asked == ["sns.us-east-1.amazonaws.com"]
    assert receiver.count == 0
    await fetcher.close()


@pytest.mark.parametrize(
    "url",
    ["", "not an address", "ftp://a.example/x", "http://", "http://a b/", "http://user:pass@127.0.0.1/", "http://a/#b"],
)
async def test_what_is_no_address_is_no_document(fetcher: Fetcher, url: str) -> None:
    assert await fetcher.fetch(KeyRequest(url)) is None


async def test_a_header_that_would_break_the_message_is_not_sent(receiver: Receiver, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(KeyRequest(receiver.url, headers=((b"x", b"a\r\nb: c"),))) is None
    assert receiver.count == 0
