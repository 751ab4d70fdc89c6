"""`Idempotency-Key`: the same request again changes nothing, another one under the same key is refused."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hookline.api.sending.once import REMEMBERED_MS, make_once

from .conftest import OTHER_ORG, Sending

KEY = {"Idempotency-Key": "request-1"}


async def test_the_same_creation_sent_twice_makes_one_thing_and_gets_one_answer(sending: Sending) -> None:
    await sending.app()
    for path, body in (
        ("/app", {"name": "A"}),
        ("/app", {"name": "A", "uid": "a"}),
        ("/app/customer/endpoint", {"url": "https://a.example.com"}),
        ("/event-type", {"name": "a.b", "description": "a"}),
        ("/operational-webhook/endpoint", {"url": "https://a.example.com"}),
    ):
        key = {"idempotency-key": f"key-{path}-{len(body)}"}
        first = await sending.got("POST", path, body, status=201, headers=key)
        again = await sending.got("POST", path, body, status=201, headers=key)
        assert again == first, path
    assert len((await sending.got("GET", "/app"))["data"]) == 3
    assert len((await sending.got("GET", "/app/customer/endpoint"))["data"]) == 1


async def test_another_body_under_the_same_key_is_refused_and_makes_nothing(sending: Sending) -> None:
    await sending.got("POST", "/app", {"name": "A"}, status=201, headers=KEY)
    error = await sending.refused(409, "POST", "/app", {"name": "B"}, headers=KEY)
    assert error["code"] == "idempotency_key_reused" and "Idempotency-Key" in error["detail"]
    assert [one["name"] for one in (await sending.got("GET", "/app"))["data"]] == ["A"]


async def test_a_key_is_remembered_for_a_day(sending: Sending) -> None:
    first = await sending.got("POST", "/app", {"name": "A"}, status=201, headers=KEY)
    sending.advance(24 * 3600 - 1)
    assert (await sending.got("POST", "/app", {"name": "A"}, status=201, headers=KEY))["id"] == first["id"]
    sending.advance(1)
    assert (await sending.got("POST", "/app", {"name": "B"}, status=201, headers=KEY))["id"] != first["id"]


async def test_a_key_counts_for_one_operation_of_one_owner(sending: Sending) -> None:
    one = await sending.got("POST", "/app", {"name": "A", "uid": "one"}, status=201, headers=KEY)
    body = {"url": "https://a.example.com"}
    made = {
        (await sending.got("POST", f"/app/{app}/endpoint", body, status=201, headers=KEY, token=token))["id"]
        for app, token in [
            ("one", None),
            (await sending.app("two"), None),
            (await sending.app("one", token=sending.token(OTHER_ORG)), sending.token(OTHER_ORG)),
        ]
    }
    assert len(made) == 3 and one["id"] not in made
    await sending.got("POST", "/event-type", {"name": "a", "description": "a"}, status=201, headers=KEY)


async def test_a_request_that_was_refused_may_come_again_under_its_key(sending: Sending) -> None:
    await sending.wrong("POST", "/app", {"name": ""}, headers=KEY)
    await sending.app("taken")
    await sending.refused(409, "POST", "/app", {"name": "A", "uid": "taken"}, headers=KEY)
    await sending.got("POST", "/app", {"name": "A", "uid": "free"}, status=201, headers=KEY)


async def test_without_a_key_every_request_counts(sending: Sending) -> None:
    for headers in ({}, {"Idempotency-Key": ""}):
        await sending.got("POST", "/app", {"name": "A"}, status=201, headers=headers)
    assert len((await sending.got("GET", "/app"))["data"]) == 2


async def test_a_strange_key_is_a_key(sending: Sending) -> None:
    for key in ("x" * 2000, "a b/ü".encode().decode("latin-1"), "'; --"):
        headers = {"Idempotency-Key": key.encode("latin-1")}
        first: Any = await sending.got("POST", "/app", {"name": "A"}, status=201, headers=headers)
        assert await sending.got("POST", "/app", {"name": "A"}, status=201, headers=headers) == first


async def test_what_a_key_made_and_was_deleted_since_is_not_made_again(sending: Sending) -> None:
    made = await sending.got("POST", "/app", {"name": "A"}, status=201, headers=KEY)
    await sending.got("DELETE", f"/app/{made['id']}", status=204)
    error = await sending.refused(409, "POST", "/app", {"name": "A"}, headers=KEY)
    assert "deleted" in error["detail"]


@given(st.text(max_size=30), st.text(max_size=30), st.binary(max_size=30))
def test_what_is_remembered_is_short_and_tells_operations_keys_and_bodies_apart(
    operation: str, key: str, body: bytes
) -> None:
    once = make_once("app_1", operation, key, body, 7)
    assert once.key.startswith("k:") and len(once.key) == 42 and once.expires_at_ms == 7 + REMEMBERED_MS
    assert make_once("app_1", operation, key, body + b"x", 7).body_hash != once.body_hash
    assert make_once("app_1", operation, key + "x", body, 7).key != once.key
    assert make_once("app_1", operation + "x", key, body, 7).key != once.key
