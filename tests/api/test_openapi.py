from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from hookline.api.app import ApiDependencies, create_api
from hookline.api.openapi import build
from hookline.api.sending.publish import PublishDoor
from hookline.api.sending.publisher import Publisher
from hookline.api.sending.route import is_sending
from hookline.config.settings import Settings
from hookline.observe.metrics import Metrics
from hookline.storage.store import open_store
from hookline.testing.clock import FakeClock

from .conftest import SERVER_SECRET, World
from .full import fill
from .routes import all_routes, managed, operations, sending_operations

HERE = Path(__file__).parent
REFERENCE = HERE.parent.parent / "docs" / "reference" / "api.md"

#: As published at https://spec.openapis.org/oas/3.0/schema/2021-09-28.
OFFICIAL = json.loads((HERE / "openapi-3.0.json").read_bytes())

Json = dict[str, Any]


async def refuse(*_: object) -> Any:
    raise AssertionError("only the description is asked for")


@pytest.fixture(scope="module")
def document() -> Json:
    store = open_store("sqlite://:memory:", SERVER_SECRET)
    settings, clock = Settings(secret=SERVER_SECRET), FakeClock()
    door = PublishDoor(store, clock, Publisher(store, clock, print, settings), settings, print)
    return build(
        create_api(ApiDependencies(settings, store, clock, Metrics(), refuse, lambda: None, door, refuse, refuse))
    )


async def test_the_document_is_served(world: World, document: Json) -> None:
    assert await world.got("GET", "/api/v1/openapi.json", org=None) == document


def test_the_document_is_valid_by_the_official_schema(document: Json) -> None:
    problems = [
        f"{error.instance_path}: {error.message}"
        for error in jsonschema_rs.validator_for(OFFICIAL).iter_errors(document)
    ]
    assert not problems


def test_the_document_has_every_route_and_no_other(document: Json) -> None:
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented == {*operations(), *sending_operations()}


def test_only_pages_and_head_requests_are_undocumented() -> None:
    hidden = {(*(route.methods or ()), route.path) for route in all_routes() if not route.include_in_schema}
    assert hidden == {
        ("HEAD", "/healthz"),
        ("HEAD", "/readyz"),
        ("GET", "/docs"),
        ("GET", "/docs/start.js"),
        ("GET", "/docs/{name}"),
    }


def test_every_operation_says_what_it_does_and_how_it_fails(document: Json) -> None:
    names = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["summary"] and operation["description"] and len(operation["tags"]) == 1
            assert all(parameter["description"] for parameter in operation.get("parameters", ()))
            statuses = set(operation["responses"])
            if (method.upper(), path) in managed():
                assert operation["security"] == [{"token": []}] and {"401", "503"} <= statuses
                assert ("{" not in path) or "404" in statuses
            elif is_sending(path):
                assert operation["security"] == ([] if path.startswith("/api/v1/health") else [{"token": []}])
                assert path == "/api/v1/health/ping" or {"401", "403", "404", "409", "422", "429"} <= statuses
            else:
                assert operation["security"] == []
    assert len(names) == len(set(names))
    assert {tag["name"] for tag in document["tags"]} == {
        tag for methods in document["paths"].values() for operation in methods.values() for tag in operation["tags"]
    }


def test_every_property_that_can_be_sent_is_described(document: Json) -> None:
    for name in ("SourceInput", "EndpointInput", "ReplayInput", "ReplayOneInput"):
        for key, schema in document["components"]["schemas"][name]["properties"].items():
            assert schema.get("description") or "allOf" in schema, f"{name}.{key}"


def test_nothing_of_openapi_3_1_is_left(document: Json) -> None:
    text = json.dumps(document)
    assert '"type": "null"' not in text and '"const"' not in text and '"examples": [' not in text
    assert '"type": [' not in text and "$defs" not in text


