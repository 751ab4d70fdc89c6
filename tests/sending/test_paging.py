from __future__ import annotations

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from hookline.api.sending.paging import PageQuery, page

from .conftest import Json, Sending


async def pages(sending: Sending, path: str, limit: int, iterator: str = "iterator", start: str = "") -> list[Json]:
    """All pages in one direction, as a client walks them."""
    found: list[Json] = []
    query = f"{path}{'&' if '?' in path else '?'}limit={limit}"
    following: str | None = start
    while following is not None:
        answer = await sending.got("GET", f"{query}&iterator={quote(following, safe='')}" if following else query)
        found.append(answer)
        following = None if answer["done"] else answer[iterator]
    return found


async def test_a_list_is_walked_forward_and_back(sending: Sending) -> None:
    ids = [await sending.app(f"c-{n}") for n in range(5)]
    forward = await pages(sending, "/app", 2)
    assert [[one["id"] for one in each["data"]] for each in forward] == [ids[:2], ids[2:4], ids[4:]]
    assert [each["done"] for each in forward] == [False, False, True]
    assert (forward[0]["iterator"], forward[1]["prevIterator"]) == (ids[1], f"-{ids[2]}")
    back = await pages(sending, "/app", 2, "prevIterator", forward[2]["prevIterator"])
    assert [[one["id"] for one in each["data"]] for each in back] == [ids[2:4], ids[:2]]
    assert [each["done"] for each in back] == [False, True]


async def test_a_list_that_falls_is_walked_forward_and_back(sending: Sending) -> None:
    await sending.app()
    ids = [(await sending.endpoint())["id"] for _ in range(5)][::-1]
    forward = await pages(sending, "/app/customer/endpoint", 2)
    assert [[one["id"] for one in each["data"]] for each in forward] == [ids[:2], ids[2:4], ids[4:]]
    back = await pages(sending, "/app/customer/endpoint", 3, "prevIterator", forward[2]["prevIterator"])
    assert [[one["id"] for one in each["data"]] for each in back] == [ids[1:4], ids[:1]]
    rising = await pages(sending, "/app/customer/endpoint?order=ascending", 3)
    assert [[one["id"] for one in each["data"]] for each in rising] == [ids[:1:-1], ids[1::-1]]


async def test_what_comes_meanwhile_shifts_nothing(sending: Sending) -> None:
    await sending.app()
    ids = [(await sending.endpoint())["id"] for _ in range(4)][::-1]
    first = await sending.got("GET", "/app/customer/endpoint?limit=2")
    await sending.endpoint()
    await sending.got("DELETE", f"/app/customer/endpoint/{ids[1]}", status=204)
    second = await sending.got("GET", f"/app/customer/endpoint?limit=2&iterator={first['iterator']}")
    assert [one["id"] for one in second["data"]] == ids[2:]


async def test_an_empty_page_names_no_place(sending: Sending) -> None:
    nothing: Json = {"data": [], "iterator": None, "prevIterator": None, "done": True}
    assert await sending.got("GET", "/app") == nothing
    app_id = await sending.app()
    assert await sending.got("GET", f"/app?iterator={app_id}") == nothing
    assert await sending.got("GET", f"/app?iterator=-{app_id}") == nothing
    assert len((await sending.got("GET", "/app?iterator="))["data"]) == 1


async def test_names_that_look_like_iterators_are_walked_too(sending: Sending) -> None:
    names = sorted(["-", "--", "-a", "a", "-a-", "b"])
    for name in names:
        await sending.got("POST", "/event-type", {"name": name, "description": name}, status=201)
    forward = await pages(sending, "/event-type", 1)
    assert [one["name"] for each in forward for one in each["data"]] == names
    back = await pages(sending, "/event-type", 1, "prevIterator", forward[-1]["prevIterator"])
    assert [one["name"] for each in back for one in each["data"]] == names[-2::-1]


async def test_a_limit_out_of_range_is_refused(sending: Sending) -> None:
    for limit in ("0", "-1", "251", "many", "1.5"):
        assert set(await sending.wrong("GET", f"/app?limit={limit}")) == {"query.limit"}
    for limit in ("1", "250"):
        await sending.got("GET", f"/app?limit={limit}")
    assert set(await sending.wrong("GET", f"/app?iterator={'x' * 601}")) == {"query.iterator"}


async def test_any_iterator_is_answered(sending: Sending) -> None:
    await sending.app()
    for iterator in ("%00", "'; --", "ä", "~", "-", "%F0%9F%8E%89", "app_", "-app_"):
        await sending.got("GET", f"/app?iterator={iterator}")


async def test_parameters_that_nobody_knows_are_ignored(sending: Sending) -> None:
    await sending.app()
    assert len((await sending.got("GET", "/app?no_such=1&limit=2"))["data"]) == 1


@given(st.lists(st.text("-~ab", min_size=1, max_size=3), unique=True, max_size=9).map(sorted), st.integers(1, 4))
def test_every_list_is_walked_once_in_each_direction(names: list[str], limit: int) -> None:
    def walk(key: str, iterator: str | None) -> list[list[str]]:
        walked: list[list[str]] = []
        done = False
        while not done:
            query = PageQuery(limit=limit, iterator=iterator)
            part = query.part(descending=False)
            if part.descending:
                rest = [name for name in reversed(names) if not part.anchor or name < part.anchor]
            else:
                rest = [name for name in names if not part.anchor or name > part.anchor]
            answer = page(query, rest[: part.limit], lambda name: {"name": name}, lambda name: name)
            content = json.loads(bytes(answer.body))
            walked.append([one["name"] for one in content["data"]])
            done, iterator = content["done"], content[key]
        return walked

    forward = walk("iterator", None)
    assert [name for each in forward for name in each] == names
    assert all(len(each) == limit for each in forward[:-1])
    if names:
        start = "-" + ("~" if names[-1][0] in "-~" else "") + names[-1]
        back = walk("prevIterator", start)
        assert [name for each in reversed(back) for name in each] == names[:-1]
