from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from hookline.core.model import EndpointState
from tests.delivery.test_challenge import echoing

from .conftest import OTHER_ORG, Json, Sending

URL = "https://shop.example.com/hooks"
PATH = "/app/customer/endpoint"


async def test_an_endpoint_is_found_by_its_id_and_by_its_uid(sending: Sending) -> None:
    app_id = await sending.app()
    await sending.event_type("invoice.paid")
    wanted = {
        "url": URL,
        "uid": "hooks",
        "description": "for orders",
        "throttleRate": 7,
        "eventTypes": ["invoice.paid"],
        "channels": ["eu"],
        "metadata": {"a": "b"},
        "disabled": True,
    }
    created = await sending.got("POST", PATH, wanted, status=201)
    assert created["id"].startswith("ep_") and created.items() >= wanted.items()
    assert created["filterTypes"] == ["invoice.paid"] and created["rateLimit"] == 7 and created["version"] == 1
    assert "secret" not in created and "headers" not in created
    for app in (app_id, "customer"):
        for name in (created["id"], "hooks"):
            assert await sending.got("GET", f"/app/{app}/endpoint/{name}") == created


async def test_a_url_is_all_that_is_needed(sending: Sending) -> None:
    await sending.app()
    created = await sending.got("POST", PATH, {"url": URL}, status=201)
    assert created.items() >= {"uid": None, "description": "", "disabled": False, "metadata": {}}.items()
    assert created["eventTypes"] is created["channels"] is created["throttleRate"] is None
    assert (created["state"], created["stateReason"], created["fifo"]) == ("active", None, False)
    assert created["retrySchedule"][:2] == [5, 300] and created["timeoutSeconds"] == 15


async def test_fields_of_hooklines_own_are_kept_and_a_put_without_them_leaves_them(sending: Sending) -> None:
    await sending.app()
    own = {"concurrency": 3, "fifo": True, "retrySchedule": [1, 2.5], "timeoutSeconds": 4, "disableAfter": "2d"}
    created = await sending.got("POST", PATH, {"url": URL, "uid": "a", **own}, status=201)
    assert created.items() >= own.items()
    replaced = await sending.got("PUT", f"{PATH}/a", {"url": URL})
    assert replaced.items() >= own.items()
    usual = {"concurrency": None, "fifo": False, "retrySchedule": None, "timeoutSeconds": None, "disableAfter": None}
    reset = await sending.got("PATCH", f"{PATH}/a", usual)
    assert reset.items() >= {"concurrency": 10, "fifo": False, "timeoutSeconds": 15, "disableAfter": None}.items()
    assert len(reset["retrySchedule"]) == 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://shop.example.com"),
        ("url", "no address"),
        ("url", "https://shop.example.com/#part"),
        ("url", "https://" + "x" * 2048),
        ("url", ""),
        ("url", None),
        ("uid", "ep_mine"),
        ("uid", "a b"),
        ("throttleRate", 0),
        ("throttleRate", "7"),
        ("channels", []),
        ("channels", ["c"] * 5 + [f"c{n}" for n in range(6)]),
        ("eventTypes", []),
        ("eventTypes", "invoice.paid"),
        ("metadata", {"a": "x" * 4096}),
        ("description", "x" * 1001),
        ("disabled", "false"),
        ("secret", "short"),
        ("concurrency", 0),
        ("concurrency", 1001),
        ("fifo", 1),
        ("timeoutSeconds", 301),
        ("timeoutSeconds", 0),
        ("retrySchedule", [5] * 101),
        ("disableAfter", "soon"),
    ],
)
async def test_a_value_that_cannot_be_used_is_refused_by_its_place(sending: Sending, field: str, value: Any) -> None:
    await sending.app()
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/a")):
        if (method, field) != ("PUT", "secret"):
            assert set(await sending.wrong(method, path, {"url": URL, field: value})) == {f"body.{field}"}
    await sending.got("POST", PATH, {"url": URL, "uid": "known"}, status=201)
    if field != "secret":
        assert set(await sending.wrong("PATCH", f"{PATH}/known", {field: value})) == {f"body.{field}"}
    assert len((await sending.got("GET", PATH))["data"]) == 1


async def test_a_wait_in_the_schedule_and_a_channel_are_refused_at_their_place(sending: Sending) -> None:
    await sending.app()
    body = {"url": URL, "retrySchedule": [5, 2_592_001]}
    assert set(await sending.wrong("POST", PATH, body)) == {"body.retrySchedule.1"}
    assert set(await sending.wrong("POST", PATH, {"url": URL, "channels": ["a", "b c"]})) == {"body.channels.1"}


