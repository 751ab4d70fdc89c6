"""Payloads against the schemas of their event types."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.api.sending import enforcement
from hookline.api.sending.enforcement import MOST_TOLD, Enforcement, SchemaMismatch
from hookline.core.model import EventType

JSON = b"application/json"


def known(name: str = "a", schema: Any = None) -> EventType:
    return EventType("org_default", name, schemas={"1": schema} if schema is not None else None)


def mismatch(schema: Any, payload: bytes) -> list[tuple[str, str]]:
    """The places and words of what does not match."""
    with pytest.raises(SchemaMismatch) as refused:
        Enforcement().check(known("a", schema), "a", payload, JSON)
    return [("/".join(map(str, one.place)), one.words) for one in refused.value.wrong]


def test_a_validator_is_made_once_for_an_event_type_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enforcement, "MOST_READY", 3)
    checks = Enforcement()
    types = [known(str(number), {"required": ["n"]}) for number in range(10)]
    for one in types:
        checks.check(one, one.name, b'{"n":1}', JSON)
        made = checks._ready["org_default", one.name]
        checks.check(one, one.name, b'{"n":1}', JSON)
        assert checks._ready["org_default", one.name] is made
    assert list(checks._ready) == [("org_default", one.name) for one in types[-3:]]


def test_not_everything_that_is_wrong_is_told() -> None:
    payload = b'{"n":[%b]}' % b",".join([b'"x"'] * 1_000)
    schema = {"properties": {"n": {"items": {"type": "integer"}}}}
    assert len(mismatch(schema, payload)) == MOST_TOLD


def test_words_about_a_large_value_are_short() -> None:
    [(place, words)] = mismatch({"properties": {"n": {"maxLength": 1}}}, b'{"n":"%b"}' % (b"x" * 10_000))
    assert place == "body/payload/n" and len(words) <= 300


def test_a_pattern_that_would_take_for_ever_does_not() -> None:
    schema = {"properties": {"n": {"type": "string", "pattern": "^(a+)+$"}}}
    assert [place for place, _ in mismatch(schema, b'{"n":"%b!"}' % (b"a" * 5_000))] == ["body/payload/n"]


@pytest.mark.parametrize("schema", [{"$ref": "https://example.com/schema"}, {"type": 5}, {"pattern": "("}])
def test_a_schema_that_cannot_be_used_refuses_in_words(schema: Any) -> None:
    """An older version may have saved it."""
    [(place, words)] = mismatch(schema, b"{}")
    assert place == "body/eventType" and "cannot be used" in words


def test_what_is_nested_too_deeply_matches_nothing() -> None:
    [(place, words)] = mismatch({}, b'{"a":' * 300 + b"1" + b"}" * 300)
    assert place == "body/payload" and "deeper than 200" in words
