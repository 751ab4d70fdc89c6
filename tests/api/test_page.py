from __future__ import annotations

import pytest

from .conftest import World


async def walk(world: World, path: str, limit: int) -> tuple[list[str], int]:
    """All ids of a list, page by page, and how many pages there were."""
    found: list[str] = []
    iterator, pages = "", 0
    while True:
        page = await world.got("GET", f"{path}?limit={limit}" + (f"&iterator={iterator}" if iterator else ""))
        assert set(page) == {"data", "iterator", "done"} and len(page["data"]) <= limit
        found += [one["id"] for one in page["data"]]
        pages += 1
        if page["done"]:
            assert page["iterator"] is None
            return found, pages
        iterator = page["iterator"]


@pytest.mark.parametrize(("limit", "pages"), [(1, 5), (2, 3), (5, 1), (250, 1)])
async def test_every_list_is_walked_without_loss_or_repetition(world: World, limit: int, pages: int) -> None:
    await world.source()
    for number in range(5):
        await world.endpoint(
            name=f"e{number}", url=f"{world.receiver.url}/", events=["push" if number == 0 else "never"]
        )
    for number in range(4):
        await world.source(name=f"s{number}")
    for number in range(5):
        await world.event(b'{"n":%d}' % number, id=f"d-{number}")
        await world.webhook(source="nobody")
        await world.got("POST", "/api/v1/replays", {"status": "failed"}, status=202)
        world.advance(1)
    for path in ("sources", "sources/github/endpoints", "events", "deliveries", "rejections", "replays"):
        found, walked = await walk(world, f"/api/v1/{path}", limit)
        assert len(found) == len(set(found)) == 5, path
        assert walked == pages, path
        newest_first = sorted(found, reverse=True)
        assert path.startswith("sources") or found == newest_first, path


async def test_what_comes_while_a_list_is_walked_shifts_nothing(world: World) -> None:
    await world.source()
    events = []
    for number in range(3):
        events.append(await world.event(b'{"n":%d}' % number, id=f"d-{number}"))
        world.advance(1)
    first = await world.got("GET", "/api/v1/events?limit=2")
    await world.event(b'{"n":9}', id="d-9")
    second = await world.got("GET", f"/api/v1/events?limit=2&iterator={first['iterator']}")
    assert [one["id"] for one in first["data"] + second["data"]] == events[::-1]


async def test_an_empty_list_is_done(world: World) -> None:
    assert await world.got("GET", "/api/v1/events") == {"data": [], "iterator": None, "done": True}
