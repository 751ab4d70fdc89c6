from __future__ import annotations

from typing import Any

import pytest

from .conftest import OTHER_ORG, Sending

SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
PAID = {"name": "order.paid", "description": "An order was paid", "schemas": {"1": SCHEMA}, "featureFlag": "beta"}


async def test_an_event_type_is_found_by_its_name(sending: Sending) -> None:
    created = await sending.got("POST", "/event-type", PAID, status=201)
    assert created.items() >= {**PAID, "featureFlags": ["beta"], "archived": False, "deprecated": False}.items()
    assert await sending.got("GET", "/event-type/order.paid") == created
    await sending.refused(404, "GET", "/event-type/order.lost")
    await sending.refused(404, "GET", "/event-type/order.paid", token=sending.token(OTHER_ORG))


async def test_a_name_that_is_taken_is_refused_until_it_is_archived(sending: Sending) -> None:
    await sending.got("POST", "/event-type", PAID, status=201)
    await sending.refused(409, "POST", "/event-type", PAID)
    await sending.got("DELETE", "/event-type/order.paid", status=204)
    assert (await sending.got("GET", "/event-type/order.paid"))["archived"] is True
    again = await sending.got("POST", "/event-type", {"name": "order.paid", "description": "Paid"}, status=201)
    assert (again["archived"], again["description"], again["schemas"]) == (False, "Paid", None)
    assert again["featureFlag"] is None


async def test_an_event_type_can_be_made_archived(sending: Sending) -> None:
    await sending.event_type("old", archived=True)
    assert (await sending.got("GET", "/event-type"))["data"] == []


async def test_a_put_creates_and_then_replaces_all_of_it(sending: Sending) -> None:
    wanted = {key: value for key, value in PAID.items() if key != "name"}
    created = await sending.got("PUT", "/event-type/order.paid", wanted, status=201)
    assert created.items() >= PAID.items()
    sending.advance(1)
    replaced = await sending.got("PUT", "/event-type/order.paid", {"description": "Was paid", "deprecated": True})
    assert (replaced["schemas"], replaced["featureFlag"], replaced["deprecated"]) == (None, None, True)
    assert replaced["createdAt"] == created["createdAt"] < replaced["updatedAt"]
    assert set(await sending.wrong("PUT", "/event-type/a%20b", {"description": "a"})) == {"path.event_type_name"}


async def test_a_patch_changes_what_it_names_and_null_takes_away(sending: Sending) -> None:
    await sending.got("POST", "/event-type", PAID, status=201)
    patched = await sending.got("PATCH", "/event-type/order.paid", {"deprecated": True})
    assert patched.items() >= {**PAID, "deprecated": True}.items()
    cleared = await sending.got("PATCH", "/event-type/order.paid", {"schemas": None, "featureFlag": None})
    assert (cleared["schemas"], cleared["featureFlag"]) == (None, None)
    assert (cleared["description"], cleared["deprecated"]) == ("An order was paid", True)
    assert (await sending.got("PATCH", "/event-type/order.paid", {"featureFlags": ["x"]}))["featureFlag"] == "x"
    assert (await sending.got("PATCH", "/event-type/order.paid", {"featureFlags": None}))["featureFlag"] is None
    assert (await sending.got("PATCH", "/event-type/order.paid", {"archived": True}))["archived"] is True
    for field in ("description", "archived", "deprecated"):
        assert set(await sending.wrong("PATCH", "/event-type/order.paid", {field: None})) == {f"body.{field}"}
    await sending.refused(404, "PATCH", "/event-type/order.lost", {"deprecated": True})


async def test_a_deleted_type_is_archived_and_an_expunged_one_is_gone(sending: Sending) -> None:
    await sending.event_type("a")
    await sending.event_type("b")
    await sending.got("DELETE", "/event-type/a", status=204)
    await sending.got("DELETE", "/event-type/b?expunge=true", status=204)
    assert (await sending.got("GET", "/event-type"))["data"] == []
    (archived,) = (await sending.got("GET", "/event-type?include_archived=true"))["data"]
    assert (archived["name"], archived["archived"]) == ("a", True)
    await sending.refused(404, "GET", "/event-type/b")
    for path in ("/event-type/b", "/event-type/b?expunge=true"):
        await sending.refused(404, "DELETE", path)
    await sending.got("DELETE", "/event-type/a?expunge=true", status=204)
    assert (await sending.got("GET", "/event-type?include_archived=true"))["data"] == []


