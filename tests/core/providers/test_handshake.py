"""Handshakes: answered by the provider's rule, and by no other."""

from __future__ import annotations

import msgspec
import pytest

from hookline.core.model import Headers, Request
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign

from .making import NOW, SECRETS, request_of

SLACK = get("slack")
QUESTION = b'{"token": "not-real", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY", "type": "url_verification"}'


def signed(body: bytes, content_type: str = "application/json") -> Headers:
    return sign(
        SLACK,
        body=body,
        secret=SECRETS["slack"],
        now_s=NOW,
        event_id="",
        event_type="",
        content_type=content_type,
    )


def answer(request: Request, now_s: float = NOW) -> bytes | None:
    response = SLACK.handshake(request, [SECRETS["slack"]], now_s, None)
    return None if response is None else response.body


def test_slack_gets_its_challenge_back_as_plain_text_that_no_browser_sniffs() -> None:
    response = SLACK.handshake(request_of(signed(QUESTION), QUESTION), [SECRETS["slack"]], NOW, None)
    assert response is not None
    assert (response.status, response.body) == (200, b"3eZbrw1aBm2rZgRNFdxV2595E9CY")
    assert response.content_type == "text/plain"
    assert (b"x-content-type-options", b"nosniff") in response.headers


def test_a_stranger_gets_no_challenge_back() -> None:
    assert answer(request_of([(b"content-type", b"application/json")], QUESTION)) is None
    assert answer(request_of(signed(QUESTION.replace(b"3eZ", b"xxx")), QUESTION)) is None
    assert answer(request_of(signed(QUESTION), QUESTION), NOW + 301) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "event_callback", "text": "url_verification", "challenge": "x"}',
        b'{"type": "url_verification"}',
        b'{"type": "url_verification", "challenge": {"a": 1}}',
        b'{"type": "url_verification", "challenge": ""}',
        msgspec.json.encode({"type": "url_verification", "challenge": "x" * 5000}),
        b'{"type": "url_verification", "challenge": "x"',
    ],
)
def test_what_only_looks_like_the_handshake_is_an_ordinary_request(body: bytes) -> None:
    assert answer(request_of(signed(body), body)) is None


def test_the_certificate_probe_of_slack_is_answered_with_nothing() -> None:
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    assert answer(request_of(form, b"ssl_check=1&token=not-real")) == b""
    assert answer(request_of(form, b"ssl_check=0")) is None
    assert answer(request_of(form, b"text=ssl_check%3D1")) is None


def test_a_github_ping_is_an_event_like_any_other() -> None:
    headers = sign(get("github"), body=b"{}", secret=SECRETS["github"], now_s=NOW, event_id="1", event_type="ping")
    assert get("github").handshake(request_of(headers, b"{}"), [SECRETS["github"]], NOW, None) is None
