"""YAML text to values: the YAML 1.2 core schema, with lines, and limits that no text gets around."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.config import document
from hookline.config.problems import Problem

json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc<:-# ", min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


def read(text: str) -> Any:
    found = document.read(text.encode())
    assert found.problems == []
    return found.value


def only_problem(text: str | bytes) -> tuple[int, Problem]:
    found = document.read(text.encode() if isinstance(text, str) else text)
    assert len(found.problems) == 1, found.problems
    return found.line(found.problems[0].path), found.problems[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("none", "none"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("007", 7),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("9" * 19, "9" * 19),
        ("'5'", "5"),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("1: a", {"1": "a"}),
        ("\ufeffa: b", {"a": "b"}),
    ],
)
def test_values_are_those_of_the_yaml_1_2_core_schema(text: str, value: object) -> None:
    found = read(text)
    assert found == value
    assert type(found) is type(value)


@given(json_values)
def test_every_json_document_is_read_as_json_reads_it(value: Any) -> None:
    assert read(json.dumps(value).replace("\x7f", "\\u007f")) == value


def test_every_value_knows_its_line() -> None:
    found = document.read(b"a: 1\nb:\n  - x\n  - c: 2\n    d: [3,\n      4]\n")
    assert {found.line(path) for path in [("a",)]} == {1}
    assert found.line(("b", 1, "d")) == 5
    assert found.line(("b", 1, "d", 1)) == 6
    assert found.line(("b", 0, "not", "there")) == 3
    assert found.line(("nowhere",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\na: 2", 2, "is given twice; remove one"),
        ("a:\n\tb: 1", 2, "has a tab where YAML wants spaces; indent with spaces"),
        ("a: [1", 1, "is not YAML here: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c", 1, "is not YAML here: mapping values are not allowed here"),
        (
            "a: 1\nb: *fake-secret",
            2,
            "refers to an anchor that does not exist; put a value that begins with `*` in quotes",
        ),
        ("a: 1\nb: !fake!secret x", 2, "is not YAML here: found undefined tag handle this"),
        ("a: !secret x", 1, "tags (`!name`) are not supported"),
        ("a: !!python/name:os.system x", 1, "tags (`!name`) are not supported"),
        ("a: !!binary aGk=", 1, "tags (`!name`) are not supported"),
        ("a: !!int fake-secret", 1, "does not fit its tag; remove the tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "merge keys (`<<`) are not supported; write the values out"),
        ("[a, b]: 1", 1, "a key must be text, not a list or a mapping"),
        ('a: "\\ud800"', 1, "has an escape in double quotes that is no character"),
        ('"\\ud800": 1', 1, "a key has an escape in double quotes that is no character"),
        ('a: "\\U99999999"', 0, "has an escape in double quotes that is no character"),
        ("a: 1\n---\nb: 2", 2, "has more than one document; remove the line `---` in the middle"),
        ("a: 1\nb: \x00", 2, "has control characters that YAML does not allow"),
        (b"a: 1\nb: \xff", 2, "is not UTF-8 text; save it as UTF-8"),
        ("[" * 100_000, 1, "is nested deeper than 40 levels"),
        ("- " * 100_000, 1, "is nested deeper than 40 levels"),
        ("a: &a [*a]", 1, "has an alias (*name) of something it is part of"),
        ("#" * (document.LARGEST_BYTES + 1), 0, "is larger than 1MB"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(text: str | bytes, line: int, message: str) -> None:
    found_line, problem = only_problem(text)
    assert (found_line, problem.message) == (line, message)


def test_a_small_text_cannot_grow_large_through_aliases() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    began = time.monotonic()
    _, problem = only_problem("\n".join(lines))
    assert problem.message == "has more than 100000 values, with those its aliases (*name) repeat"
    assert time.monotonic() - began < 5


@given(st.one_of(st.binary(), st.text(alphabet="ab:-[]{}&*!|>'\"%@#,? \n\t\\0x1").map(str.encode)))
def test_any_bytes_are_a_document(raw: bytes) -> None:
    found = document.read(raw)
    for problem in found.problems:
        assert problem.message
