"""Diagnoses of rejections and of captured requests."""

from __future__ import annotations

from base64 import b64encode

import pytest

from hookline.core.providers import registry
from hookline.core.providers.sign import sign

from .conftest import OTHER_ORG, SOURCE_SECRET, Json, World

WRONG = "a-wrong-not-real-secret-0123456789"
PATH = "/api/v1/sources/github/diagnosis"


def captured(world: World, body: bytes = b'{"n":1}', **more: object) -> Json:
    lines = sign(
        registry.get("github"),
        body=b'{"n":1}',
        secret=SOURCE_SECRET,
        now_s=world.clock.now_ms() / 1000,
        event_id="d-1",
        event_type="push",
    )
    headers = [[name.decode(), value.decode()] for name, value in lines]
    return {"method": "POST", "url": "/webhooks/github", "headers": headers, "body": body.decode(), **more}


def codes(told: Json) -> list[str]:
    return [one["code"] for one in told["diagnoses"]]


async def test_a_rejection_is_diagnosed_with_the_secrets_of_all_sources(world: World) -> None:
    await world.source()
    assert (await world.webhook(secret=WRONG)).status_code == 401
    (kept,) = (await world.got("GET", "/api/v1/rejections"))["data"]
    path = f"/api/v1/rejections/{kept['id']}/diagnosis"
    told = await world.got("GET", path)
    assert told["accepted"] is False and codes(told) == ["wrong_secret", "body_changed"]
    await world.source("twin", secrets=[WRONG])
    told = await world.got("GET", path)
    assert codes(told) == ["secret_of_other_source"] and told["diagnoses"][0]["certain"] is True
    assert "`twin`" in told["diagnoses"][0]["problem"]
    assert not any(secret in answer.text for secret in (WRONG, SOURCE_SECRET) for answer in world.answers)


async def test_the_secrets_of_another_organisation_are_not_asked(world: World) -> None:
    await world.source()
    await world.got(
        "POST", "/api/v1/sources", {"name": "x", "provider": "github", "secrets": [WRONG]}, status=201, org=OTHER_ORG
    )
    await world.webhook(secret=WRONG)
    (kept,) = (await world.got("GET", "/api/v1/rejections"))["data"]
    path = f"/api/v1/rejections/{kept['id']}/diagnosis"
    assert codes(await world.got("GET", path))[0] == "wrong_secret"
    await world.refused(404, "GET", path, org=OTHER_ORG)
    await world.refused(404, "GET", "/api/v1/rejections/rej_0/diagnosis")


async def test_a_captured_request_is_examined_as_if_it_had_come(world: World) -> None:
    await world.source()
    told = await world.got("POST", PATH, captured(world))
    assert (told["accepted"], codes(told)) == (True, ["accepted"])
    told = await world.got("POST", PATH, captured(world, b'{"n": 1}'))
    assert (told["accepted"], codes(told)) == (False, ["body_json_rewritten"])
    compressed = b64encode(b'\xef\xbb\xbf{"n":1}').decode()
    assert codes(await world.got("POST", PATH, captured(world, b"", body_base64=compressed))) == ["body_charset"]
    assert (
        (await world.got("GET", "/api/v1/events"))["data"]
        == (await world.got("GET", "/api/v1/rejections"))["data"]
        == []
    )


async def test_a_captured_request_is_judged_by_the_time_it_came(world: World) -> None:
    await world.source("pay", provider="stripe")
    now_s = world.clock.now_ms() / 1000
    lines = sign(registry.get("stripe"), body=b"{}", secret=SOURCE_SECRET, now_s=now_s, event_id="", event_type="")
    body = {"headers": [[name.decode(), value.decode()] for name, value in lines], "body": "{}"}
    world.advance(3_600)
    path = "/api/v1/sources/pay/diagnosis"
    assert codes(await world.got("POST", path, body)) == ["stale_timestamp"]
    assert codes(await world.got("POST", path, {**body, "at": now_s})) == ["accepted"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"method": "P T"}, "method"),
        ({"headers": [["only a name"]]}, "headers[0]"),
        ({"headers": [["a", "b"]] * 201}, "headers"),
        ({"body_base64": "?"}, "body_base64"),
        ({"body": "a", "body_base64": "YQ=="}, "body_base64"),
        ({"at": "soon"}, "at"),
        ({"url": "http://["}, "url"),
        ({"bodi": ""}, "bodi"),
    ],
)
async def test_what_cannot_be_used_is_named(world: World, wrong: Json, field: str) -> None:
    await world.source()
    error = await world.refused(422, "POST", PATH, wrong)
    assert [problem["field"] for problem in error["problems"]] == [field]


async def test_a_source_that_is_not_there_is_not_found(world: World) -> None:
    await world.refused(404, "POST", PATH, captured(world))
    await world.source()
    await world.refused(404, "POST", PATH, captured(world), org=OTHER_ORG)
