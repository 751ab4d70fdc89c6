"""What every route does before its own work: who asks, how much, in which form."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hookline.api.token import create_token

from .conftest import SERVER_SECRET, World

LARGEST = 1 << 20


async def test_without_a_token_of_this_server_nothing_is_answered(world: World) -> None:
    await world.source()
    for value in ("", "Bearer", "Basic bm90OnJlYWw=", "Bearer not-a-real-token", "Token x", "Bearer a.b.c", "Bearer é"):
        response = await world.http.get("/api/v1/sources", headers=[(b"Authorization", value.encode())])
        assert response.status_code == 401, value
        assert response.json()["code"] == "authentication_failed"
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_ends_by_the_clock_of_the_server(world: World) -> None:
    headers = {"Authorization": f"bearer {world.token(lifetime_s=60)}"}
    assert (await world.http.get("/api/v1/sources", headers=headers)).status_code == 200
    world.advance(60)
    expired = await world.http.get("/api/v1/sources", headers=headers)
    assert expired.status_code == 401 and "expired" in expired.json()["detail"]


async def test_who_asks_is_settled_before_the_body_is_looked_at(world: World) -> None:
    response = await world.http.post("/api/v1/sources", content=b"{not json")
    assert response.status_code == 401


async def test_a_path_that_is_not_there_and_a_method_that_is_not_answered(world: World) -> None:
    assert (await world.refused(404, "GET", "/api/v1/nothing"))["code"] == "not_found"
    assert (await world.refused(404, "GET", "/api/v1/sources/"))["code"] == "not_found"
    assert (await world.refused(405, "PATCH", "/api/v1/sources"))["code"] == "method_not_allowed"
    assert world.answers[-1].headers["allow"]


async def test_a_body_that_cannot_be_read_is_refused(world: World) -> None:
    for content, kind, status, code in (
        (b"{not json", "application/json", 400, "invalid_json"),
        (b'{"name": NaN}', "application/json", 400, "invalid_json"),
        (b'{"name": "\xff"}', "application/json", 400, "invalid_json"),
        (b'{"name": "\\ud800"}', "application/json", 400, "invalid_json"),
        (b"[" * 50_000, "application/json", 400, "invalid_json"),
        (b'{"a":' * 5_000, "application/json", 400, "invalid_json"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "", 415, "unsupported_media_type"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"", "application/json", 422, "invalid_input"),
        (b"null", "application/json", 422, "invalid_input"),
        (b"[]", "application/json", 422, "invalid_input"),
        (b'"text"', "application/json", 422, "invalid_input"),
        (b"{}", "application/vnd.hookline+json; charset=utf-8", 422, "invalid_input"),
    ):
        headers = {"Content-Type": kind}
        error = await world.refused(status, "POST", "/api/v1/sources", content=content, headers=headers)
        assert error["code"] == code, content[:40]


async def test_a_large_body_is_refused_before_it_comes(world: World) -> None:
    head = "Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"
    answer = await spoken(world, "POST /api/v1/sources", head.encode())
    assert b" 413 " in answer and b"body_too_large" in answer and b"connection: close" in answer


async def test_a_body_that_does_not_say_its_length_is_refused_when_it_is_too_large(world: World) -> None:
    head = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await spoken(world, "POST /api/v1/sources", head + b"10000\r\n" + b" " * 65_536 + b"\r\n", repeat=17)
    assert b" 413 " in answer and b"body_too_large" in answer


async def test_a_body_of_just_one_megabyte_is_read(world: World) -> None:
    content = json.dumps({"name": "github", "provider": "none"}).encode().ljust(LARGEST)
    transport = httpx.ASGITransport(world.server)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {world.token()}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        assert (await http.post("/api/v1/sources", content=content, headers=headers)).status_code == 201


async def spoken(world: World, line: str, rest: bytes, repeat: int = 1) -> bytes:
    """The answer to a request as raw bytes; the last part of ``rest``, after its head, is sent ``repeat`` times."""
    reader, writer = await asyncio.open_connection(world.http.base_url.host, world.http.base_url.port)
    head, separator, body = rest.partition(b"\r\n\r\n")
    writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.token()}\r\n".encode() + head + separator)
    for _ in range(repeat):
        writer.write(body)
    answer = await reader.readuntil(b"}")
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def test_a_fault_of_ours_is_told_without_its_text_and_logged_with_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("not-a-real-secret is in this text")

    monkeypatch.setattr(world.server.store.catalogue, "sources", broken)
    with capture_logs() as logs:
        error = await world.refused(500, "GET", "/api/v1/sources")
    assert error["code"] == "internal_error"
    assert [line["error"] for line in logs] == ["ZeroDivisionError"]
    assert any("sources.py" in frame for frame in logs[0]["where"])
    assert "not-a-real-secret" not in str(logs) + str(error)


async def test_a_caller_that_hangs_up_is_no_fault(world: World) -> None:
    token = create_token(SERVER_SECRET, "org_default", world.clock.now_ms() // 1000)
    host, port = world.http.base_url.host, world.http.base_url.port
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection(host, port)
        head = f"POST /api/v1/sources HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await world.got("GET", "/healthz")
    assert logs == []


async def test_answers_are_not_kept_by_caches(world: World) -> None:
    for path in ("/api/v1/sources", "/api/v1/nothing", "/healthz", "/metrics"):
        assert (await world.ask("GET", path)).headers["cache-control"] == "no-store"


numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "name", "provider", "signature", "secrets", "tolerance", "methods", "max_body", "allow_ips", "rate_limit", "dedupe",
    "schemas", "event_types", "retention", "endpoints", "url", "events", "headers", "retry", "concurrency", "enabled",
    "source", "status", "type", "since", "until", "endpoint", "dry_run", "id",
]  # fmt: skip
bodies = json_values | st.dictionaries(st.sampled_from(KEYS), json_values | st.sampled_from(["github", "generic", "x"]))
places = st.sampled_from(
    ["sources", "sources/github", "sources/github/endpoints", "sources/github/endpoints/build", "replays",
     "events/msg_0/replay", "deliveries/dlv_0/cancel", "rejections/rej_0/accept", "sources/a/endpoints/b/pause"]
)  # fmt: skip
hostile_paths = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["%00", "%ff", "%2e%2e/%2e%2e/etc/passwd", "..", "'; DROP TABLE event; --", "%25", "a" * 3000, "%F0%9F%98%80"]
)
patient = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@patient
@given(st.sampled_from(["POST", "PUT"]), places, bodies)
async def test_any_json_is_done_or_refused_in_the_one_shape(world: World, method: str, place: str, body: Any) -> None:
    response = await world.ask(method, f"/api/v1/{place}", body)
    assert response.status_code in (200, 201, 202, 204, 400, 404, 405, 409, 422), response.text
    if response.status_code >= 400:
        assert {"code", "detail"} <= set(response.json())


@patient
@given(
    st.sampled_from(["sources", "sources/x/endpoints", "events", "deliveries", "rejections", "replays", "", "docs/.."]),
    hostile_paths,
    st.sampled_from(["", "/body", "/secret", "/endpoints", "/pause"]),
)
async def test_any_path_is_answered_without_a_fault(world: World, where: str, name: str, rest: str) -> None:
    for method in ("GET", "DELETE", "POST"):
        path = f"/api/v1/{where}/{quote(name, safe='%/.')}{rest}"
        response = await world.http.request(method, path, headers={"Authorization": f"Bearer {world.token()}"})
        assert response.status_code < 500, response.text


@patient
@given(st.sampled_from(["events", "deliveries", "rejections", "replays", "sources"]), st.binary(max_size=60))
async def test_any_query_is_answered_without_a_fault(world: World, place: str, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection(world.http.base_url.host, world.http.base_url.port)
    query = raw.translate(None, b" \r\n#\0")
    head = f"Host: x\r\nAuthorization: Bearer {world.token()}\r\nConnection: close\r\n\r\n".encode()
    writer.write(b"GET /api/v1/" + place.encode() + b"?" + query + b" HTTP/1.1\r\n" + head)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.split(b" ")[1] in (b"200", b"400", b"404", b"422"), answer