async def test_types_are_listed_by_name_and_with_their_schemas_only_when_asked_for(sending: Sending) -> None:
    for name in ("b", "a", "c"):
        await sending.event_type(name, schemas={"1": SCHEMA})
    await sending.event_type("theirs", archived=True)
    listed = (await sending.got("GET", "/event-type"))["data"]
    assert [(one["name"], one["schemas"]) for one in listed] == [("a", None), ("b", None), ("c", None)]
    full = (await sending.got("GET", "/event-type?with_content=true&order=descending"))["data"]
    assert [(one["name"], one["schemas"]) for one in full] == [(name, {"1": SCHEMA}) for name in "cba"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a b"),
        ("name", ""),
        ("name", "x" * 257),
        ("name", None),
        ("description", None),
        ("description", 1),
        ("description", "bell \a"),
        ("archived", "yes"),
        ("featureFlag", "a b"),
        ("schemas", []),
    ],
)
async def test_a_value_that_cannot_be_used_is_refused_by_its_place(sending: Sending, field: str, value: Any) -> None:
    assert set(await sending.wrong("POST", "/event-type", {**PAID, field: value})) == {f"body.{field}"}
    assert (await sending.got("GET", "/event-type"))["data"] == []


async def test_two_different_flags_are_refused(sending: Sending) -> None:
    for more in ({"featureFlags": ["other"]}, {"featureFlags": ["beta", "other"], "featureFlag": None}):
        assert set(await sending.wrong("POST", "/event-type", {**PAID, **more})) == {"body.featureFlags"}
    await sending.got("POST", "/event-type", {**PAID, "featureFlags": ["beta"]}, status=201)


async def test_what_is_no_json_schema_is_refused_with_its_version_and_place(sending: Sending) -> None:
    schemas = {"1": SCHEMA, "2": {"properties": {"a": {"type": "no-such"}}}, "3": {"type": 7}}
    told = await sending.wrong("POST", "/event-type", {**PAID, "schemas": schemas})
    assert set(told) == {"body.schemas.2", "body.schemas.3"}
    assert "/properties/a/type" in told["body.schemas.2"] and "2" in told["body.schemas.2"]
    assert set(await sending.wrong("POST", "/event-type", {**PAID, "schemas": {"1": 7}})) == {"body.schemas.1"}
    far = {"$ref": "https://example.com/schema.json"}
    assert set(await sending.wrong("PUT", "/event-type/a", {**PAID, "schemas": {"1": far}})) == {"body.schemas.1"}
    await sending.got("POST", "/event-type", PAID, status=201)
    told = await sending.wrong("PATCH", "/event-type/order.paid", {"schemas": {"9": {"type": 7}}})
    assert set(told) == {"body.schemas.9"}
    assert (await sending.got("GET", "/event-type/order.paid"))["schemas"] == {"1": SCHEMA}


# -- what customers see ---------------------------------------------------------------------------------


async def test_a_customer_sees_types_without_a_flag_and_those_of_their_flags(sending: Sending) -> None:
    await sending.app()
    for name, flag in (("open", None), ("beta", "beta"), ("alpha", "alpha")):
        await sending.event_type(name, featureFlag=flag)
    for flags, seen in (([], ["open"]), (["beta"], ["beta", "open"]), (["beta", "alpha"], ["alpha", "beta", "open"])):
        token = await sending.portal(featureFlags=flags)
        listed = await sending.got("GET", "/event-type", token=token)
        assert [one["name"] for one in listed["data"]] == seen
        for name in ("open", "alpha", "beta"):
            status = 200 if name in seen else 404
            assert (await sending.ask("GET", f"/event-type/{name}", token=token)).status_code == status
    assert len((await sending.got("GET", "/event-type"))["data"]) == 3


async def test_a_customer_can_subscribe_only_to_what_they_see(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("beta", featureFlag="beta")
    path, body = "/app/customer/endpoint", {"url": "https://a.example.com", "eventTypes": ["beta"]}
    assert set(await sending.wrong("POST", path, body, token=await sending.portal())) == {"body.eventTypes"}
    await sending.got("POST", path, body, status=201, token=await sending.portal(featureFlags=["beta"]))
    await sending.got("POST", path, body, status=201)


async def test_a_customer_changes_no_event_type(sending: Sending) -> None:
    await sending.app()
    await sending.event_type("a")
    token = await sending.portal()
    for method, path, body in (
        ("POST", "/event-type", PAID),
        ("PUT", "/event-type/a", {"description": "b"}),
        ("PATCH", "/event-type/a", {"description": "b"}),
        ("DELETE", "/event-type/a", None),
    ):
        error = await sending.refused(403, method, path, body, token=token)
        assert error["code"] == "insufficient_access"
