"""Requests are made to the last byte: sizes, markers, and one tail for all."""

from __future__ import annotations

import json
import re

import pytest
from bench.requests import GITHUB, MARKER, STANDARD, Recipe, keyed, payload, publishing, stock

SIZES = (1_024, 16_384, 262_144)
RECIPES = {"github": GITHUB, "standard": STANDARD, "message": publishing(), "keyed": keyed()}


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_has_the_size_that_was_asked_for_and_is_json(size: int) -> None:
    body = payload(42, size)
    assert len(body) == size
    assert json.loads(body)["data"]["id"] == (MARKER + b"%012d" % 42).decode()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RECIPES)
def test_every_request_is_whole_and_carries_its_number(name: str, size: int) -> None:
    made = stock(RECIPES[name].of_size(size), "localhost:1", 5, 3)
    for number, request in enumerate(made.whole(), 5):
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length is not None
        assert int(length[1]) == len(body)
        assert MARKER + b"%012d" % number in body[:200]
        document = json.loads(body)
        inner = document if name in ("github", "standard") else document["payload"]
        assert len(json.dumps(inner, separators=(",", ":"))) == size


@pytest.mark.parametrize("name", RECIPES)
def test_large_bodies_are_kept_once(name: str) -> None:
    assert stock(RECIPES[name], "localhost:1", 0, 2).tail == b""
    large = stock(RECIPES[name].of_size(262_144), "localhost:1", 0, 2)
    assert len(large.tail) > 261_000
    assert all(len(start) < 2_000 for start in large.starts)


@pytest.mark.parametrize("name", RECIPES)
def test_no_two_requests_are_alike(name: str) -> None:
    requests = stock(RECIPES[name], "localhost:1", 0, 50).whole() + stock(RECIPES[name], "localhost:1", 50, 50).whole()
    assert len(set(requests)) == 100


def test_a_recipe_survives_the_way_to_another_process() -> None:
    recipe = keyed().of_size(16_384)
    assert Recipe.from_json(recipe.as_json()) == recipe


def test_a_body_cannot_be_smaller_than_what_is_in_it() -> None:
    with pytest.raises(ValueError, match="a body has at least"):
        payload(1, 20)
