"""Lists agree with what was stored, whatever is filtered, in whichever direction and by whatever parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.model import DEFAULT_ORG
from hookline.core.state import Move
from hookline.storage.attempts import AttemptFilter, anchor_of
from hookline.storage.base import Slice
from hookline.storage.messages import MessageFilter
from hookline.storage.store import open_store
from hookline.testing.store_suite.world import START_MS, World

T = TypeVar("T")

TYPES = ("a", "a.b", "ab", "b")
WORDS = ("x", "xy", "y")
EVER_MS = START_MS + 10

#: One message: its type, its channels, its tags, how long after the last one it came, and how its tries ended.
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(TYPES),
        st.sets(st.sampled_from(WORDS)),
        st.sets(st.sampled_from(WORDS)),
        st.integers(0, 2),
        st.lists(st.sampled_from([Move.RETRY, Move.DELIVER, Move.EXHAUST]), max_size=3),
    ),
    max_size=8,
)
FILTERS = st.builds(
    MessageFilter,
    types=st.sets(st.sampled_from(TYPES), max_size=2).map(tuple),
    channel=st.sampled_from(("", *WORDS)),
    tag=st.sampled_from(("", *WORDS)),
    since_ms=st.sampled_from((0, START_MS + 1, START_MS + 3)),
    until_ms=st.sampled_from((0, START_MS + 2, START_MS + 5)),
)
TRIES = st.builds(
    AttemptFilter,
    success=st.sampled_from((None, True, False)),
    status_class=st.sampled_from((None, 0, 200, 500)),
    types=st.sets(st.sampled_from(TYPES), max_size=2).map(tuple),
    channel=st.sampled_from(("", *WORDS)),
    tag=st.sampled_from(("", *WORDS)),
    since_ms=st.sampled_from((0, START_MS + 1, START_MS + 3)),
    until_ms=st.sampled_from((0, START_MS + 2, START_MS + 5)),
)


@given(MESSAGES, FILTERS, TRIES, st.booleans(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_lists_agree_with_what_was_stored(
    messages: list[tuple[str, set[str], set[str], int, list[Move]]],
    where: MessageFilter,
    tries: AttemptFilter,
    descending: bool,
    limit: int,
) -> None:
    async def run() -> None:
        world = World(lambda secret: open_store("sqlite://:memory:", secret))
        try:
            await check(world, messages, where, tries, descending, limit)
        finally:
            await world.close()

    asyncio.run(run())


async def check(
    world: World,
    messages: list[tuple[str, set[str], set[str], int, list[Move]]],
    where: MessageFilter,
    tries: AttemptFilter,
    descending: bool,
    limit: int,
) -> None:
    shop = await world.application()
    endpoint = await world.customer_endpoint(shop)
    wanted: list[str] = []
    attempts: list[tuple[int, str, int]] = []
    for type, channels, tags, later_ms, moves in messages:
        world.now_ms += later_ms
        receipt = await world.accept(shop, type=type, channels=tuple(channels), tags=tuple(tags))
        delivery_id = (await world.delivery(receipt.event_id)).id
        alike = (
            (not where.types or type in where.types)
            and (not where.channel or where.channel in channels)
            and (not where.tag or where.tag in tags)
        )
        if alike and where.since_ms <= world.now_ms < (where.until_ms or EVER_MS * 2):
            wanted.append(receipt.event_id)
        for number, move in enumerate(moves, 1):
            if number > 1:
                await world.store.deliveries.resend(DEFAULT_ORG, receipt.event_id, endpoint.id, world.now_ms)
            works = (await world.claim(endpoint, limit=100)).works
            (work,) = [each for each in works if each.event_id == receipt.event_id]
            for each in works:
                await world.settle(each, move if each is work else Move.GIVE_BACK)
            status = 200 if move is Move.DELIVER else 500
            like = (
                (not tries.types or type in tries.types)
                and (not tries.channel or tries.channel in channels)
                and (not tries.tag or tries.tag in tags)
                and tries.success in (None, status == 200)
                and tries.status_class in (None, status)
            )
            if like and tries.since_ms <= world.now_ms < (tries.until_ms or EVER_MS * 2):
                attempts.append((world.now_ms, delivery_id, number))

    store = world.store

    def in_order(found: list[T]) -> list[T]:
        return found[::-1] if descending else found

    listed = await walk(
        lambda anchor: store.messages.list(DEFAULT_ORG, shop.id, where, Slice(anchor, descending, limit), False),
        lambda message: message.event.id,
        limit,
    )
    assert [one.event.id for one in listed] == in_order(wanted)
    owed = await walk(
        lambda anchor: store.attempts.messages_of_endpoint(
            DEFAULT_ORG, shop.id, endpoint.id, where, (), Slice(anchor, descending, limit), False
        ),
        lambda one: one.delivery.id,
        limit,
    )
    assert [one.message.event.id for one in owed] == in_order(wanted)
    tried = await walk(
        lambda anchor: store.attempts.of_endpoint(
            DEFAULT_ORG, shop.id, endpoint.id, tries, Slice(anchor, descending, limit)
        ),
        anchor_of,
        limit,
    )
    made = [(one.attempt.started_at_ms, one.attempt.delivery_id, one.attempt.number) for one in tried]
    assert made == in_order(sorted(attempts))


async def walk(read: Callable[[str], Awaitable[list[T]]], anchor: Callable[[T], str], limit: int) -> list[T]:
    found: list[T] = []
    while page := await read(anchor(found[-1]) if found else ""):
        assert len(page) <= limit
        found += page
    return found
