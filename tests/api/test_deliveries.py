from __future__ import annotations

from hookline.testing.receiver import Answer

from .conftest import World


async def dead_delivery(world: World) -> str:
    """The id of a delivery that failed for good."""
    await world.source()
    await world.endpoint(retry={"schedule": []})
    world.receiver.script([500])
    event = await world.event()
    story = await world.got("GET", f"/api/v1/events/{event}")
    return str(story["deliveries"][0]["id"])


async def test_deliveries_are_listed_by_endpoint_and_by_state(world: World) -> None:
    await world.source()
    build = await world.endpoint()
    await world.endpoint(name="audit")
    world.receiver.script([500], path="/build")
    await world.event()
    for query, names in (
        ("", {"build", "audit"}),
        ("?endpoint=github/build", {"build"}),
        (f"?endpoint={build['id']}", {"build"}),
        ("?state=waiting", {"build"}),
        ("?state=delivered", {"audit"}),
        ("?state=dead", set()),
        ("?endpoint=github/audit&state=waiting", set()),
        ("?endpoint=ep_0", set()),
    ):
        found = (await world.got("GET", f"/api/v1/deliveries{query}"))["data"]
        assert {one["endpoint"] for one in found} == names, query


async def test_a_filter_by_what_is_no_endpoint_says_so(world: World) -> None:
    await world.source()
    await world.refused(422, "GET", "/api/v1/deliveries?endpoint=build")
    await world.refused(404, "GET", "/api/v1/deliveries?endpoint=github/build")
    await world.refused(404, "GET", "/api/v1/deliveries?endpoint=gitlab/build")
    assert (await world.refused(422, "GET", "/api/v1/deliveries?state=lost"))["problems"][0]["field"] == "state"


async def test_a_delivery_is_shown_with_its_attempts(world: World) -> None:
    delivery = await dead_delivery(world)
    shown = await world.got("GET", f"/api/v1/deliveries/{delivery}")
    assert (shown["state"], shown["reason"], shown["attempts"][0]["status"]) == ("dead", "exhausted", 500)


async def test_a_waiting_delivery_can_be_cancelled_once(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([500])
    story = await world.got("GET", f"/api/v1/events/{await world.event()}")
    path = f"/api/v1/deliveries/{story['deliveries'][0]['id']}/cancel"
    assert (await world.got("POST", path))["state"] == "cancelled"
    assert "cancelled delivery cannot cancel" in (await world.refused(409, "POST", path))["detail"]
    world.advance(7200)
    await world.server.dispatcher.quiet()
    assert len(world.receiver.requests) == 1


async def test_a_dead_delivery_is_sent_again(world: World) -> None:
    delivery = await dead_delivery(world)
    again = await world.got("POST", f"/api/v1/deliveries/{delivery}/replay", status=202)
    assert (again["id"], again["failures"]) == (delivery, 0)
    await world.receiver.wait_for(2)
    await world.server.dispatcher.quiet()
    shown = await world.got("GET", f"/api/v1/deliveries/{delivery}")
    assert (shown["state"], shown["attempt_count"]) == ("delivered", 2)


async def test_a_delivery_that_is_still_owed_is_not_sent_twice(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([500])
    story = await world.got("GET", f"/api/v1/events/{await world.event()}")
    await world.refused(409, "POST", f"/api/v1/deliveries/{story['deliveries'][0]['id']}/replay")


async def test_a_delivery_to_an_endpoint_that_was_deleted_is_not_sent_again(world: World) -> None:
    delivery = await dead_delivery(world)
    await world.got("DELETE", "/api/v1/sources/github/endpoints/build", status=204)
    error = await world.refused(409, "POST", f"/api/v1/deliveries/{delivery}/replay")
    assert "deleted" in error["detail"]
    shown = await world.got("GET", f"/api/v1/deliveries/{delivery}")
    assert shown["endpoint"] is None and shown["attempts"][0]["request_headers"] is None


async def test_the_response_of_an_endpoint_is_shown_without_its_cookies(world: World) -> None:
    await world.source()
    await world.endpoint(retry={"schedule": []})
    world.receiver.script(
        [Answer(500, headers=(("Set-Cookie", "a=not-a-real-cookie"), ("X-Why", "tired")), body=b"oh no")]
    )
    story = await world.got("GET", f"/api/v1/events/{await world.event()}")
    (attempt,) = story["deliveries"][0]["attempts"]
    assert attempt["response_body_text"] == "oh no"
    assert ["Set-Cookie", "[redacted]"] in attempt["response_headers"]
    assert ["X-Why", "tired"] in attempt["response_headers"]


async def test_a_delivery_that_is_not_there_is_not_found(world: World) -> None:
    for name in ("dlv_" + "0" * 48, "dlv_", "x", "msg_1"):
        for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/replay")):
            await world.refused(404, method, f"/api/v1/deliveries/{name}{path}")
