from __future__ import annotations

import pytest

from .conftest import OTHER_ORG, Sending


async def test_an_application_is_found_by_its_id_and_by_its_uid(sending: Sending) -> None:
    wanted = {"name": "A customer", "uid": "customer", "throttleRate": 20, "metadata": {"plan": "large"}}
    created = await sending.got("POST", "/app", wanted, status=201)
    assert created["id"].startswith("app_") and created.items() >= wanted.items()
    assert created["createdAt"] == created["updatedAt"] and created["createdAt"].endswith("Z")
    assert await sending.got("GET", f"/app/{created['id']}") == created
    assert await sending.got("GET", "/app/customer") == created


async def test_a_name_is_all_that_is_needed(sending: Sending) -> None:
    created = await sending.got("POST", "/app", {"name": "A customer"}, status=201)
    assert (created["uid"], created["throttleRate"], created["metadata"]) == (None, None, {})
    assert (created["signatureHeaders"], created["challengeEndpoints"]) == ("both", False)
    assert (created["enforceSchemas"], created["retention"]) == (None, None)


async def test_null_is_as_good_as_leaving_out_and_fields_that_nobody_knows_are_ignored(sending: Sending) -> None:
    wanted = {"name": "A", "uid": None, "throttleRate": None, "metadata": None, "retention": None, "color": "red"}
    created = await sending.got("POST", "/app", wanted, status=201)
    assert created["metadata"] == {} and "color" not in created


async def test_a_uid_is_taken_once_or_found_again_when_that_was_asked_for(sending: Sending) -> None:
    app_id = await sending.app("customer")
    await sending.refused(409, "POST", "/app", {"name": "Another", "uid": "customer"})
    found = await sending.got("POST", "/app?get_if_exists=true", {"name": "Another", "uid": "customer"}, status=200)
    assert (found["id"], found["name"]) == (app_id, "A customer")
    created = await sending.got("POST", "/app?get_if_exists=true", {"name": "Another", "uid": "other"}, status=201)
    assert created["name"] == "Another"


async def test_the_same_uid_in_another_organisation_is_another_application(sending: Sending) -> None:
    mine = await sending.app("customer")
    other = sending.token(OTHER_ORG)
    theirs = await sending.app("customer", token=other)
    assert mine != theirs
    assert (await sending.got("GET", "/app/customer", token=other))["id"] == theirs
    for method in ("GET", "DELETE"):
        await sending.refused(404, method, f"/app/{mine}", token=other)


@pytest.mark.parametrize("uid", ["", "a b", "ä", "a/b", "x" * 257, "app_mine", 7])
async def test_what_cannot_be_a_uid_is_refused(sending: Sending, uid: object) -> None:
    assert set(await sending.wrong("POST", "/app", {"name": "A", "uid": uid})) == {"body.uid"}


@pytest.mark.parametrize("uid", ["a", "-_.", "x" * 256, "0", "App.uid-1_2"])
async def test_what_can_be_a_uid_works_in_a_path(sending: Sending, uid: str) -> None:
    app_id = await sending.app(uid)
    assert (await sending.got("GET", f"/app/{uid}"))["id"] == app_id


async def test_everything_that_is_wrong_is_told_at_once_each_with_its_place(sending: Sending) -> None:
    body = {"name": "", "uid": "a b", "throttleRate": 0, "metadata": {"a": 1}, "signatureHeaders": "none"}
    told = await sending.wrong("POST", "/app", {**body, "challengeEndpoints": "yes", "enforceSchemas": 1})
    assert set(told) == {
        "body.name",
        "body.uid",
        "body.throttleRate",
        "body.metadata.a",
        "body.signatureHeaders",
        "body.challengeEndpoints",
        "body.enforceSchemas",
    }
    assert set(await sending.wrong("POST", "/app", {})) == {"body.name"}
    assert set(await sending.wrong("POST", "/app", {"name": "bell \a"})) == {"body.name"}
    assert set(await sending.wrong("POST", "/app", {"name": "A", "retention": "soon"})) == {"body.retention"}
    assert set(await sending.wrong("POST", "/app", {"name": "A", "throttleRate": 65_536})) == {"body.throttleRate"}
    assert set(await sending.wrong("POST", "/app", {"name": "A", "throttleRate": 1.5})) == {"body.throttleRate"}
    assert set(await sending.wrong("POST", "/app", {"name": "A", "metadata": {"a": "x" * 4096}})) == {"body.metadata"}
    assert set(await sending.wrong("POST", "/app?get_if_exists=perhaps", {"name": "A"})) == {"query.get_if_exists"}


