"""Event-type patterns, against the sentence that describes them, written a second time and slowly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.core.errors import InvalidInput
from hookline.core.filter import check, compile_patterns

LEVEL = st.text(alphabet="ab_", min_size=1, max_size=3)
TYPE = st.lists(LEVEL, min_size=1, max_size=4).map(".".join)
PATTERN = st.one_of(TYPE, TYPE.map(lambda text: f"{text}.*"), st.just("*"))


@pytest.mark.parametrize(
    ("pattern", "event_type", "matches"),
    [
        ("push", "push", True),
        ("push", "push.force", False),
        ("push", "pushed", False),
        ("push", "Push", False),
        ("order.*", "order.paid", True),
        ("order.*", "order.paid.late", True),
        ("order.*", "order", False),
        ("order.*", "orders.paid", False),
        ("order.paid.*", "order.paid", False),
        ("*", "anything.at.all", True),
        ("*", "", True),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, event_type: str, matches: bool) -> None:
    assert compile_patterns([pattern])(event_type) is matches


@pytest.mark.parametrize(
    "pattern", ["", " ", " push", "push ", "or*", "*.paid", "order.*.paid", "**", "order*", "order.**"]
)
def test_what_is_no_pattern_is_refused_with_the_remedy(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="event pattern"):
        check(pattern)
    with pytest.raises(InvalidInput):
        compile_patterns(["push", pattern])


def test_no_pattern_matches_nothing() -> None:
    assert not compile_patterns([])("push")


def meant(pattern: str, event_type: str) -> bool:
    """One pattern, level by level."""
    if pattern == "*":
        return True
    levels, given = pattern.split("."), event_type.split(".")
    if levels[-1] != "*":
        return levels == given
    return len(given) >= len(levels) and given[: len(levels) - 1] == levels[:-1]


@given(st.lists(PATTERN, max_size=5), TYPE)
def test_several_patterns_match_what_any_of_them_means(patterns: list[str], event_type: str) -> None:
    assert compile_patterns(patterns)(event_type) is any(meant(pattern, event_type) for pattern in patterns)


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        assert check(text) == text
    except InvalidInput:
        return
    assert compile_patterns([text])(text) is (not text.endswith(".*") or meant(text, text))
