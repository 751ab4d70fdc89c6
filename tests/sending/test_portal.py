"""Tokens for customers: one application, for a while, and no more than they were made for."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from hookline.api.sending.access import Capability

from .conftest import OTHER_ORG, Json, Sending, sending_in

ACCESS = "/auth/app-portal-access/customer"
ENDPOINT = "/app/customer/endpoint"
URL = {"url": "https://shop.example.com/hooks"}


def key_in(url: str) -> dict[str, str]:
    encoded = url.partition("#key=")[2]
    found = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    assert isinstance(found, dict)
    return found


async def test_a_customers_token_is_good_for_its_application(sending: Sending) -> None:
    app_id = await sending.app()
    given = await sending.got("POST", ACCESS, {})
    token = given["token"]
    assert (await sending.got("GET", f"/app/{app_id}", token=token))["uid"] == "customer"
    made = await sending.got("POST", ENDPOINT, {**URL, "uid": "a"}, status=201, token=token)
    await sending.got("PATCH", f"{ENDPOINT}/a", {"description": "b"}, token=token)
    await sending.got("POST", f"{ENDPOINT}/a/secret/rotate", {}, token=token)
    await sending.got("PUT", f"{ENDPOINT}/a/headers", {"headers": {"X-A": "1"}}, status=204, token=token)
    assert [one["id"] for one in (await sending.got("GET", ENDPOINT, token=token))["data"]] == [made["id"]]
    await sending.got("DELETE", f"{ENDPOINT}/a", status=204, token=token)


async def test_the_address_for_people_has_the_key_where_no_server_sees_it(sending: Sending) -> None:
    app_id = await sending.app()
    given = await sending.got("POST", ACCESS, {})
    assert given["url"].startswith(f"{sending.url.rstrip('/')}/portal/login#key=")
    assert key_in(given["url"]) == {"appId": app_id, "token": given["token"]}


async def test_the_address_is_the_public_one_where_that_is_known(tmp_path: Path) -> None:
    async with sending_in(tmp_path, public_url="https://hooks.example.com") as sending:
        await sending.app()
        url = (await sending.got("POST", ACCESS, {}))["url"]
    assert url.startswith("https://hooks.example.com/portal/login#key=")


async def test_the_address_is_secure_when_a_trusted_proxy_says_so(tmp_path: Path) -> None:
    proxied = {"X-Forwarded-Proto": "https"}
    for trusted, scheme in ((("127.0.0.1/32",), "https"), ((), "http")):
        folder = tmp_path / scheme
        folder.mkdir()
        async with sending_in(folder, trusted_proxies=trusted) as sending:
            await sending.app()
            url = (await sending.got("POST", ACCESS, {}, headers=proxied))["url"]
        assert url.startswith(f"{scheme}://127.0.0.1")


async def test_a_customers_token_may_not_do_what_is_the_organisations(sending: Sending) -> None:
    await sending.app()
    token = await sending.portal()
    for method, path, body in (
        ("GET", "/app", None),
        ("POST", "/app", {"name": "A"}),
        ("PUT", "/app/customer", {"name": "A"}),
        ("PATCH", "/app/customer", {"name": "A"}),
        ("DELETE", "/app/customer", None),
        ("POST", ACCESS, {}),
        ("POST", "/auth/dashboard-access/customer", None),
        ("GET", "/operational-webhook/endpoint", None),
        ("POST", "/operational-webhook/endpoint", URL),
        ("POST", "/app/customer/msg", {"eventType": "a", "payload": {}}),
        ("GET", "/sources", None),
        ("GET", "/events", None),
        ("POST", "/replays", {"since": "1d"}),
    ):
        error = await sending.refused(403, method, path, body, token=token)
        assert error["code"] == "insufficient_access", path


async def test_a_customers_token_finds_no_other_application(sending: Sending) -> None:
    await sending.app()
    other = await sending.app("other")
    endpoint = await sending.endpoint("other", uid="a")
    token = await sending.portal()
    for app in ("other", other, "nobody"):
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/endpoint", None),
            ("POST", "/endpoint", URL),
            ("GET", f"/endpoint/{endpoint['id']}", None),
            ("GET", "/endpoint/a/secret", None),
            ("DELETE", "/endpoint/a", None),
        ):
            await sending.refused(404, method, f"/app/{app}{path}", body, token=token)
    assert await sending.got("GET", "/app/other/endpoint/a") == endpoint


async def test_a_token_of_another_organisation_makes_none_for_this_application(sending: Sending) -> None:
    app_id = await sending.app()
    for app in (app_id, "customer"):
        path = f"/auth/app-portal-access/{app}"
        await sending.refused(404, "POST", path, {}, token=sending.token(OTHER_ORG))


async def test_a_token_lasts_a_week_or_as_long_as_was_said(sending: Sending) -> None:
    await sending.app()
    usual, short = await sending.portal(), await sending.portal(expiry=3600)
    sending.advance(3599)
    await sending.got("GET", ENDPOINT, token=short)
    sending.advance(1)
    assert "expired" in (await sending.refused(401, "GET", ENDPOINT, token=short))["detail"]
    sending.advance(7 * 86_400 - 3601)
    await sending.got("GET", ENDPOINT, token=usual)
    sending.advance(1)
    assert "expired" in (await sending.refused(401, "GET", ENDPOINT, token=usual))["detail"]
    for expiry in (3599, 604_801, "3600", 0):
        assert set(await sending.wrong("POST", ACCESS, {"expiry": expiry})) == {"body.expiry"}


async def test_a_token_ends_with_its_application(sending: Sending) -> None:
    await sending.app()
    token = await sending.portal()
    await sending.got("DELETE", "/app/customer", status=204)
    await sending.app()
    for path in (ENDPOINT, "/event-type"):
        assert "deleted" in (await sending.refused(401, "GET", path, token=token))["detail"]


async def test_an_application_that_is_new_is_made_with_the_uid_in_the_path(sending: Sending) -> None:
    await sending.refused(404, "POST", ACCESS, {})
    for application, place in (
        ({"name": "A"}, "body.application.uid"),
        ({"name": "A", "uid": "other"}, "body.application.uid"),
        ({"uid": "customer"}, "body.application.name"),
    ):
        assert set(await sending.wrong("POST", ACCESS, {"application": application})) == {place}
    wanted = {"name": "A", "uid": "customer", "metadata": {"a": "b"}}
    token = await sending.portal(application=wanted)
    assert (await sending.got("GET", "/app/customer", token=token))["metadata"] == {"a": "b"}
    await sending.portal(application={**wanted, "name": "Ignored"})
    assert (await sending.got("GET", "/app/customer"))["name"] == "A"


# -- capabilities ---------------------------------------------------------------------------------------

Step = tuple[str, str, Json | None, int]

READS: Step = ("GET", "", None, 200)
READS_SECRET: Step = ("GET", "/a/secret", None, 200)
ROTATES: Step = ("POST", "/a/secret/rotate", {}, 200)
CHANGES: Step = ("PATCH", "/a", {"description": "b"}, 200)
CREATES: Step = ("POST", "", URL, 201)
SETS_HEADERS: Step = ("PUT", "/a/headers", {"headers": {}}, 204)
ALL = (READS, READS_SECRET, ROTATES, CHANGES, CREATES, SETS_HEADERS)


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        ({}, ALL),
        ({"capabilities": None}, ALL),
        ({"capabilities": list(Capability)}, ALL),
        ({"capabilities": []}, ()),
        ({"capabilities": ["ViewBase"]}, (READS,)),
        ({"capabilities": ["ViewBase", "ViewEndpointSecret"]}, (READS, READS_SECRET)),
        ({"capabilities": ["ViewBase", "ManageEndpointSecret"]}, (READS, READS_SECRET, ROTATES)),
        ({"capabilities": ["ViewBase", "ManageEndpoint"]}, ALL),
        ({"capabilities": ["ViewBase", "CreateAttempts"]}, (READS,)),
        ({"readOnly": True}, (READS, READS_SECRET)),
        ({"readOnly": True, "capabilities": ["ViewBase", "ManageEndpoint"]}, (READS, READS_SECRET)),
    ],
)
async def test_a_token_does_what_it_was_made_for(sending: Sending, access: Json, allowed: tuple[Step, ...]) -> None:
    await sending.app()
    await sending.endpoint(uid="a")
    token = await sending.portal(**access)
    for method, path, body, status in ALL:
        response = await sending.ask(method, f"{ENDPOINT}{path}", body, token=token)
        expected = status if (method, path, body, status) in allowed else 403
        assert response.status_code == expected, f"{method} {path}: {response.text}"


async def test_an_endpoint_whose_uid_is_a_word_of_the_path_needs_no_other_capability(sending: Sending) -> None:
    await sending.app()
    await sending.endpoint(uid="secret")
    token = await sending.portal(capabilities=["ViewBase"])
    assert (await sending.got("GET", f"{ENDPOINT}/secret", token=token))["uid"] == "secret"


async def test_a_capability_that_is_none_is_refused(sending: Sending) -> None:
    await sending.app()
    told = await sending.wrong("POST", ACCESS, {"capabilities": ["ViewBase", "ViewAll"]})
    assert set(told) == {"body.capabilities"} and "ViewAll" in told["body.capabilities"]


async def test_a_token_that_would_be_too_long_is_refused(sending: Sending) -> None:
    await sending.app()
    flags = [f"{n:03}" + "x" * 253 for n in range(40)]
    error = await sending.refused(422, "POST", ACCESS, {"featureFlags": flags})
    assert "feature flags" in error["detail"][0]["msg"]
    token = await sending.portal(featureFlags=flags[:15])
    assert (await sending.got("GET", ENDPOINT, token=token))["data"] == []


async def test_logging_out_is_answered_and_needs_a_token(sending: Sending) -> None:
    await sending.app()
    await sending.got("POST", "/auth/logout", status=204, token=await sending.portal())
    await sending.got("POST", "/auth/logout", status=204)
    await sending.refused(401, "POST", "/auth/logout", token="not-a-real-token")


async def test_the_old_way_to_a_token_works_too(sending: Sending) -> None:
    app_id = await sending.app()
    given = await sending.got("POST", "/auth/dashboard-access/customer")
    assert key_in(given["url"])["appId"] == app_id
    assert (await sending.got("GET", ENDPOINT, token=given["token"]))["done"] is True
    await sending.refused(404, "POST", "/auth/dashboard-access/nobody")
