from __future__ import annotations

from .conftest import SOURCE_SECRET, Json, World

WRONG = "a-wrong-not-real-secret-0123456789"


async def rejected(world: World) -> Json:
    await world.source()
    assert (await world.webhook(secret=WRONG, headers=[("Authorization", "Basic bm90LXJlYWw=")])).status_code == 401
    (found,) = (await world.got("GET", "/api/v1/rejections"))["data"]
    assert isinstance(found, dict)
    return found


async def test_a_refused_request_is_kept_with_its_cause_and_what_came(world: World) -> None:
    found = await rejected(world)
    assert (found["source"], found["cause"], found["status"]) == ("github", "bad_signature", 401)
    assert found["acceptable"] is True and found["event_id"] is None
    shown = await world.got("GET", f"/api/v1/rejections/{found['id']}")
    assert shown["request"]["body_text"] == '{"n":1}'
    headers = dict(shown["request"]["headers"])
    assert headers["Authorization"] == headers["x-hub-signature-256"] == "[redacted]"


async def test_rejections_are_filtered_by_source_and_cause(world: World) -> None:
    source = await world.source()
    await world.webhook(secret=WRONG)
    world.advance(1)
    await world.webhook(source="nobody")
    for query, causes in (
        ("", ["unknown_source", "bad_signature"]),
        ("?source=github", ["bad_signature"]),
        (f"?source={source['id']}", ["bad_signature"]),
        ("?source=nobody", ["unknown_source"]),
        ("?cause=unknown_source", ["unknown_source"]),
        ("?cause=stale_timestamp", []),
    ):
        found = (await world.got("GET", f"/api/v1/rejections{query}"))["data"]
        assert [one["cause"] for one in found] == causes, query


async def test_a_refused_request_becomes_an_event_after_the_source_was_mended(world: World) -> None:
    found = await rejected(world)
    path = f"/api/v1/rejections/{found['id']}"
    still = await world.refused(409, "POST", f"{path}/accept")
    assert still["code"] == "bad_signature"
    mended = {"name": "github", "provider": "github", "secrets": [SOURCE_SECRET, WRONG]}
    await world.got("PUT", "/api/v1/sources/github", mended)
    receipt = await world.got("POST", f"{path}/accept")
    assert receipt["duplicate"] is False
    shown = await world.got("GET", path)
    assert (shown["event_id"], shown["acceptable"]) == (receipt["event_id"], False)
    assert (await world.got("GET", f"/api/v1/events/{receipt['event_id']}"))["source"] == "github"


async def test_accepting_twice_makes_one_event(world: World) -> None:
    found = await rejected(world)
    await world.got("PUT", "/api/v1/sources/github", {"name": "github", "provider": "github", "secrets": [WRONG]})
    first = await world.got("POST", f"/api/v1/rejections/{found['id']}/accept")
    second = await world.got("POST", f"/api/v1/rejections/{found['id']}/accept")
    assert second["event_id"] == first["event_id"] and second["duplicate"] is True


async def test_a_request_whose_body_was_not_kept_cannot_be_accepted(world: World) -> None:
    await world.webhook(b"{" + b" " * 300_000 + b"}", source="nobody")  # larger than what is kept of a stranger's
    (found,) = (await world.got("GET", "/api/v1/rejections"))["data"]
    assert found["acceptable"] is False
    await world.refused(409, "POST", f"/api/v1/rejections/{found['id']}/accept")


async def test_a_rejection_that_is_not_there_is_not_found(world: World) -> None:
    await world.refused(404, "GET", "/api/v1/rejections/rej_0")
    await world.refused(404, "POST", "/api/v1/rejections/rej_0/accept")