async def test_metadata_of_exactly_the_largest_size_is_kept(sending: Sending) -> None:
    created = await sending.got("POST", "/app", {"name": "A", "metadata": {"a": "x" * 4095}}, status=201)
    assert len(created["metadata"]["a"]) == 4095


async def test_the_older_name_of_the_rate_is_read_and_written(sending: Sending) -> None:
    created = await sending.got("POST", "/app", {"name": "A", "uid": "a", "rateLimit": 5}, status=201)
    assert created["throttleRate"] == created["rateLimit"] == 5
    patched = await sending.got("PATCH", "/app/a", {"rateLimit": None})
    assert patched["throttleRate"] is patched["rateLimit"] is None
    both = await sending.got("PATCH", "/app/a", {"rateLimit": 5, "throttleRate": 6})
    assert both["throttleRate"] == both["rateLimit"] == 6


async def test_a_put_by_uid_creates_and_then_replaces_and_the_uid_stays(sending: Sending) -> None:
    created = await sending.got("PUT", "/app/new", {"name": "New", "throttleRate": 5}, status=201)
    assert created["uid"] == "new"
    replaced = await sending.got("PUT", "/app/new", {"name": "Newer"})
    assert (replaced["id"], replaced["uid"], replaced["name"]) == (created["id"], "new", "Newer")
    assert replaced["throttleRate"] is None
    renamed = await sending.got("PUT", "/app/new", {"name": "Newer", "uid": "newer"})
    assert renamed["uid"] == "newer"
    await sending.refused(404, "GET", "/app/new")


async def test_a_put_by_id_replaces_the_uid_too_and_creates_nothing(sending: Sending) -> None:
    app_id = await sending.app("customer")
    assert (await sending.got("PUT", f"/app/{app_id}", {"name": "A"}))["uid"] is None
    await sending.refused(404, "PUT", f"/app/app_{'0' * 32}", {"name": "A"})
    assert "path.app_id" in await sending.wrong("PUT", "/app/a%20b", {"name": "A"})


async def test_a_put_with_a_uid_that_is_anothers_is_a_conflict(sending: Sending) -> None:
    await sending.app("one")
    await sending.app("two")
    await sending.refused(409, "PUT", "/app/one", {"name": "A", "uid": "two"})
    await sending.refused(409, "PATCH", "/app/one", {"uid": "two"})


async def test_a_put_leaves_what_no_sdk_can_say_as_it_is(sending: Sending) -> None:
    own = {"signatureHeaders": "svix", "challengeEndpoints": True, "enforceSchemas": True, "retention": "7d"}
    await sending.app("customer", fields=own)
    replaced = await sending.got("PUT", "/app/customer", {"name": "B"})
    assert replaced.items() >= own.items()
    replaced = await sending.got("PUT", "/app/customer", {"name": "B", "retention": 3600, "challengeEndpoints": False})
    assert (replaced["retention"], replaced["challengeEndpoints"], replaced["enforceSchemas"]) == ("1h", False, True)


