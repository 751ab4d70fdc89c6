"""Durations, sizes and rates: what people write is read exactly, and all else is refused with an example."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.config import units
from hookline.core.errors import InvalidInput
from hookline.core.model import RateLimit

anything = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
    st.from_regex(r"[0-9.,/_ -]{0,6}[a-zA-Z]{0,3}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("5s", 5),
        ("5m", 300),
        ("2h", 7200),
        ("30d", 2_592_000),
        ("1.5h", 5400),
        (" 5 s ", 5),
        ("0s", 0),
        ("10", 10),
        (10, 10),
        (0.25, 0.25),
        ("36500d", units.LONGEST_S),
    ],
)
def test_a_duration_is_read_as_seconds(written: object, seconds: float) -> None:
    assert units.parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "`` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("5x", "`5x` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("-5s", "`-5s` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("٣s", "`٣s` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        (True, "`true` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        (None, "this is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("x" * 41, "this text is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("0.5ms", "`0.5ms` is finer than a millisecond; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("36501d", "`36501d` is longer than 100 years (36500d)"),
    ],
)
def test_what_is_not_a_duration_is_refused_with_examples(written: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        units.parse_duration(written)
    assert str(caught.value) == message


def test_a_number_too_large_to_print_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^this is not a duration; write "):
        units.parse_duration(10**5000)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (1.5, "1500ms"),
        (90, "90s"),
        (300, "5m"),
        (86_400, "1d"),
        (units.LONGEST_S, "36500d"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_is_exact(seconds: float, written: str) -> None:
    assert units.format_duration(seconds) == written


@given(st.integers(0, int(units.LONGEST_S * 1000)))
def test_every_duration_is_read_back_as_it_was_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.parse_duration(units.format_duration(seconds)) == seconds


def test_forever_is_a_lifetime_and_reads_back() -> None:
    assert units.parse_lifetime("forever") == units.LONGEST_S
    assert units.format_lifetime(units.LONGEST_S) == "forever"
    assert units.parse_lifetime("7d") == 604_800
    assert units.format_lifetime(604_800) == "7d"


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("1MB", 1 << 20),
        ("512KB", 512 << 10),
        ("2MiB", 2 << 20),
        ("1.5mb", 1_572_864),
        ("1 GB", 1 << 30),
        ("10b", 10),
        ("10", 10),
        (10, 10),
        (0, 0),
        ("1024GB", units.LARGEST_BYTES),
    ],
)
def test_a_size_is_read_as_bytes(written: object, size: int) -> None:
    assert units.parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("1TB", "`1TB` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ("1ib", "`1ib` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ("big", "`big` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ([1], "this is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        (-1, "`-1` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ("0.3b", "`0.3b` is not a whole number of bytes; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ("1025GB", "`1025GB` is larger than 1024GB"),
    ],
)
def test_what_is_not_a_size_is_refused_with_examples(written: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        units.parse_size(written)
    assert str(caught.value) == message


@given(st.integers(0, units.LARGEST_BYTES))
def test_every_size_is_read_back_as_it_was_written(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("100/s", RateLimit(100, 1)),
        ("600/m", RateLimit(600, 60)),
        ("10 / h", RateLimit(10, 3600)),
        ("5/d", RateLimit(5, 86_400)),
    ],
)
def test_a_rate_is_read_as_a_limit(written: str, rate: RateLimit) -> None:
    assert units.parse_rate(written) == rate


@pytest.mark.parametrize("written", ["100", "0/s", "-1/s", "1.5/s", "100/week", "/s", "100/S"])
def test_what_is_not_a_rate_is_refused_with_examples(written: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        units.parse_rate(written)
    assert str(caught.value) == f"`{written}` is not a rate; write `100/s`, `600/m` or `10/h`"


@given(st.integers(1, 999_999_999), st.sampled_from([1.0, 60.0, 3600.0, 86_400.0]))
def test_every_rate_is_read_back_as_it_was_written(count: int, per_s: float) -> None:
    rate = RateLimit(count, per_s)
    assert units.parse_rate(units.format_rate(rate)) == rate


@pytest.mark.parametrize("parse", [units.parse_duration, units.parse_lifetime, units.parse_size, units.parse_rate])
@given(value=anything)
def test_anything_is_a_value_or_invalid_input(parse: Callable[[object], object], value: object) -> None:
    try:
        parse(value)
    except InvalidInput as error:
        assert "write " in str(error) or "longer than" in str(error) or "larger than" in str(error)
