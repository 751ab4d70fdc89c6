from __future__ import annotations

from pathlib import Path

import pytest

from hookline.config.file import read_file

from .conftest import OTHER_ORG, SOURCE_SECRET, World, running


async def test_a_created_source_accepts_webhooks_at_the_address_it_was_answered_with(world: World) -> None:
    created = await world.source()
    assert created["address"] == "/webhooks/github" and created["managed_by"] == "api"
    assert (await world.webhook()).status_code == 200


async def test_the_sources_of_another_organisation_are_addressed_by_id(world: World) -> None:
    created = await world.source(name="theirs")
    wanted = {"name": "theirs", "provider": "github", "secrets": [SOURCE_SECRET]}
    other = await world.got("POST", "/api/v1/sources", wanted, status=201, org=OTHER_ORG)
    assert created["address"] == "/webhooks/theirs"
    assert other["address"] == f"/webhooks/{other['id']}"
    assert (await world.webhook(source=other["id"])).status_code == 200


async def test_a_source_is_found_by_name_and_by_id(world: World) -> None:
    created = await world.source(owner="platform-team")
    assert await world.got("GET", "/api/v1/sources/github") == created
    assert await world.got("GET", f"/api/v1/sources/{created['id']}") == created
    assert (await world.got("GET", "/api/v1/sources"))["data"] == [created]


async def test_a_source_cannot_be_created_twice(world: World) -> None:
    await world.source()
    again = {"name": "github", "provider": "github", "secrets": [SOURCE_SECRET]}
    assert (await world.refused(409, "POST", "/api/v1/sources", again))["code"] == "conflict"


async def test_what_was_got_can_be_edited_and_put_back_without_losing_its_secrets(world: World) -> None:
    got = await world.source()
    assert got["secrets"] == ["(hidden)"]
    put = await world.got("PUT", "/api/v1/sources/github", {**got, "owner": "billing"})
    assert put == {**got, "owner": "billing"}
    assert (await world.webhook()).status_code == 200


async def test_a_source_is_replaced_without_its_secrets_being_sent_again(world: World) -> None:
    await world.source(owner="platform-team", tolerance="2m")
    put = await world.got("PUT", "/api/v1/sources/github", {"name": "github", "provider": "github"})
    assert put["owner"] == "" and put["tolerance"] is None
    assert (await world.webhook()).status_code == 200


async def test_a_secret_is_rotated_by_adding_the_new_one_to_the_hidden_old_one(world: World) -> None:
    await world.source()
    new = "another-not-real-secret-0123456789"
    wanted = {"name": "github", "provider": "github", "secrets": ["(hidden)", new]}
    assert (await world.got("PUT", "/api/v1/sources/github", wanted))["secrets"] == ["(hidden)"] * 2
    assert (await world.webhook(id="d-1")).status_code == 200
    assert (await world.webhook(id="d-2", body=b"{}", secret=new)).status_code == 200
    await world.got("PUT", "/api/v1/sources/github", {**wanted, "secrets": [new]})
    assert (await world.webhook(id="d-3")).status_code == 401


async def test_a_hidden_secret_that_is_not_stored_is_refused(world: World) -> None:
    wanted = {"name": "github", "provider": "github", "secrets": ["(hidden)"]}
    error = await world.refused(422, "POST", "/api/v1/sources", wanted)
    assert error["problems"][0]["field"] == "secrets[0]"
    await world.source()
    wanted["secrets"] = ["(hidden)", "(hidden)"]
    error = await world.refused(422, "PUT", "/api/v1/sources/github", wanted)
    assert error["problems"][0]["field"] == "secrets[1]"


@pytest.mark.parametrize("reference", ["env:HOME", "file:/etc/hostname"])
async def test_a_caller_cannot_make_the_server_read_its_environment_or_files(world: World, reference: str) -> None:
    wanted = {"name": "github", "provider": "github", "secrets": [reference]}
    error = await world.refused(422, "POST", "/api/v1/sources", wanted)
    assert error["code"] == "invalid_input" and "send the secret itself" in error["detail"]
    await world.source()
    await world.refused(422, "PUT", "/api/v1/sources/github", wanted)


async def test_everything_that_is_wrong_is_said_at_once(world: World) -> None:
    wanted = {"nmae": "x", "provider": "githbu", "tolerance": "soon", "dedupe": {"by": "header"}}
    error = await world.refused(422, "POST", "/api/v1/sources", wanted)
    problems = {each["field"]: each["problem"] for each in error["problems"]}
    assert set(problems) == {"name", "nmae", "provider", "tolerance", "dedupe.name"}
    assert "did you mean `name`" in problems["nmae"] and "`github`" in problems["provider"]


async def test_a_source_that_must_verify_needs_a_secret(world: World) -> None:
    error = await world.refused(422, "POST", "/api/v1/sources", {"name": "github", "provider": "github"})
    assert error["problems"][0]["field"] == "secrets" and "env:" not in error["detail"]


async def test_a_source_cannot_be_renamed_or_hold_endpoints_or_exceed_the_server(world: World) -> None:
    got = await world.source()
    for change, field in (
        ({"name": "gitlab"}, "name"),
        ({"endpoints": [{"name": "a", "url": "http://a.example.com"}]}, "endpoints"),
        ({"max_body": "1GB"}, "max_body"),
    ):
        error = await world.refused(422, "PUT", "/api/v1/sources/github", {**got, **change})
        assert error["problems"][0]["field"] == field


async def test_a_deleted_source_refuses_webhooks(world: World) -> None:
    await world.source()
    assert await world.got("DELETE", "/api/v1/sources/github", status=204) is None
    assert (await world.webhook()).status_code == 404
    for method in ("GET", "DELETE"):
        await world.refused(404, method, "/api/v1/sources/github")
    await world.refused(404, "PUT", "/api/v1/sources/github", {"name": "github", "provider": "none"})


async def test_what_hookline_yaml_says_is_not_changed_through_the_api(tmp_path: Path) -> None:
    file = tmp_path / "hookline.yaml"
    file.write_text(
        "version: 1\nsources:\n  - name: github\n    provider: github\n    secrets: ['env:WEBHOOK']\n"
        "    endpoints:\n      - name: build\n        url: http://127.0.0.1:9/build\n"
    )
    async with running(tmp_path) as world:
        await world.server.apply(read_file(file), {"WEBHOOK": SOURCE_SECRET})
        source = await world.got("GET", "/api/v1/sources/github")
        assert source["managed_by"] == "file"
        endpoint = await world.got("GET", "/api/v1/sources/github/endpoints/build")
        for path, body in (
            ("/api/v1/sources/github", source),
            ("/api/v1/sources/github/endpoints/build", endpoint),
        ):
            for method, sent in (("PUT", body), ("DELETE", None)):
                error = await world.refused(409, method, path, sent)
                assert error["code"] == "managed_by_file" and "hookline apply" in error["detail"]
        paused = await world.got("POST", "/api/v1/sources/github/endpoints/build/pause")
        assert paused["state"] == "paused"  # that is operating it, not configuring it
