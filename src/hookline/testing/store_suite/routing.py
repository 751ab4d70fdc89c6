"""The routing: whom a message goes to, and how changes reach it without reading everything again."""

from __future__ import annotations

import asyncio
from typing import Any

from hookline.core.model import DEFAULT_ORG, EventType
from hookline.storage.routing import Routing
from hookline.storage.stored import StoredApplication
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours


async def a_message_goes_to_the_endpoints_of_its_type_and_channels(world: World) -> None:
    application = await world.application()
    wishes: list[dict[str, Any]] = [
        {},
        {"events": ["order.paid"]},
        {"events": ["user.*"]},
        {"channels": ["eu", "us"]},
        {"channels": ["us"], "events": ["user.*"]},
        {"enabled": False},
    ]
    made = []
    for wish in wishes:
        world.now_ms += 1
        made.append((await world.customer_endpoint(application, **wish)).id)

    def wanting(event_type: str, *channels: str) -> list[int]:
        return [made.index(one.id) for one in world.store.routing.wanting(application.id, event_type, channels)]

    assert wanting("order.paid") == [0, 1]
    assert wanting("order.paid", "eu") == [0, 1, 3]
    assert wanting("order.paid", "asia") == [0, 1]
    assert wanting("user.created", "us", "asia") == [0, 2, 3, 4]
    assert world.store.routing.wanting("app_0", "order.paid") == []


async def only_what_changed_is_built_anew(world: World) -> None:
    application, other = await world.application(), await world.application("other")
    kept, changed = await world.customer_endpoint(application), await world.customer_endpoint(application)
    before = world.store.routing
    await world.store.application_endpoints.edit(
        DEFAULT_ORG,
        application.id,
        changed.id,
        lambda spec: spec.model_copy(update={"channels": ("eu",)}),
        world.now_ms,
    )
    after = world.store.routing
    assert after.endpoints[kept.id] is before.endpoints[kept.id]
    assert after.endpoints[changed.id] != before.endpoints[changed.id]
    assert after.sources[other.id] is before.sources[other.id]
    assert [one.id for one in before.wanting(application.id, "a")] == [kept.id, changed.id]  # it does not change
    assert [one.id for one in after.wanting(application.id, "a")] == [kept.id]


async def uids_that_are_exchanged_lead_to_their_new_owners(world: World) -> None:
    first, second = await world.application("first"), await world.application("second")
    edit = world.store.applications.edit

    def to(uid: str) -> Any:
        return lambda spec: spec.model_copy(update={"uid": uid})

    await asyncio.gather(  # in one transaction, so that the routing sees only the end
        edit(DEFAULT_ORG, first.id, to("third"), world.now_ms),
        edit(DEFAULT_ORG, second.id, to("first"), world.now_ms),
        edit(DEFAULT_ORG, first.id, to("second"), world.now_ms),
    )
    routing = world.store.routing
    found = [routing.application(DEFAULT_ORG, uid) for uid in ("first", "second", "third")]
    assert [one and one.id for one in found] == [second.id, first.id, None]


async def what_was_never_committed_is_not_routed(world: World) -> None:
    first = await world.application("first")
    created = EventType(DEFAULT_ORG, "order.paid", created_at_ms=world.now_ms)
    endpoint, second, made, *_ = await asyncio.gather(
        world.customer_endpoint(first),
        world.application("second"),
        world.store.event_types.create(created),
        world.store.applications.delete(OTHER_ORG, first.id, world.now_ms),
        world.fail(),
        return_exceptions=True,
    )
    assert not isinstance(endpoint, BaseException)
    assert not isinstance(second, BaseException)
    assert not isinstance(made, BaseException)
    assert set(world.store.routing.sources) == {first.id, second.id}
    assert set(world.store.routing.endpoints) == {endpoint.id}
    assert world.store.routing.event_type(DEFAULT_ORG, "order.paid") == made.value


async def a_store_that_is_opened_later_knows_the_same(world: World) -> None:
    await _use_everything(world)
    _same(world.open().routing, world.store.routing)


async def a_store_that_was_open_learns_of_all_that_others_did(world: World) -> None:
    another = world.open()
    stale = await world.application("stale")
    await world.customer_endpoint(stale)
    await another.changed_outside()
    assert another.routing.application(DEFAULT_ORG, "stale") is not None
    await world.store.applications.delete(DEFAULT_ORG, "stale", world.now_ms)
    await _use_everything(world)
    assert await another.changed_outside()
    assert another.routing.application(DEFAULT_ORG, "stale") is None
    _same(another.routing, world.store.routing)


async def what_comes_back_and_goes_again_is_gone(world: World) -> None:
    another = world.open()
    for _ in range(2):
        await world.store.event_types.create(EventType(DEFAULT_ORG, "order.paid"))
        assert (await another.catalogue.load()).event_type(DEFAULT_ORG, "order.paid") is not None
        await world.store.event_types.expunge(DEFAULT_ORG, "order.paid", world.now_ms)
        assert (await another.catalogue.load()).event_type(DEFAULT_ORG, "order.paid") is None


async def a_message_follows_what_another_process_has_just_changed(world: World) -> None:
    another = world.open()
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    assert list(another.routing.endpoints) == []
    receipt = await world.accept(application, store=another)
    assert receipt.deliveries == 1
    await world.store.application_endpoints.delete(DEFAULT_ORG, application.id, endpoint.id, world.now_ms)
    assert (await world.accept(application, store=another)).deliveries == 0


async def _use_everything(world: World) -> StoredApplication:
    """Create, change and remove a bit of everything that is routed."""
    source = await world.source("shop")
    await world.endpoint(source)
    await world.endpoint(source, "mail")
    await world.store.catalogue.delete_source(DEFAULT_ORG, (await world.source("forum")).id)
    application = await world.application("acme")
    for uid in ("a", "b", "c"):
        await world.customer_endpoint(application, uid=uid)
    await world.store.application_endpoints.delete(DEFAULT_ORG, application.id, "b", world.now_ms)
    await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    for name in ("order.paid", "order.sent"):
        await world.store.event_types.create(EventType(DEFAULT_ORG, name))
        await world.store.event_types.expunge(DEFAULT_ORG, name, world.now_ms)
    await world.store.event_types.create(EventType(DEFAULT_ORG, "order.paid", description="again"))
    return application


def _same(one: Routing, other: Routing) -> None:
    assert one.version == other.version
    assert one.sources == other.sources
    assert one.endpoints == other.endpoints
    assert one.operational(DEFAULT_ORG) == other.operational(DEFAULT_ORG) is not None
    for uid in ("acme", "stale"):
        assert one.application(DEFAULT_ORG, uid) == other.application(DEFAULT_ORG, uid)
    for name in ("order.paid", "order.sent"):
        assert one.event_type(DEFAULT_ORG, name) == other.event_type(DEFAULT_ORG, name)
    for source in one.sources.values():
        wanting = [routing.wanting(source.id, "order.paid") for routing in (one, other)]
        assert wanting[0] == wanting[1] == one.endpoints_of(source.org_id, source.id)


BEHAVIOURS = behaviours(
    a_message_goes_to_the_endpoints_of_its_type_and_channels,
    only_what_changed_is_built_anew,
    uids_that_are_exchanged_lead_to_their_new_owners,
    what_was_never_committed_is_not_routed,
) + behaviours(
    a_store_that_is_opened_later_knows_the_same,
    a_store_that_was_open_learns_of_all_that_others_did,
    what_comes_back_and_goes_again_is_gone,
    a_message_follows_what_another_process_has_just_changed,
    shared=True,
)
