"""Logs: every notice at its level, and no secret in any line, whatever room, library or exception it came from."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hookline.core import notice
from hookline.core.notice import Notice
from hookline.observe.log import log_sink, set_up
from hookline.observe.redaction import redact, strike

HEX = "0123456789abcdef" * 4
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmdfZmFrZSJ9.bm90LWEtcmVhbC1zaWduYXR1cmU"

#: Obviously fake, in every shape that a secret or a signature has; what must not be seen, in a text around it.
PLANTED = {
    "webhook secret": ("whsec_bm90LWEtcmVhbC1zZWNyZXQtMDEy", "refused {}"),
    "private signing key": ("whsk_bm90LWEtcmVhbC1zZWNyZXQtMDEy", "refused {}"),
    "bearer token": ("fake-token-0123456789", "Authorization: Bearer {}"),
    "bearer token in small letters": ("fake-token-0123456789", "authorization: bearer {}"),
    "jwt": (JWT, "the token was {}."),
    "basic credentials": ("ZmFrZTpub3QtYS1yZWFsLXBhc3N3b3Jk", "authorization: Basic {}"),
    "password in an address": ("not-a-real-password", "cannot connect to postgresql://hookline:{}@db.example/hookline"),
    "standard webhooks signature": ("K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "webhook-signature: v1,{}"),
    "asymmetric signature": ("K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "webhook-signature: v1a,{}"),
    "github signature": (HEX, "sha256={} was expected"),
    "old github signature": (HEX[:40], "not sha1={} but another"),
    "stripe signature": (HEX, "t=1767225600,v1={}"),
    "slack signature": (HEX, "the request had v0={}."),
    "token in a query": ("fake0123456789", "GET https://api.example/hook?page=1&access_token={}&per=2"),
    "secret in an assignment": ("fake0123456789", "GITHUB_WEBHOOK_SECRET={} is too short"),
    "secret in JSON": ("fake0123456789", '{{"id": 7, "client_secret": "{}"}}'),
    "key in a repr": ("fake0123456789", "{{'X-Api-Key': '{}', 'page': 1}}"),
    "key in a header line": ("fake0123456789", "X-Api-Key: {}"),
}

Say = Callable[[str, str], None]


class Thing:
    """An object that a careless author logs whole."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Thing({self.text})"


def _by_library(secret: str, text: str) -> None:
    logging.getLogger("some.library").warning("it said: %s", text)


def _by_library_exception(secret: str, text: str) -> None:
    try:
        try:
            raise ValueError(text)
        except ValueError as error:
            raise RuntimeError("a wrapper") from error
    except RuntimeError:
        logging.getLogger("some.library").exception("it failed")


def _by_library_stack(secret: str, text: str) -> None:
    logging.getLogger("some.library").error(Thing(text), stack_info=True)


def _as_event(secret: str, text: str) -> None:
    structlog.stdlib.get_logger("hookline").warning(text)


def _as_value(secret: str, text: str) -> None:
    structlog.stdlib.get_logger("hookline").warning("said", detail=text)


def _as_bytes(secret: str, text: str) -> None:
    structlog.stdlib.get_logger("hookline").warning("said", body=text.encode())


def _as_object(secret: str, text: str) -> None:
    structlog.stdlib.get_logger("hookline").warning("said", thing=Thing(text), error=ValueError(text))


def _as_nested_value(secret: str, text: str) -> None:
    structlog.stdlib.get_logger("hookline").warning("said", request={"lines": [text, (text, {"deep": text})]})


