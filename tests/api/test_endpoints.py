from __future__ import annotations

from hookline.core.model import EndpointState

from .conftest import World

PATH = "/api/v1/sources/github/endpoints"
SIGNING_SECRET = "whsec_" + "bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ=="


async def test_a_created_endpoint_gets_every_event_accepted_after_the_answer(world: World) -> None:
    await world.source()
    await world.endpoint()
    await world.event(b'{"n":7}')
    assert [received.body for received in world.receiver.requests] == [b'{"n":7}']


async def test_an_endpoint_is_found_by_name_and_by_id(world: World) -> None:
    await world.source()
    created = await world.endpoint()
    assert await world.got("GET", f"{PATH}/build") == created
    assert await world.got("GET", f"{PATH}/{created['id']}") == created
    assert (await world.got("GET", PATH))["data"] == [created]
    await world.refused(409, "POST", PATH, {"name": "build", "url": "http://a.example.com"})


async def test_the_signing_secret_is_shown_at_its_own_address_and_nowhere_else(world: World) -> None:
    await world.source()
    created = await world.endpoint()
    assert created["secrets"] == ["(hidden)"]
    (secret,) = (await world.got("GET", f"{PATH}/build/secret"))["secrets"]
    assert secret.startswith("whsec_")
    await world.endpoint(name="own", secrets=[SIGNING_SECRET])
    assert (await world.got("GET", f"{PATH}/own/secret"))["secrets"] == [SIGNING_SECRET]


async def test_what_was_got_can_be_put_back_with_its_secrets_and_hidden_headers(world: World) -> None:
    await world.source()
    got = await world.endpoint(headers={"X-Api-Key": "not-a-real-key", "X-Team": "build"})
    assert got["headers"] == {"X-Api-Key": "(hidden)", "X-Team": "build"}
    before = await world.got("GET", f"{PATH}/build/secret")
    put = await world.got("PUT", f"{PATH}/build", {**got, "concurrency": 3})
    assert put == {**got, "concurrency": 3}
    assert await world.got("GET", f"{PATH}/build/secret") == before
    await world.event()
    assert world.receiver.requests[0].header("x-api-key") == "not-a-real-key"


async def test_a_hidden_header_that_is_not_stored_is_refused(world: World) -> None:
    await world.source()
    wanted = {"name": "build", "url": "http://a.example.com", "headers": {"X-Api-Key": "(hidden)"}}
    error = await world.refused(422, "POST", PATH, wanted)
    assert error["problems"][0]["field"] == "headers.X-Api-Key"


async def test_references_and_secrets_that_cannot_sign_are_refused(world: World) -> None:
    await world.source()
    for secret in ("env:HOME", "file:/etc/hostname", "not-base64", "whsec_c2hvcnQ="):
        wanted = {"name": "build", "url": "http://a.example.com", "secrets": [secret]}
        error = await world.refused(422, "POST", PATH, wanted)
        assert error["problems"][0]["field"] == "secrets[0]" and secret not in error["detail"]


async def test_a_paused_endpoint_gets_nothing_until_it_is_resumed(world: World) -> None:
    await world.source()
    await world.endpoint()
    assert (await world.got("POST", f"{PATH}/build/pause"))["state"] == "paused"
    event = await world.event()
    assert not world.receiver.requests
    assert (await world.got("GET", f"/api/v1/events/{event}"))["status"] == "pending"
    resumed = await world.got("POST", f"{PATH}/build/resume")
    assert (resumed["state"], resumed["state_reason"]) == ("active", None)
    await world.receiver.wait_for(1)


async def test_an_endpoint_that_said_gone_can_be_resumed(world: World) -> None:
    await world.source()
    await world.endpoint()
    world.receiver.script([410])
    await world.event()
    gone = await world.got("GET", f"{PATH}/build")
    assert gone["state"] == "disabled" and "410" in gone["state_reason"]
    assert (await world.got("POST", f"{PATH}/build/resume"))["state"] == "active"
    await world.event(b'{"n":2}', id="d-2")
    assert world.receiver.requests[-1].body == b'{"n":2}'


async def test_an_endpoint_that_kept_failing_is_sent_to_at_once_after_it_was_resumed(world: World) -> None:
    await world.source()
    await world.endpoint(pause_after_failures=1)
    world.receiver.script([500])
    await world.event()
    assert (await world.got("GET", f"{PATH}/build"))["state"] == EndpointState.FAILING
    assert (await world.got("POST", f"{PATH}/build/resume"))["state"] == "active"
    await world.event(b'{"n":2}', id="d-2")
    assert world.receiver.requests[-1].body == b'{"n":2}'


async def test_an_endpoint_that_its_configuration_disables_cannot_be_resumed(world: World) -> None:
    await world.source()
    created = await world.endpoint(enabled=False)
    assert created["state"] == "disabled"
    error = await world.refused(409, "POST", f"{PATH}/build/resume")
    assert "enabled: true" in error["detail"]


async def test_a_deleted_endpoint_gets_nothing_more(world: World) -> None:
    await world.source()
    await world.endpoint()
    await world.got("DELETE", f"{PATH}/build", status=204)
    await world.event()
    assert not world.receiver.requests
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("GET", "/secret")):
        await world.refused(404, method, f"{PATH}/build{path}")


async def test_an_endpoint_cannot_be_renamed(world: World) -> None:
    await world.source()
    got = await world.endpoint()
    error = await world.refused(422, "PUT", f"{PATH}/build", {**got, "name": "other"})
    assert error["problems"][0]["field"] == "name"