async def test_event_types_have_to_be_there_and_not_archived(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("a.one")
    await sending.event_type("a.old")
    await sending.got("DELETE", "/event-type/a.old", status=204)
    for types, missing in ((["a.one", "a.two"], "a.two"), (["a.old"], "a.old"), (["a.*"], "a.*"), (["*"], "*")):
        told = await sending.wrong("POST", PATH, {"url": URL, "eventTypes": types})
        assert [place.rpartition(".")[0] for place in told] in (["body"], ["body.eventTypes"])
        assert missing in str(told) or "letters" in str(told)
    await sending.event_type("a.theirs", token=None)
    other = sending.token(OTHER_ORG)
    await sending.app(token=other)
    told = await sending.wrong("POST", PATH, {"url": URL, "eventTypes": ["a.one"]}, token=other)
    assert set(told) == {"body.eventTypes"}


async def test_a_type_that_was_archived_since_may_stay_but_not_come_anew(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("a.one")
    await sending.event_type("a.two")
    await sending.endpoint(uid="a", eventTypes=["a.one"])
    await sending.got("DELETE", "/event-type/a.one", status=204)
    kept = await sending.got("PATCH", f"{PATH}/a", {"eventTypes": ["a.one", "a.two"]})
    assert kept["eventTypes"] == ["a.one", "a.two"]
    await sending.got("PUT", f"{PATH}/a", {"url": URL, "eventTypes": ["a.one"]})
    await sending.got("PATCH", f"{PATH}/a", {"eventTypes": None})
    assert set(await sending.wrong("PATCH", f"{PATH}/a", {"eventTypes": ["a.one"]})) == {"body.eventTypes"}


async def test_the_older_name_of_event_types_is_read_and_written_and_twice_the_same_is_once(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("a.one")
    created = await sending.endpoint(uid="a", filterTypes=["a.one", "a.one"], channels=["c", "c"])
    assert created["eventTypes"] == created["filterTypes"] == ["a.one"] and created["channels"] == ["c"]
    assert (await sending.got("PATCH", f"{PATH}/a", {"filterTypes": None}))["eventTypes"] is None


async def test_the_longest_name_of_an_event_type_can_be_subscribed_to(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("x" * 256)
    assert (await sending.endpoint(eventTypes=["x" * 256]))["eventTypes"] == ["x" * 256]


async def test_a_uid_is_taken_only_within_its_application(sending: Sending) -> None:
    await sending.app("one")
    await sending.app("two")
    first = await sending.endpoint("one", uid="hooks")
    second = await sending.endpoint("two", uid="hooks")
    assert first["id"] != second["id"]
    await sending.refused(409, "POST", "/app/one/endpoint", {"url": URL, "uid": "hooks"})
    await sending.refused(404, "GET", f"/app/one/endpoint/{second['id']}")
    await sending.endpoint("one", uid="more")
    await sending.refused(409, "PATCH", "/app/one/endpoint/more", {"uid": "hooks"})


async def test_a_put_by_uid_creates_and_then_replaces_but_for_secret_and_headers(sending: Sending) -> None:
    await sending.app()
    created = await sending.got("PUT", f"{PATH}/new", {"url": URL, "throttleRate": 3, "channels": ["a"]}, status=201)
    assert created["uid"] == "new"
    secret = await sending.got("GET", f"{PATH}/new/secret")
    await sending.got("PUT", f"{PATH}/new/headers", {"headers": {"X-Team": "a"}}, status=204)
    replaced = await sending.got("PUT", f"{PATH}/new", {"url": f"{URL}/2"})
    assert (replaced["id"], replaced["uid"], replaced["url"]) == (created["id"], "new", f"{URL}/2")
    assert replaced["throttleRate"] is replaced["channels"] is None
    assert await sending.got("GET", f"{PATH}/new/secret") == secret
    assert (await sending.got("GET", f"{PATH}/new/headers"))["headers"] == {"X-Team": "a"}
    assert (await sending.got("PUT", f"{PATH}/{created['id']}", {"url": URL}))["uid"] is None
    await sending.refused(404, "PUT", f"{PATH}/ep_{'0' * 32}", {"url": URL})
    assert "path.endpoint_id" in await sending.wrong("PUT", f"{PATH}/a%20b", {"url": URL})


async def test_a_patch_changes_what_it_names_and_null_takes_away(sending: Sending) -> None:
    await sending.app()
    fields: Json = {"channels": ["eu"], "throttleRate": 3, "metadata": {"a": "b"}, "description": "for orders"}
    created = await sending.endpoint(uid="a", **fields)
    sending.advance(1)
    patched = await sending.got("PATCH", f"{PATH}/a", {"disabled": True})
    assert patched["disabled"] is True and patched["state"] == "disabled" and patched["stateReason"]
    assert patched.items() >= {**fields, "uid": "a", "url": created["url"]}.items()
    assert patched["updatedAt"] > created["updatedAt"] == created["createdAt"]
    cleared = await sending.got("PATCH", f"{PATH}/a", {"uid": None, "channels": None, "throttleRate": None})
    assert (cleared["uid"], cleared["channels"], cleared["throttleRate"]) == (None, None, None)
    assert cleared["disabled"] is True
    path = f"{PATH}/{created['id']}"
    assert (await sending.got("PATCH", path, {"disabled": False}))["state"] == "active"
    for field in ("url", "metadata", "disabled"):
        assert set(await sending.wrong("PATCH", path, {field: None})) == {f"body.{field}"}
    assert (await sending.got("PATCH", path, {"description": None}))["description"] == ""
    await sending.refused(404, "PATCH", f"{PATH}/a", {})


async def test_a_deleted_endpoint_is_gone_and_its_uid_is_free(sending: Sending) -> None:
    await sending.app()
    created = await sending.endpoint(uid="a")
    await sending.got("DELETE", f"{PATH}/a", status=204)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/secret"), ("GET", "/headers")):
        await sending.refused(404, method, f"{PATH}/{created['id']}{path}")
    assert (await sending.endpoint(uid="a"))["id"] != created["id"]


async def test_endpoints_are_listed_newest_first_or_as_asked(sending: Sending) -> None:
    await sending.app()
    await sending.app("other")
    await sending.endpoint("other")
    ids = [(await sending.endpoint(disabled=n == 1))["id"] for n in range(3)]
    assert [one["id"] for one in (await sending.got("GET", PATH))["data"]] == ids[::-1]
    assert [one["id"] for one in (await sending.got("GET", f"{PATH}?order=ascending"))["data"]] == ids


async def test_an_endpoint_that_said_gone_is_disabled_until_somebody_enables_it(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    for method, body in (("PATCH", {"disabled": False}), ("PUT", {"url": f"{sending.receiver.url}/hook"})):
        sending.receiver.script([410])
        await sending.publish()
        gone = await sending.got("GET", f"{PATH}/a")
        assert gone["disabled"] is True and gone["state"] == EndpointState.DISABLED and "410" in gone["stateReason"]
        still = await sending.got("PATCH", f"{PATH}/a", {"description": "changed"})
        assert still["disabled"] is True
        awake = await sending.got(method, f"{PATH}/a", body)
        assert (awake["disabled"], awake["state"], awake["stateReason"]) == (False, "active", None)
    await sending.publish(payload={"n": 2})
    assert sending.receiver.requests[-1].json() == {"n": 2}


async def test_a_user_name_and_password_in_the_url_become_a_header_that_is_not_shown(sending: Sending) -> None:
    await sending.app()
    host = sending.receiver.url.removeprefix("http://")
    created = await sending.got(
        "POST", PATH, {"url": f"http://shop%40example:not-real-pass@{host}/hook", "uid": "a"}, status=201
    )
    assert created["url"] == f"http://{host}/hook"
    assert await sending.got("GET", f"{PATH}/a/headers") == {"headers": {}, "sensitive": ["Authorization"]}
    await sending.publish()
    basic = "Basic c2hvcEBleGFtcGxlOm5vdC1yZWFsLXBhc3M="
    assert sending.receiver.requests[0].header("authorization") == basic
    await sending.got("PATCH", f"{PATH}/a", {"url": f"http://other@{host}/hook"})
    await sending.publish()
    assert sending.receiver.requests[1].header("authorization") == "Basic b3RoZXI6"
    everything = "".join(answer.text for answer in sending.world.answers)
    assert "not-real-pass" not in everything and basic not in everything
    long = "not-real-pass" * 160
    for bad in (
        f"http://u:{long}@a.example.com",
        "http://u:not-real-pass@a b",
        "http://u:not-real-pass@a.example.com/#x",
    ):
        assert "not-real-pass" not in str(await sending.wrong("POST", PATH, {"url": bad}))


async def test_every_message_that_is_accepted_after_the_answer_goes_to_a_new_endpoint(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("a.one")
    await sending.endpoint(path="/all")
    await sending.endpoint(path="/some", eventTypes=["a.one"], channels=["eu"])
    await sending.endpoint(path="/never", disabled=True)
    await sending.publish(type="a.one", channels=["eu"])
    await sending.publish(type="a.one", channels=["us"])
    await sending.publish(type="a.two", channels=["eu"])
    paths = sorted(request.path for request in sending.receiver.requests)
    assert paths == ["/all", "/all", "/all", "/some"]


async def test_an_endpoint_of_another_organisation_is_not_found(sending: Sending) -> None:
    app_id = await sending.app()
    endpoint = await sending.endpoint(uid="a")
    other = sending.token(OTHER_ORG)
    await sending.app("customer", token=other)
    for app in (app_id, "customer"):
        for name in ("a", endpoint["id"]):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {}),
                ("DELETE", "", None),
                ("GET", "/secret", None),
                ("POST", "/secret/rotate", {}),
                ("GET", "/headers", None),
                ("PUT", "/headers", {"headers": {}}),
            ):
                await sending.refused(404, method, f"/app/{app}/endpoint/{name}{path}", body, token=other)
    assert await sending.got("GET", f"{PATH}/a") == endpoint


# -- who controls an endpoint --------------------------------------------------------------------------


async def test_a_receiver_has_to_echo_a_challenge_where_its_application_asks_for_that(sending: Sending) -> None:
    await sending.app(fields={"challengeEndpoints": True})
    error = await sending.refused(422, "POST", PATH, {"url": f"{sending.receiver.url}/hook"})
    assert error["code"] == "challenge_failed"
    (asked,) = sending.receiver.requests
    assert asked.json()["type"] == "endpoint.challenge" and asked.header("webhook-signature")
    assert (await sending.got("GET", PATH))["data"] == []
    await sending.got("PATCH", "/app/customer", {"challengeEndpoints": False})
    await sending.endpoint(uid="a")
    await sending.got("PATCH", "/app/customer", {"challengeEndpoints": True})
    await sending.got("PATCH", f"{PATH}/a", {"description": "the same place"})
    await sending.got("PUT", f"{PATH}/a", {"url": f"{sending.receiver.url}/hook"})
    assert len(sending.receiver.requests) == 1
    for method in ("PATCH", "PUT"):
        error = await sending.refused(422, method, f"{PATH}/a", {"url": f"{sending.receiver.url}/other"})
        assert error["code"] == "challenge_failed"
    assert (await sending.got("GET", f"{PATH}/a"))["url"] == f"{sending.receiver.url}/hook"
    error = await sending.refused(422, "PUT", f"{PATH}/new", {"url": f"{sending.receiver.url}/other"})
    assert error["code"] == "challenge_failed"


async def test_a_receiver_that_echoes_is_accepted_with_the_secret_it_was_asked_with(sending: Sending) -> None:
    await sending.app(fields={"challengeEndpoints": True})
    secret = "whsec_" + b64encode(b"not-a-real-secret-of-anybody").decode()
    async with echoing(lambda word: word.encode()) as echo:
        created = await sending.got("POST", PATH, {"url": echo.url, "uid": "a", "secret": secret}, status=201)
        moment = datetime.fromtimestamp(int(echo.headers["webhook-timestamp"]), UTC)
        signed = Webhook(secret).sign(echo.headers["webhook-id"], moment, echo.body.decode())
        assert echo.headers["webhook-signature"] == signed
        put = await sending.got("PUT", f"{PATH}/new", {"url": echo.url}, status=201)
        moved = await sending.got("PATCH", f"{PATH}/a", {"url": f"{echo.url}/moved"})
    assert (created["url"], put["url"], moved["url"]) == (echo.url, echo.url, f"{echo.url}/moved")
    assert await sending.got("GET", f"{PATH}/a/secret") == {"key": secret}


async def test_nobody_is_challenged_for_an_endpoint_that_is_not_there(sending: Sending) -> None:
    await sending.app(fields={"challengeEndpoints": True})
    body = {"url": f"{sending.receiver.url}/hook"}
    await sending.refused(404, "PUT", f"{PATH}/ep_{'0' * 32}", body)
    await sending.refused(404, "PATCH", f"{PATH}/nobody", body)
    assert sending.receiver.requests == []