def _as_exception(secret: str, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        structlog.stdlib.get_logger("hookline").exception("failed")


def _as_notice(secret: str, text: str) -> None:
    log_sink()(notice.ServiceFailed("dispatcher", text))


def _under_a_name(secret: str, text: str) -> None:
    log = structlog.stdlib.get_logger("hookline")
    log.warning("said", client_secret=secret, headers={"X-Api-Key": secret, "Cookie": [secret]})
    log.warning("said", headers=[(b"Authorization", secret.encode()), ("x-hub-signature-256", secret)])


WAYS: list[Say] = [
    _by_library,
    _by_library_exception,
    _by_library_stack,
    _as_event,
    _as_value,
    _as_bytes,
    _as_object,
    _as_nested_value,
    _as_exception,
    _as_notice,
    _under_a_name,
]


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("say", WAYS, ids=lambda say: say.__name__.strip("_"))
@pytest.mark.parametrize("shape", PLANTED)
def test_no_secret_reaches_the_log(shape: str, say: Say, log_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    set_up(log_format, "info")
    secret, text = PLANTED[shape]
    say(secret, text.format(secret))
    out, err = capfd.readouterr()
    assert out == ""
    assert "[redacted]" in err
    assert secret not in err
    assert secret[4:] not in err


@pytest.mark.parametrize(
    "text",
    [
        "bad_signature",
        "the signature in header X-Hub-Signature-256 is not that of this request under any secret of this source",
        "basic authentication failed; the bearer of this message has no secret",
        "POST http://127.0.0.1:8400/webhooks/github?page=1 -> 200",
        "msg_019b76daa800ab66847342b892b41624 came from 192.0.2.7 as a token of trust",
        "signature: malformed, token: expired, secret: missing",
    ],
)
def test_what_is_no_secret_stays_readable(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    set_up("json", "info")
    structlog.stdlib.get_logger("hookline").info("said", detail=text, count=3, ratio=0.5, known=None, kept=True)
    line = json.loads(capfd.readouterr().err)
    assert line["detail"] == text
    assert (line["count"], line["ratio"], line["known"], line["kept"]) == (3, 0.5, None, True)
    assert (line["event"], line["level"]) == ("said", "info")
    assert line["timestamp"].endswith("Z")


def test_every_json_line_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    set_up("json", "info")
    _as_exception("", "two\nlines")
    _by_library_exception("", "two\nlines")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("Traceback" in json.loads(line)["exception"] for line in lines)


def test_values_are_not_changed_for_whoever_logged_them() -> None:
    headers = {"Authorization": "Bearer fake-token-0123456789"}
    struck = redact(None, "info", {"event": "said", "headers": headers})
    assert struck["headers"] == {"Authorization": "[redacted]"}
    assert headers == {"Authorization": "Bearer fake-token-0123456789"}


@pytest.mark.parametrize("piece", ["a", "secret", "secret-", "x-", "eyJ", "://", "v1,", "basic ", "bearer ", "wh", "é"])
def test_long_texts_are_read_in_a_moment(piece: str) -> None:
    """What a stranger can have logged must not cost more than its length."""
    text = piece * (500_000 // len(piece))
    began = time.perf_counter()
    strike(text)
    assert time.perf_counter() - began < 2  # a pattern that backtracks takes hours


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.binary(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(alphabet="abcdefgh", min_size=1, max_size=8), VALUES, max_size=4))
def test_anything_can_be_logged(values: dict[str, Any]) -> None:
    struck = redact(None, "info", {"event": "said", **values})
    assert set(struck) == {"event", *values}
    json.dumps(struck)


LEVELS: list[tuple[Notice, str]] = [
    (notice.EventAccepted("msg_1", "shop", "order.paid", "pending", 1), "debug"),
    (notice.EventDuplicate("msg_1", "shop"), "debug"),
    (notice.HandshakeAnswered("shop", "slack"), "debug"),
    (notice.AttemptMade("dlv_1", "msg_1", "ep_1", 1, 200, "", 1.5, "delivered"), "debug"),
    (notice.AttemptMade("dlv_1", "msg_1", "ep_1", 1, 500, "", 1.5, "waiting"), "debug"),
    (notice.AttemptMade("dlv_1", "msg_1", "ep_1", 8, 500, "", 1.5, "dead"), "warning"),
    (notice.RequestRejected("shop", "bad_signature", 401, "192.0.2.7", True), "info"),
    (notice.LeaseLost("dlv_1"), "warning"),
    (notice.EndpointPaused("ep_1", "http_500"), "warning"),
    (notice.EndpointResumed("ep_1"), "info"),
    (notice.EndpointDisabled("ep_1", "410 Gone"), "warning"),
    (notice.RetentionDone(1, 2, 3), "info"),
    (notice.ServiceFailed("watch", "the disk is full"), "error"),
    (notice.NodeDied("0a1b2c", "host-1", 2), "warning"),
    (notice.NodeLost("0a1b2c"), "warning"),
    (notice.Started("http://127.0.0.1:8400", "sqlite:///hookline.db"), "info"),
    (notice.Stopped(0), "info"),
]


@pytest.mark.parametrize(("said", "level"), LEVELS, ids=lambda value: type(value).__name__)
def test_every_notice_is_logged_at_its_level(said: Notice, level: str, capfd: pytest.CaptureFixture[str]) -> None:
    for threshold in ("debug", "info", "warning", "error"):
        set_up("json", threshold)
        log_sink()(said)
        line = capfd.readouterr().err
        if logging.getLevelName(level.upper()) < logging.getLevelName(threshold.upper()):
            assert line == ""
        else:
            assert json.loads(line)["level"] == level


def test_every_kind_of_notice_has_a_level_here() -> None:
    kinds = {value for value in vars(notice).values() if isinstance(value, type) and issubclass(value, Notice)}
    assert {type(said) for said, _ in LEVELS} == kinds - {Notice}


def test_a_notice_is_logged_with_all_it_says(capfd: pytest.CaptureFixture[str]) -> None:
    set_up("json", "info")
    log_sink()(notice.RequestRejected("shop", "bad_signature", 401, "192.0.2.7", True))
    line = json.loads(capfd.readouterr().err)
    assert line["event"] == "request rejected"
    del line["event"], line["level"], line["timestamp"]
    assert line == {"source": "shop", "cause": "bad_signature", "status": 401, "client": "192.0.2.7", "kept": True}


def test_people_read_lines_without_colour_codes_in_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    set_up("console", "info")
    log_sink()(notice.EndpointPaused("ep_1", "http_500"))
    line = capfd.readouterr().err
    assert "endpoint paused" in line
    assert "reason=http_500" in line
    assert "\x1b" not in line