def test_the_examples_of_bodies_can_be_sent(document: Json) -> None:
    for name in ("SourceInput", "EndpointInput", "ReplayInput"):
        schema = document["components"]["schemas"][name]
        assert list(checker(document, {"$ref": f"#/components/schemas/{name}"}).iter_errors(schema["example"])) == []


async def test_every_answer_is_as_documented(world: World, document: Json) -> None:
    full = await fill(world)
    for method, path in sorted(operations(), key=lambda operation: operation[0] == "DELETE"):
        response = await world.ask(method, full.path(path), full.body(method, path))
        await check(document, method, path, response)
    await _create_anew(world, document)


async def _create_anew(world: World, document: Json) -> None:
    """What `fill` had created already, so that above it was a conflict."""
    for path, body in (
        ("/api/v1/sources", {"name": "second", "provider": "none", "retention": "30d", "rate_limit": "10/s"}),
        ("/api/v1/sources/second/endpoints", {"name": "a", "url": "http://a.example.com", "rate_limit": "600/m"}),
    ):
        response = await world.ask("POST", path, body)
        assert response.status_code == 201
        await check(document, "POST", path.replace("second", "{source}"), response)
    dry = await world.ask("POST", "/api/v1/replays", {"since": "1d", "dry_run": True})
    await check(document, "POST", "/api/v1/replays", dry)
    for method, path, sent in (
        ("GET", "/api/v1/events", {"org": None}),
        ("GET", "/api/v1/events", {"params": {"limit": "0"}}),
        ("POST", "/api/v1/sources", {"body": {"name": 1}}),
        ("POST", "/api/v1/sources", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    ):
        await check(document, method, path, await world.ask(method, path, **sent))


async def check(document: Json, method: str, path: str, response: httpx.Response) -> None:
    documented = document["paths"][path][method.lower()]["responses"]
    assert str(response.status_code) in documented, f"{method} {path}: {response.status_code} {response.text}"
    contents = documented[str(response.status_code)].get("content", {})
    kind = response.headers.get("content-type", "").partition(";")[0]
    assert kind in contents or (not contents and not response.content), f"{method} {path}: {kind}"
    if kind == "application/json":
        errors = [
            f"{error.instance_path}: {error.message}"
            for error in checker(document, contents[kind]["schema"]).iter_errors(response.json())
        ]
        assert not errors, f"{method} {path}"


def checker(document: Json, schema: Json) -> Any:
    """A validator of one of the document's schemas, by JSON Schema, which says `nullable` in another way."""
    whole = _with_null({**schema, "components": document["components"]})
    return jsonschema_rs.validator_for(whole, offline=True)


def _with_null(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_null(one) for one in part]
    if not isinstance(part, dict):
        return part
    copied = {key: _with_null(value) for key, value in part.items()}
    return {"anyOf": [copied, {"type": "null"}]} if copied.pop("nullable", False) is True else copied


def test_the_reference_page_mentions_every_route_and_no_other() -> None:
    mentioned = {
        (method, nameless(path))
        for methods, path in re.findall(r"((?:`[A-Z]+` )*`[A-Z]+) (/[^`]*)`", REFERENCE.read_text())
        for method in re.findall(r"[A-Z]+", methods)
    }
    known = {*operations(), *sending_operations(), ("GET", "/docs"), ("GET", "/api/v1/openapi.json")}
    assert mentioned == {(method, nameless(path)) for method, path in known}


def nameless(path: str) -> str:
    """The path without the names of its parameters: people read shorter ones."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_the_reference_page_tells_of_every_code_of_its_own() -> None:
    text = REFERENCE.read_text()
    room = HERE.parent.parent / "src" / "hookline" / "api"
    codes = {
        code
        for file in room.glob("*.py")
        for code in re.findall(r'(?:code=|InvalidBody\(\d+, |\d+: \(|code = |500, )"([a-z_]+)"', file.read_text())
    }
    assert {"authentication_failed", "managed_by_file", "body_too_large", "internal_error", "not_found"} <= codes
    assert not [code for code in codes if f"`{code}`" not in text]
