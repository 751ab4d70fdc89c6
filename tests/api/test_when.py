from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.api.present import time
from hookline.api.when import parse_moment
from hookline.core.errors import InvalidInput

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-01-01T00:00:00Z", NOW_MS),
        ("2026-01-01T00:00:00.250Z", NOW_MS + 250),
        ("2026-01-01T02:00:00+02:00", NOW_MS),
        ("2026-01-01T02:00:00 02:00", NOW_MS),  # as a query string says it when + was not encoded
        ("2025-12-31T19:00:00-0500", NOW_MS),
        ("2026-01-01", NOW_MS),
        ("2026-01-01 00:00", NOW_MS),
        ("1767225600", NOW_MS),
        ("1767225600.5", NOW_MS + 500),
        ("1767225600250", NOW_MS + 250),
        ("2h", NOW_MS - 7_200_000),
        (" 90s ", NOW_MS - 90_000),
        ("250ms", NOW_MS - 250),
        ("1.5d", NOW_MS - 129_600_000),
        ("0s", NOW_MS),
        ("0", 1),
        ("1969-01-01", 1),
        ("36500d", 1),
    ],
)
def test_a_moment_can_be_written_in_several_ways(text: str, at_ms: int) -> None:
    assert parse_moment(text, NOW_MS) == at_ms


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2h ago", "-2h", "2w", "2026-13-01", "1e400", "9" * 30, "999999999999999", "999999d", "٣"]
)
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidInput, match="2h"):
        parse_moment(text, NOW_MS)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_an_error(text: str) -> None:
    with suppress(InvalidInput):
        assert 1 <= parse_moment(text, NOW_MS) <= 253_402_300_799_999


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)))
def test_what_we_print_we_read(moment: datetime) -> None:
    at_ms = (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    shown = time(at_ms)
    assert shown is not None and parse_moment(shown, NOW_MS) == at_ms