async def test_a_patch_changes_what_it_names_and_null_takes_away(sending: Sending) -> None:
    fields = {"throttleRate": 5, "metadata": {"a": "b"}, "retention": "7d", "signatureHeaders": "webhook"}
    app_id = await sending.app("customer", fields=fields)
    sending.advance(1)
    before = await sending.got("GET", "/app/customer")
    assert await sending.got("PATCH", "/app/customer", {}) == before | {"updatedAt": "2026-01-01T00:00:01.000Z"}
    renamed = await sending.got("PATCH", "/app/customer", {"name": "B"})
    assert renamed["name"] == "B" and renamed.items() >= {**fields, "uid": "customer", "rateLimit": 5}.items()
    cleared = await sending.got(
        "PATCH", f"/app/{app_id}", {"uid": None, "throttleRate": None, "retention": None, "signatureHeaders": None}
    )
    assert cleared.items() >= {"uid": None, "throttleRate": None, "retention": None, "signatureHeaders": "both"}.items()
    assert (cleared["name"], cleared["metadata"]) == ("B", {"a": "b"})
    for nothing in ({"name": None}, {"metadata": None}, {"name": ""}):
        assert set(await sending.wrong("PATCH", f"/app/{app_id}", nothing)) == {f"body.{next(iter(nothing))}"}
    await sending.refused(404, "PATCH", "/app/customer", {"name": "B"})


async def test_a_deleted_application_is_gone_with_its_endpoints_and_its_uid_is_free(sending: Sending) -> None:
    app_id = await sending.app("customer")
    endpoint = await sending.endpoint("customer")
    assert (await sending.ask("DELETE", "/app/customer")).status_code == 204
    for path in (app_id, "customer", f"{app_id}/endpoint", f"{app_id}/endpoint/{endpoint['id']}"):
        await sending.refused(404, "GET", f"/app/{path}")
    await sending.refused(404, "DELETE", "/app/customer")
    assert await sending.app("customer") != app_id


async def test_applications_are_listed_in_the_order_of_their_making(sending: Sending) -> None:
    ids = [await sending.app(f"c-{n}") for n in range(3)]
    await sending.app("c-0", token=sending.token(OTHER_ORG))
    assert [one["id"] for one in (await sending.got("GET", "/app"))["data"]] == ids
    falling = await sending.got("GET", "/app?order=descending")
    assert [one["id"] for one in falling["data"]] == ids[::-1]
    assert set(await sending.wrong("GET", "/app?order=random")) == {"query.order"}


async def test_the_sources_of_providers_are_no_applications_and_the_other_way_round(sending: Sending) -> None:
    app_id = await sending.app("customer")
    source = await sending.world.source()
    assert [one["id"] for one in (await sending.got("GET", "/app"))["data"]] == [app_id]
    for name in ("github", source["id"]):
        await sending.refused(404, "GET", f"/app/{name}")
        await sending.refused(404, "DELETE", f"/app/{name}")
    assert [one["id"] for one in (await sending.world.got("GET", "/api/v1/sources"))["data"]] == [source["id"]]
    await sending.world.refused(404, "GET", f"/api/v1/sources/{app_id}")


async def test_a_slash_at_the_end_changes_nothing(sending: Sending) -> None:
    created = await sending.got("POST", "/app/", {"name": "A", "uid": "a"}, status=201)
    assert await sending.got("GET", "/app/a/") == created
    assert (await sending.got("GET", "/app/?limit=1"))["data"] == [created]
    await sending.endpoint("a")
    assert len((await sending.got("GET", "/app/a/endpoint/"))["data"]) == 1
    await sending.got("PUT", "/event-type/a.b/", {"description": "a"}, status=201)
    assert (await sending.ask("DELETE", "/app/a/")).status_code == 204


async def test_what_is_not_there_is_told_as_json_also_where_there_is_nothing_at_all(sending: Sending) -> None:
    await sending.app("a")
    for method, path, status in (
        ("GET", "/app/a/nothing", 404),
        ("GET", "/app//", 404),
        ("GET", "/application", 404),
        ("POST", "/app/a", 405),
        ("DELETE", "/app", 405),
    ):
        await sending.refused(status, method, path)


async def test_a_body_that_cannot_be_read_is_told_in_the_same_shape(sending: Sending) -> None:
    for content, kind, status, code in (
        (b"{", "application/json", 400, "invalid_json"),
        (b"name=A", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'"' + b"x" * (1 << 20) + b'"', "application/json", 413, "body_too_large"),
    ):
        error = await sending.refused(status, "POST", "/app", content=content, headers={"Content-Type": kind})
        assert error["code"] == code
    for content in (b"", b"null", b"[]"):
        told = await sending.wrong("POST", "/app", content=content, headers={"Content-Type": "application/json"})
        assert set(told) == {"body"}
