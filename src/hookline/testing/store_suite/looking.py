"""Looking: lists of messages, deliveries and attempts, part by part, in both directions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.model import DEFAULT_ORG
from hookline.core.state import DeliveryState, Move
from hookline.storage.attempts import AttemptFilter, Tried, anchor_of
from hookline.storage.base import Slice
from hookline.storage.messages import MessageFilter
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import OTHER_ORG, START_MS, World, behaviours, raises

T = TypeVar("T")

NEWEST = Slice()


async def a_message_is_found_by_its_id_and_by_the_id_its_publisher_gave_it(world: World) -> None:
    shop, other = await world.application(), await world.application("other")
    receipt = await world.accept(
        shop, key="e:order-7", unique=True, body=b"<order/>", headers=((b"Content-Type", b"text/xml"),)
    )
    get = world.store.messages.get
    message = await get(DEFAULT_ORG, shop.id, receipt.event_id)
    assert message is not None
    assert (message.event.id, message.payload, message.content_type) == (receipt.event_id, b"<order/>", "text/xml")
    assert await get(DEFAULT_ORG, shop.id, "order-7") == message
    bare = await get(DEFAULT_ORG, shop.id, "order-7", False)
    assert bare is not None
    assert (bare.event, bare.payload) == (message.event, None)
    for place in ((OTHER_ORG, shop.id), (DEFAULT_ORG, other.id)):
        for name in (receipt.event_id, "order-7"):
            assert await get(*place, name) is None
    assert await get(DEFAULT_ORG, shop.id, "order-8") is None


async def messages_are_listed_by_each_of_their_sides(world: World) -> None:
    shop, other = await world.application(), await world.application("other")
    names = {}
    for name, type, channels, tags in (
        ("a", "order.paid", ("eu",), ()),
        ("b", "order.sent", ("eu", "us"), ("vip",)),
        ("c", "order.paid", ("us",), ("vip", "new")),
        ("d", "order.paid.late", (), ()),
    ):
        names[(await world.accept(shop, type=type, channels=channels, tags=tags)).event_id] = name
        world.now_ms += 1000
    await world.accept(other)

    async def found(part: Slice = NEWEST, org_id: str = DEFAULT_ORG, **where: Any) -> str:
        messages = await world.store.messages.list(org_id, shop.id, MessageFilter(**where), part, False)
        assert {message.payload for message in messages} <= {None}
        return "".join(names[message.event.id] for message in messages)

    assert await found() == "dcba"
    assert await found(Slice(descending=False)) == "abcd"
    assert await found(types=("order.paid",)) == "ca"
    assert await found(types=("order.paid", "order.sent")) == "cba"
    assert await found(types=("order", "paid")) == ""
    assert await found(channel="eu") == "ba"
    assert await found(channel="e") == ""
    assert await found(tag="vip") == "cb"
    assert await found(tag="vip", channel="eu", types=("order.sent",)) == "b"
    assert await found(since_ms=START_MS + 1000, until_ms=START_MS + 3000) == "cb"
    assert await found(Slice(descending=False), since_ms=START_MS + 1000) == "bcd"
    assert await found(org_id=OTHER_ORG) == ""
    oldest, newest = min(names), max(names)  # a place outside of the time that is asked for
    assert await found(Slice(newest), until_ms=START_MS + 2000) == "ba"
    assert await found(Slice(oldest, descending=False), since_ms=START_MS + 2000) == "cd"


async def messages_bring_their_payloads_where_they_are_asked_for(world: World) -> None:
    shop = await world.application()
    kept, gone = await world.accept(shop, body=b"1"), await world.accept(shop, body=b"2")
    await world.store.messages.expunge(DEFAULT_ORG, shop.id, gone.event_id, world.now_ms)
    messages = await world.store.messages.list(DEFAULT_ORG, shop.id, MessageFilter(), Slice(descending=False), True)
    assert [(one.event.id, one.payload, one.content_type) for one in messages] == [
        (kept.event_id, b"1", "application/json"),
        (gone.event_id, None, ""),
    ]


async def lists_of_messages_are_walked_in_parts_both_ways(world: World) -> None:
    shop, endpoint = await _shop(world)
    published = [(await world.accept(shop)).event_id for _ in range(7)]
    messages, attempts = world.store.messages, world.store.attempts
    for descending in (False, True):
        wanted = published[::-1] if descending else published
        found = await _walk(
            descending,
            lambda part: messages.list(DEFAULT_ORG, shop.id, MessageFilter(), part, False),
            lambda message: message.event.id,
        )
        assert [message.event.id for message in found] == wanted
        owed = await _walk(
            descending,
            lambda part: attempts.messages_of_endpoint(
                DEFAULT_ORG, shop.id, endpoint.id, MessageFilter(), (), part, False
            ),
            lambda one: one.delivery.id,
        )
        assert [one.message.event.id for one in owed] == wanted


async def what_an_endpoint_was_owed_is_listed_by_state(world: World) -> None:
    shop, endpoint = await _shop(world)
    other = await world.customer_endpoint(shop)
    names = {}
    for name, move in (("a", Move.DELIVER), ("b", Move.EXHAUST), ("c", Move.RETRY), ("d", None)):
        receipt = await world.accept(shop, type=f"order.{name}", channels=(name,), body=name.encode())
        names[receipt.event_id] = name
        if move is not None:
            (work,) = (await world.claim(endpoint)).works
            await world.settle(work, move, due_in_ms=9000)
        world.now_ms += 1000

    async def found(*states: str, with_payload: bool = False, **where: Any) -> str:
        owed = await world.store.attempts.messages_of_endpoint(
            DEFAULT_ORG, shop.id, endpoint.id, MessageFilter(**where), states, Slice(), with_payload
        )
        assert {one.delivery.endpoint_id for one in owed} <= {endpoint.id}
        assert [one.message.payload for one in owed] == [
            names[one.message.event.id].encode() if with_payload else None for one in owed
        ]
        return "".join(names[one.message.event.id] for one in owed)

    assert await found() == "dcba"
    assert await found(with_payload=True) == "dcba"
    assert await found(DeliveryState.DEAD) == "b"
    assert await found(DeliveryState.WAITING, DeliveryState.LEASED) == "dc"
    assert await found(DeliveryState.DELIVERED, types=("order.b",)) == ""
    assert await found(types=("order.b",), channel="b") == "b"
    assert await found(since_ms=START_MS + 1000, until_ms=START_MS + 2000) == "b"
    attempts = world.store.attempts
    for place in ((OTHER_ORG, shop.id, endpoint.id), (DEFAULT_ORG, other.id, endpoint.id)):
        assert await attempts.messages_of_endpoint(*place, MessageFilter(), (), Slice(), False) == []


async def the_deliveries_of_a_message_are_listed_in_parts(world: World) -> None:
    shop, _ = await _shop(world)
    endpoints = [await world.customer_endpoint(shop) for _ in range(6)]
    receipt = await world.accept(shop, key="e:order-7", unique=True)
    await world.accept(shop)
    attempts = world.store.attempts
    for descending in (False, True):
        for name in (receipt.event_id, "order-7"):
            found = await _walk(
                descending,
                lambda part, name=name: attempts.endpoints_of_message(DEFAULT_ORG, shop.id, name, part),  # type: ignore[misc]
                lambda delivery: delivery.id,
            )
            assert len(found) == len(endpoints) + 1
            assert [one.id for one in found] == sorted((one.id for one in found), reverse=descending)
    assert await attempts.endpoints_of_message(OTHER_ORG, shop.id, receipt.event_id, Slice()) == []
    assert await attempts.endpoints_of_message(DEFAULT_ORG, "app_0", receipt.event_id, Slice()) == []


async def attempts_at_an_endpoint_are_listed_by_their_time(world: World) -> None:
    shop, endpoint = await _shop(world)
    first = await world.accept(shop, body=b"1")
    await world.try_once(endpoint, Move.RETRY, due_in_ms=5000)
    world.now_ms += 1000
    second = await world.accept(shop, body=b"2")
    await world.try_once(endpoint)
    world.now_ms += 5000
    await world.try_once(endpoint)
    tried = await world.store.attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(), Slice())
    assert [(one.event.id, one.attempt.number, one.attempt.status) for one in tried] == [
        (first.event_id, 2, 200),
        (second.event_id, 1, 200),
        (first.event_id, 1, 500),
    ]
    assert {one.payload for one in tried} == {None}
    assert {one.endpoint_id for one in tried} == {endpoint.id}
    assert {one.event.status for one in tried} == {"processed"}
    paid = await world.store.attempts.of_endpoint(
        DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(), Slice(descending=False), True
    )
    assert [one.payload for one in paid] == [b"1", b"2", b"1"]
    story = await world.story(first.event_id)
    assert [one.attempt for one in paid if one.event.id == first.event_id] == story.attempts


async def attempts_are_listed_by_each_of_their_sides(world: World) -> None:
    shop, endpoint = await _shop(world)
    other = await world.customer_endpoint(shop, events=["nothing"])
    moves = (Move.RETRY, Move.DELIVER, Move.EXHAUST)
    for number, move in enumerate(moves):
        await world.accept(shop, type=f"order.{number}", channels=(f"c{number}",), tags=(f"t{number}",))
        await world.try_once(endpoint, move, due_in_ms=900_000)
        world.now_ms += 1000
    attempts = world.store.attempts

    async def found(**where: Any) -> str:
        tried = await attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(**where), Slice())
        upward = await attempts.of_endpoint(
            DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(**where), Slice(descending=False)
        )
        assert tried == upward[::-1]
        return "".join(one.event.type[-1] for one in tried)

    assert await found() == "210"
    assert await found(success=True) == "1"
    assert await found(success=False) == "20"
    assert await found(status_class=200) == "1"
    assert await found(status_class=500) == "20"
    assert await found(status_class=0) == ""
    assert await found(status_class=500, success=True) == ""
    assert await found(types=("order.0", "order.1")) == "10"
    assert await found(channel="c2") == "2"
    assert await found(tag="t1") == "1"
    assert await found(since_ms=START_MS + 1000) == "21"
    assert await found(until_ms=START_MS + 1000) == "0"
    everything = await attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(), NEWEST)
    first, last = anchor_of(everything[-1]), anchor_of(everything[0])
    early, late = AttemptFilter(until_ms=START_MS + 1000), AttemptFilter(since_ms=START_MS + 2000)
    for where, part, type in ((early, Slice(last), "order.0"), (late, Slice(first, descending=False), "order.2")):
        (one,) = await attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, where, part)
        assert one.event.type == type
    for place in (
        (OTHER_ORG, shop.id, endpoint.id),
        (DEFAULT_ORG, "app_0", endpoint.id),
        (DEFAULT_ORG, shop.id, other.id),
    ):
        assert await attempts.of_endpoint(*place, AttemptFilter(), Slice()) == []


async def lists_of_attempts_are_walked_in_parts_both_ways(world: World) -> None:
    """Also where many were made within one millisecond."""
    shop, endpoint = await _shop(world)
    receipts = [await world.accept(shop) for _ in range(4)]
    for _ in range(2):
        await world.try_once(endpoint, Move.RETRY)
    world.now_ms += 1
    await world.try_once(endpoint)
    attempts = world.store.attempts
    for descending in (False, True):
        at_endpoint = await _walk(
            descending,
            lambda part: attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(), part),
            anchor_of,
        )
        _assert_ordered(at_endpoint, 12, descending)
        of_message = await _walk(
            descending,
            lambda part: attempts.of_message(DEFAULT_ORG, shop.id, receipts[1].event_id, AttemptFilter(), part),
            anchor_of,
        )
        _assert_ordered(of_message, 3, descending)
    listing = attempts.of_endpoint(DEFAULT_ORG, shop.id, endpoint.id, AttemptFilter(), Slice("nonsense"))
    await raises(InvalidInput, listing)


async def attempts_of_a_message_are_listed_by_each_of_their_sides(world: World) -> None:
    shop, endpoint = await _shop(world)
    other = await world.customer_endpoint(shop)
    receipt = await world.accept(shop, type="order.paid", channels=("eu",), tags=("vip",), key="e:order-7", unique=True)
    await world.try_once(endpoint, Move.RETRY)
    world.now_ms += 1000
    await world.try_once(other, Move.DELIVER)
    await world.accept(shop)
    attempts = world.store.attempts

    async def found(**where: Any) -> list[str]:
        tried = await attempts.of_message(DEFAULT_ORG, shop.id, "order-7", AttemptFilter(**where), Slice())
        assert {one.event.id for one in tried} <= {receipt.event_id}
        return ["this" if one.endpoint_id == endpoint.id else "other" for one in tried]

    assert await found() == ["other", "this"]
    assert await found(endpoint_id=endpoint.id) == ["this"]
    assert await found(success=True) == ["other"]
    assert await found(status_class=500) == ["this"]
    assert await found(since_ms=START_MS + 1000) == ["other"]
    assert await found(until_ms=START_MS + 1000) == ["this"]
    assert await found(types=("order.paid",), channel="eu", tag="vip") == ["other", "this"]
    assert await found(types=("order.sent",)) == []
    assert await found(channel="us") == []
    assert await found(tag="new") == []
    assert await attempts.of_message(OTHER_ORG, shop.id, receipt.event_id, AttemptFilter(), Slice()) == []
    assert await attempts.of_message(DEFAULT_ORG, "app_0", receipt.event_id, AttemptFilter(), Slice()) == []


async def one_attempt_is_found_by_its_id(world: World) -> None:
    shop, endpoint = await _shop(world)
    receipt, another = await world.accept(shop, body=b"1"), await world.accept(shop)
    await world.try_once(endpoint, Move.RETRY)
    get = world.store.attempts.get
    (delivery,) = (await world.story(receipt.event_id)).deliveries
    attempt_id = ids.attempt(delivery.id, 1)
    tried = await get(DEFAULT_ORG, shop.id, receipt.event_id, attempt_id)
    assert tried is not None
    assert (tried.attempt.status, tried.endpoint_id, tried.event.id) == (500, endpoint.id, receipt.event_id)
    assert tried.payload == b"1"
    assert await get(DEFAULT_ORG, shop.id, receipt.event_id, ids.attempt(delivery.id, 2)) is None
    assert await get(DEFAULT_ORG, shop.id, another.event_id, attempt_id) is None
    assert await get(DEFAULT_ORG, shop.id, receipt.event_id, "atmpt_0") is None
    assert await get(OTHER_ORG, shop.id, receipt.event_id, attempt_id) is None
    assert await get(DEFAULT_ORG, "app_0", receipt.event_id, attempt_id) is None


async def deliveries_of_an_endpoint_are_counted_by_state(world: World) -> None:
    shop, endpoint = await _shop(world)
    await world.customer_endpoint(shop)
    for move in (Move.DELIVER, Move.DELIVER, Move.EXHAUST, Move.RETRY):
        await world.accept(shop)
        (work,) = (await world.claim(endpoint)).works
        await world.settle(work, move, due_in_ms=900_000)
    world.now_ms += 1000
    await world.accept(shop)
    await world.claim(endpoint)
    stats = world.store.attempts.stats
    counts = {"waiting": 1, "leased": 1, "delivered": 2, "dead": 1, "cancelled": 0}
    assert await stats(DEFAULT_ORG, shop.id, endpoint.id, START_MS, world.now_ms + 1) == counts
    assert await stats(DEFAULT_ORG, shop.id, endpoint.id, START_MS, world.now_ms) == {**counts, "leased": 0}
    assert await stats(DEFAULT_ORG, shop.id, endpoint.id, world.now_ms, 0) == {**dict.fromkeys(counts, 0), "leased": 1}
    assert await stats(OTHER_ORG, shop.id, endpoint.id, 0, 0) == dict.fromkeys(counts, 0)


async def _shop(world: World) -> tuple[StoredApplication, StoredApplicationEndpoint]:
    shop = await world.application()
    return shop, await world.customer_endpoint(shop)


async def _walk(descending: bool, read: Callable[[Slice], Awaitable[list[T]]], anchor: Callable[[T], str]) -> list[T]:
    """All of a list, two at a time."""
    found: list[T] = []
    while page := await read(Slice(anchor(found[-1]) if found else "", descending, 2)):
        assert len(page) <= 2
        found += page
    return found


def _assert_ordered(tried: list[Tried], count: int, descending: bool) -> None:
    assert len(tried) == len({anchor_of(one) for one in tried}) == count
    times = [one.attempt.started_at_ms for one in tried]
    assert times == sorted(times, reverse=descending)


BEHAVIOURS = behaviours(
    a_message_is_found_by_its_id_and_by_the_id_its_publisher_gave_it,
    messages_are_listed_by_each_of_their_sides,
    messages_bring_their_payloads_where_they_are_asked_for,
    lists_of_messages_are_walked_in_parts_both_ways,
    what_an_endpoint_was_owed_is_listed_by_state,
    the_deliveries_of_a_message_are_listed_in_parts,
    attempts_at_an_endpoint_are_listed_by_their_time,
    attempts_are_listed_by_each_of_their_sides,
    lists_of_attempts_are_walked_in_parts_both_ways,
    attempts_of_a_message_are_listed_by_each_of_their_sides,
    one_attempt_is_found_by_its_id,
    deliveries_of_an_endpoint_are_counted_by_state,
)
