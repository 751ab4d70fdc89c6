"""Event types: known by name, archived and brought back, shown to those who may see them."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from hookline.core.errors import Conflict, NotFound
from hookline.core.model import DEFAULT_ORG, EventType
from hookline.storage.base import Once, Slice
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises

SCHEMAS = {"1": {"type": "object", "required": ["id"]}}


async def an_event_type_is_stored_with_all_that_was_said_of_it(world: World) -> None:
    wanted = _type(world, "order.paid", description="Paid", deprecated=True, feature_flag="beta", schemas=SCHEMAS)
    made = await world.store.event_types.create(wanted)
    assert (made.created, made.value) == (True, wanted)
    assert await world.store.event_types.get(DEFAULT_ORG, "order.paid") == wanted
    assert world.store.routing.event_type(DEFAULT_ORG, "order.paid") == wanted
    await raises(Conflict, world.store.event_types.create(wanted))
    await raises(NotFound, world.store.event_types.get(DEFAULT_ORG, "order"))
    assert (await world.store.event_types.create(dataclasses.replace(wanted, org_id=OTHER_ORG))).created


async def an_archived_event_type_is_brought_back_by_creating_it(world: World) -> None:
    first = (await world.store.event_types.create(_type(world, "order.paid", schemas=SCHEMAS))).value
    world.now_ms += 1000
    await world.store.event_types.archive(DEFAULT_ORG, "order.paid", world.now_ms)
    archived = await world.store.event_types.get(DEFAULT_ORG, "order.paid")
    assert archived == dataclasses.replace(first, archived=True, updated_at_ms=world.now_ms)
    assert world.store.routing.event_type(DEFAULT_ORG, "order.paid") == archived
    world.now_ms += 1000
    back = await world.store.event_types.create(_type(world, "order.paid", description="new"))
    assert back.created
    assert (back.value.archived, back.value.description, back.value.schemas) == (False, "new", None)
    assert (back.value.created_at_ms, back.value.updated_at_ms) == (first.created_at_ms, world.now_ms)


async def an_event_type_that_is_expunged_is_gone_and_can_come_again(world: World) -> None:
    await world.store.event_types.create(_type(world, "order.paid"))
    await world.store.event_types.expunge(DEFAULT_ORG, "order.paid", world.now_ms)
    assert world.store.routing.event_type(DEFAULT_ORG, "order.paid") is None
    for work in (world.store.event_types.archive, world.store.event_types.expunge):
        await raises(NotFound, work(DEFAULT_ORG, "order.paid", world.now_ms))
    world.now_ms += 1000
    again = (await world.store.event_types.create(_type(world, "order.paid"))).value
    assert again.created_at_ms == world.now_ms
    assert world.store.routing.event_type(DEFAULT_ORG, "order.paid") == again


async def a_put_replaces_or_creates_an_event_type(world: World) -> None:
    seen: list[EventType | None] = []

    def make(known: EventType | None) -> EventType:
        seen.append(known)
        return EventType("org_nobody", "ignored", description=f"number {len(seen)}")

    made = await world.store.event_types.put(DEFAULT_ORG, "order.paid", make, world.now_ms)
    assert (made.created, made.value.org_id, made.value.name) == (True, DEFAULT_ORG, "order.paid")
    world.now_ms += 1000
    again = await world.store.event_types.put(DEFAULT_ORG, "order.paid", make, world.now_ms)
    assert (again.created, again.value.description) == (False, "number 2")
    assert (again.value.created_at_ms, again.value.updated_at_ms) == (made.value.created_at_ms, world.now_ms)
    assert seen == [None, made.value]


async def edits_of_an_event_type_do_not_undo_each_other(world: World) -> None:
    await world.store.event_types.create(_type(world, "order.paid"))

    def add(version: str) -> Any:
        return lambda known: dataclasses.replace(known, schemas={**(known.schemas or {}), version: {}})

    edits = [world.store.event_types.edit(DEFAULT_ORG, "order.paid", add(str(n)), world.now_ms) for n in range(10)]
    await asyncio.gather(*edits)
    stored = await world.store.event_types.get(DEFAULT_ORG, "order.paid")
    assert sorted(stored.schemas or {}) == sorted(map(str, range(10)))
    await raises(NotFound, world.store.event_types.edit(DEFAULT_ORG, "order", add("1"), world.now_ms))


async def event_types_are_listed_by_name_in_both_directions(world: World) -> None:
    for name in ("b.two", "a", "c", "b", "archived"):
        await world.store.event_types.create(_type(world, name))
    await world.store.event_types.archive(DEFAULT_ORG, "archived", world.now_ms)
    await world.store.event_types.create(dataclasses.replace(_type(world, "theirs"), org_id=OTHER_ORG))

    async def names(anchor: str = "", *, descending: bool = False, limit: int = 10, **how: Any) -> list[str]:
        found = await world.store.event_types.list(DEFAULT_ORG, Slice(anchor, descending, limit), **how)
        return [one.name for one in found]

    assert await names() == ["a", "b", "b.two", "c"]
    assert await names(include_archived=True) == ["a", "archived", "b", "b.two", "c"]
    assert await names(descending=True) == ["c", "b.two", "b", "a"]
    assert await names("a", limit=2) == ["b", "b.two"]
    assert await names("c", limit=2, descending=True) == ["b.two", "b"]


async def event_types_with_a_flag_are_shown_to_those_who_have_it(world: World) -> None:
    for name, flag in (("open", ""), ("beta", "beta"), ("betamax", "betamax")):
        await world.store.event_types.create(_type(world, name, feature_flag=flag))

    async def names(flags: frozenset[str] | None) -> set[str]:
        found = [
            {one.name for one in await world.store.event_types.list(DEFAULT_ORG, Slice(descending=way), flags=flags)}
            for way in (True, False)
        ]
        assert found[0] == found[1]
        return found[0]

    assert await names(None) == {"open", "beta", "betamax"}
    assert await names(frozenset()) == {"open"}
    assert await names(frozenset({"beta"})) == {"open", "beta"}
    assert await names(frozenset({"betamax", "x"})) == {"open", "betamax"}
    assert await names(frozenset({"x beta y"})) == {"open"}  # one flag, whatever is in it


async def an_event_type_is_created_once_however_often_it_is_sent(world: World) -> None:
    once = Once(DEFAULT_ORG, "k:1", b"body", world.now_ms + 1000)
    first = await world.store.event_types.create(_type(world, "order.paid"), once)
    assert (await world.store.event_types.create(_type(world, "order.paid"), once)) == first
    error = await raises(
        Conflict, world.store.event_types.create(_type(world, "other"), Once(DEFAULT_ORG, "k:1", b"x", world.now_ms))
    )
    assert error.code == "idempotency_key_reused"
    await world.store.event_types.expunge(DEFAULT_ORG, "order.paid", world.now_ms)
    await raises(Conflict, world.store.event_types.create(_type(world, "order.paid"), once))


def _type(world: World, name: str, **more: Any) -> EventType:
    return EventType(DEFAULT_ORG, name, created_at_ms=world.now_ms, updated_at_ms=world.now_ms, **more)


BEHAVIOURS = behaviours(
    an_event_type_is_stored_with_all_that_was_said_of_it,
    an_archived_event_type_is_brought_back_by_creating_it,
    an_event_type_that_is_expunged_is_gone_and_can_come_again,
    a_put_replaces_or_creates_an_event_type,
    edits_of_an_event_type_do_not_undo_each_other,
    event_types_are_listed_by_name_in_both_directions,
    event_types_with_a_flag_are_shown_to_those_who_have_it,
    an_event_type_is_created_once_however_often_it_is_sent,
)
