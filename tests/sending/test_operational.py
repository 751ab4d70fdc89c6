"""Endpoints that an organisation has for itself, to be told of what happens to its customers'."""

from __future__ import annotations

from typing import Any

from hookline.api.sending.operational import TYPES

from .conftest import OTHER_ORG, Json, Sending

PATH = "/operational-webhook/endpoint"


async def an_office(sending: Sending, **more: Any) -> Json:
    wanted = {"url": f"{sending.receiver.url}/office", "uid": "office", **more}
    created = await sending.got("POST", PATH, wanted, status=201)
    assert isinstance(created, dict)
    return created


async def told(sending: Sending) -> list[Json]:
    await sending.server.dispatcher.quiet()
    return [request.json() for request in sending.receiver.requests if request.path == "/office"]


async def test_before_there_is_any_the_list_is_empty_and_nothing_is_made(sending: Sending) -> None:
    assert await sending.got("GET", PATH) == {"data": [], "iterator": None, "prevIterator": None, "done": True}
    for method, path, body in (("GET", "/a", None), ("PATCH", "/a", {}), ("DELETE", "/a", None)):
        await sending.refused(404, method, f"{PATH}{path}", body)
    assert sending.server.store.routing.operational("org_default") is None


async def test_one_is_managed_like_any_other_endpoint(sending: Sending) -> None:
    office = await an_office(sending, description="for the team", eventTypes=["endpoint.disabled"], throttleRate=5)
    assert await sending.got("GET", f"{PATH}/office") == await sending.got("GET", f"{PATH}/{office['id']}") == office
    assert (await sending.got("GET", PATH))["data"] == [office]
    replaced = await sending.got("PUT", f"{PATH}/office", {"url": office["url"]})
    assert (replaced["id"], replaced["eventTypes"], replaced["throttleRate"]) == (office["id"], None, None)
    assert (await sending.got("PATCH", f"{PATH}/office", {"disabled": True}))["disabled"] is True
    await sending.got("PUT", f"{PATH}/office/headers", {"headers": {"X-Office": "1"}}, status=204)
    assert (await sending.got("GET", f"{PATH}/office/headers"))["headers"] == {"X-Office": "1"}
    secret = await sending.got("GET", f"{PATH}/office/secret")
    rotated = await sending.got("POST", f"{PATH}/office/secret/rotate", {})
    assert rotated == await sending.got("GET", f"{PATH}/office/secret") != secret
    await sending.got("DELETE", f"{PATH}/office", status=204)
    await sending.refused(404, "GET", f"{PATH}/office")
    assert (await sending.got("PUT", f"{PATH}/new", {"url": office["url"]}, status=201))["uid"] == "new"


async def test_it_can_want_only_what_there_is_to_tell(sending: Sending) -> None:
    body = {"url": "https://a.example.com", "eventTypes": ["endpoint.created", "invoice.paid"]}
    await sending.event_type("invoice.paid")
    for method, path in (("POST", ""), ("PUT", "/office")):
        words = (await sending.wrong(method, f"{PATH}{path}", body))["body.eventTypes"]
        assert "invoice.paid" in words and "endpoint.created" not in words
    assert (await an_office(sending, eventTypes=sorted(TYPES)))["eventTypes"] == sorted(TYPES)


async def test_the_organisation_is_told_of_every_change_of_a_customers_endpoint(sending: Sending) -> None:
    await an_office(sending)
    app_id = await sending.app()
    endpoint = await sending.endpoint(uid="a")
    await sending.got("PATCH", "/app/customer/endpoint/a", {"description": "b"})
    await sending.got("DELETE", "/app/customer/endpoint/a", status=204)
    bodies = await told(sending)
    assert {body["type"] for body in bodies} == {"endpoint.created", "endpoint.updated", "endpoint.deleted"}
    data = {"appId": app_id, "appUid": "customer", "endpointId": endpoint["id"], "endpointUid": "a"}
    assert all(body["data"].items() >= data.items() for body in bodies)


async def test_nobody_is_told_of_what_is_not_theirs_or_not_wanted(sending: Sending) -> None:
    await an_office(sending, eventTypes=["endpoint.deleted"])
    other = sending.token(OTHER_ORG)
    await sending.app(token=other)
    await sending.endpoint(token=other)
    await sending.app()
    await sending.endpoint(uid="a")
    assert await told(sending) == []
    await sending.got("DELETE", "/app/customer/endpoint/a", status=204)
    assert [body["type"] for body in await told(sending)] == ["endpoint.deleted"]


async def test_it_is_no_application_and_no_source_and_its_endpoints_are_not_a_customers(sending: Sending) -> None:
    office = await an_office(sending)
    source = sending.server.store.routing.operational("org_default")
    assert source is not None
    for path in (f"/app/{source.id}", f"/app/{source.id}/endpoint", f"/sources/{source.id}"):
        assert (await sending.ask("GET", path)).status_code == 404
    assert (await sending.got("GET", "/app"))["data"] == []
    assert (await sending.got("GET", "/sources"))["data"] == []
    await sending.app()
    await sending.refused(404, "GET", f"/app/customer/endpoint/{office['id']}")


async def test_another_organisation_sees_none_of_it(sending: Sending) -> None:
    office = await an_office(sending)
    other = sending.token(OTHER_ORG)
    assert (await sending.got("GET", PATH, token=other))["data"] == []
    for name in ("office", office["id"]):
        await sending.refused(404, "GET", f"{PATH}/{name}", token=other)
        await sending.refused(404, "GET", f"{PATH}/{name}/secret", token=other)
