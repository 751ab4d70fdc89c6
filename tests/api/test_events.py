from __future__ import annotations

from base64 import b64decode

from .conftest import Json, World


async def ids(world: World, query: str = "") -> list[str]:
    return [one["id"] for one in (await world.got("GET", f"/api/v1/events{query}"))["data"]]


async def test_a_story_has_the_request_the_verdict_and_every_attempt(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([500])
    event = await world.event(b'{"n":1}', headers=[("X-Twice", "1"), ("X-Twice", "2")])
    await world.webhook(b'{"n":1}')  # a duplicate
    world.advance(3600)
    await world.receiver.wait_for(2)
    await world.server.dispatcher.quiet()

    story = await world.got("GET", f"/api/v1/events/{event}")

    assert (story["source"], story["type"], story["status"]) == ("github", "push", "processed")
    assert (story["verification"], story["duplicates"]) == ("verified", 1)
    assert story["request"]["body_text"] == '{"n":1}' and story["request"]["body_size_bytes"] == 7
    assert [line for line in story["request"]["headers"] if line[0] == "X-Twice"] == [
        ["X-Twice", "1"],
        ["X-Twice", "2"],
    ]
    (delivery,) = story["deliveries"]
    assert (delivery["endpoint"], delivery["state"], delivery["attempt_count"]) == ("build", "delivered", 2)
    assert delivery["next_try_at"] is None and delivery["finished_at"] == "2026-01-01T01:00:00.000Z"
    first, second = delivery["attempts"]
    assert (first["number"], first["status"], second["number"], second["status"]) == (1, 500, 2, 200)
    assert first["started_at"] == "2026-01-01T00:00:00.000Z" and first["address"] == "127.0.0.1"
    assert first["duration_ms"] > 0


async def test_the_shown_request_headers_are_those_that_were_sent(world: World) -> None:
    await world.source()
    await world.endpoint(headers={"X-Team": "build", "X-Api-Key": "not-a-real-key"})
    event = await world.event()
    story = await world.got("GET", f"/api/v1/events/{event}")
    shown = {name.lower(): value for name, value in story["deliveries"][0]["attempts"][0]["request_headers"]}
    sent = {name.decode().lower(): value.decode() for name, value in world.receiver.requests[0].headers}
    for added in ("host", "content-length"):  # by the sender, about the connection
        sent.pop(added)
    assert shown.keys() == sent.keys()
    struck_out = {name for name in shown if shown[name] == "[redacted]"}
    assert struck_out == {"webhook-signature", "x-hub-signature", "x-hub-signature-256", "x-api-key"}
    assert {n: v for n, v in shown.items() if n not in struck_out} == {
        n: v for n, v in sent.items() if n not in struck_out
    }


async def test_a_waiting_delivery_says_when_it_is_tried_next(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([503])
    story = await world.got("GET", f"/api/v1/events/{await world.event()}")
    assert story["status"] == "processing"
    assert story["deliveries"][0]["next_try_at"] == "2026-01-01T01:00:00.000Z"


async def test_a_body_that_is_no_text_is_shown_in_base64_and_had_whole_as_bytes(world: World) -> None:
    await world.source(content_types=["any"])
    raw = b"\xff\x00<script>alert(1)</script>"
    event = await world.event(raw)
    story = await world.got("GET", f"/api/v1/events/{event}")
    assert b64decode(story["request"]["body_base64"]) == raw and "body_text" not in story["request"]
    response = await world.ask("GET", f"/api/v1/events/{event}/body")
    assert response.content == raw
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]


async def test_an_event_that_waits_for_a_person_says_why(world: World) -> None:
    await world.source(event_types=["pull_request.*"])
    story = await world.got("GET", f"/api/v1/events/{await world.event()}")
    assert story["status"] == "needs_review" and story["review_reason"] == "unknown_type"


async def test_events_are_filtered_by_each_of_their_sides(world: World) -> None:
    await world.source()
    await world.source(name="second")
    await world.endpoint(events=["push"])
    first = await world.event(b'{"n":1}', id="d-1")
    world.advance(3600)
    second = await world.event(b'{"action":"opened"}', id="d-2", type="pull_request.opened", source="second")
    for query, found in (
        ("", [second, first]),
        ("?source=github", [first]),
        ("?source=second", [second]),
        ("?status=processed", [first]),
        ("?status=ignored", [second]),
        ("?status=failed", []),
        ("?type=push", [first]),
        ("?type=pull_request.*", [second]),
        ("?type=*", [second, first]),
        ("?provider_event_id=d-2", [second]),
        ("?since=30m", [second]),
        ("?until=30m", [first]),
        ("?since=2026-01-01T01:00:00Z", [second]),
        ("?since=2026-01-01T03:00:00+02:00", [second]),
        ("?until=1767229200", [first]),
        ("?since=1767225600000&until=1767225600001", [first]),
        ("?source=github&type=pull_request.*", []),
    ):
        assert await ids(world, query) == found, query


async def test_a_filter_that_cannot_be_is_refused_by_name(world: World) -> None:
    for query, field in (
        ("status=lost", "status"),
        ("since=yesterday", "since"),
        ("until=tomorrow", "until"),
        ("type=a*b", "type"),
        ("limit=0", "limit"),
        ("limit=251", "limit"),
        ("limit=many", "limit"),
        ("iterator=%00", "iterator"),
        ("stauts=failed", "stauts"),
    ):
        error = await world.refused(422, "GET", f"/api/v1/events?{query}")
        assert [each["field"] for each in error["problems"]] == [field]


async def test_a_filter_by_a_source_that_is_not_there_says_so(world: World) -> None:
    assert "githbu" in (await world.refused(404, "GET", "/api/v1/events?source=githbu"))["detail"]


async def test_the_events_of_a_deleted_source_are_still_found_by_its_id(world: World) -> None:
    source = await world.source()
    event = await world.event()
    await world.got("DELETE", "/api/v1/sources/github", status=204)
    found: Json = (await world.got("GET", f"/api/v1/events?source={source['id']}"))["data"][0]
    assert (found["id"], found["source"]) == (event, None)


async def test_an_event_is_sent_again(world: World) -> None:
    await world.source()
    await world.endpoint()
    await world.endpoint(name="audit")
    event = await world.event()
    path = f"/api/v1/events/{event}/replay"
    assert await world.got("POST", path, status=202) == {"event_id": event, "deliveries": 2}
    await world.receiver.wait_for(4)
    await world.server.dispatcher.quiet()
    assert (await world.got("POST", path, {"endpoint": "audit"}, status=202))["deliveries"] == 1
    await world.receiver.wait_for(5)
    assert world.receiver.requests[-1].path == "/audit"


async def test_an_event_is_not_sent_to_an_endpoint_that_is_not_there(world: World) -> None:
    await world.source()
    event = await world.event()
    await world.refused(404, "POST", f"/api/v1/events/{event}/replay", {"endpoint": "nobody"})


async def test_an_event_that_is_not_there_is_not_found(world: World) -> None:
    for method, path in (("GET", ""), ("GET", "/body"), ("POST", "/replay")):
        await world.refused(404, method, f"/api/v1/events/msg_{'0' * 32}{path}")
