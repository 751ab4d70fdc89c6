from __future__ import annotations

from .conftest import Sending


async def test_a_server_that_works_says_so_without_a_token_and_without_words(sending: Sending) -> None:
    for method in ("GET", "HEAD"):
        for path in ("/health", "/health/", "/health/ping", "/health/ping/"):
            response = await sending.world.ask(method, f"/api/v1{path}", org=None)
            assert (response.status_code, response.content) == (204, b""), path
    await sending.got("GET", "/health", status=204)


async def test_a_server_whose_store_cannot_be_written_is_not_well(sending: Sending) -> None:
    await sending.server.store.database.close()
    response = await sending.world.ask("GET", "/api/v1/health", org=None)
    assert response.status_code == 503 and response.json()["code"] == "store_unavailable"
    assert (await sending.world.ask("HEAD", "/api/v1/health", org=None)).status_code == 503
    assert (await sending.world.ask("GET", "/api/v1/health/ping", org=None)).status_code == 204
