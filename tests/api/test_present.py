from __future__ import annotations

import re
from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from hookline.api import present
from hookline.api.present import SHOWN_BODY_BYTES
from hookline.core.model import Delivery
from hookline.storage.base import EventFilter


def test_times_are_iso_8601_in_utc_with_milliseconds() -> None:
    assert present.time(1_767_225_600_007) == "2026-01-01T00:00:00.007Z"


def test_what_has_not_happened_has_no_time() -> None:
    assert present.time(0) is None


@given(st.integers(1, 253_402_300_799_998))
def test_times_sort_as_text_like_the_moments_they_name(at_ms: int) -> None:
    shown = present.time(at_ms)
    assert shown is not None and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown)
    later = present.time(at_ms + 1)
    assert later is not None and later > shown


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_a_body_can_be_had_back_from_what_is_shown(raw: bytes) -> None:
    shown = present.body("body", raw)
    back = shown["body_text"].encode() if "body_text" in shown else b64decode(shown["body_base64"])
    assert back == raw
    assert shown["body_size_bytes"] == len(raw) and shown["body_truncated"] is False


@given(st.integers(0, 4), st.sampled_from(["x", "é", "€", "😀"]))
def test_a_long_text_is_cut_between_characters(offset: int, character: str) -> None:
    raw = b"a" * (SHOWN_BODY_BYTES - offset) + character.encode() * 5
    shown = present.body("body", raw)
    assert shown["body_truncated"] is True and shown["body_size_bytes"] == len(raw)
    assert raw.startswith(shown["body_text"].encode())
    assert len(shown["body_text"].encode()) > SHOWN_BODY_BYTES - 4


def test_only_a_waiting_delivery_has_a_next_try() -> None:
    waiting = Delivery("dlv_1", "msg_1", "ep_1", "waiting", 1, 1, 5_000, 1_000)
    leased = Delivery("dlv_1", "msg_1", "ep_1", "leased", 1, 1, 5_000, 1_000)
    assert present.delivery(waiting)["next_try_at"] == "1970-01-01T00:00:05.000Z"
    assert present.delivery(leased)["next_try_at"] is None


def test_a_filter_shows_only_what_it_restricts() -> None:
    where = EventFilter(status="failed", since_ms=1_767_225_600_000)
    assert present.event_filter(where) == {"status": "failed", "since": "2026-01-01T00:00:00.000Z"}
