"""Tenants: nobody sees or changes anything of another organisation, by whatever function."""

from __future__ import annotations

from hookline.core.errors import NotFound
from hookline.core.model import DEFAULT_ORG, EventType
from hookline.core.state import Move
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.base import EventFilter, Slice
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises


async def another_organisation_reads_nothing(world: World) -> None:
    store = world.store
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source, key="id:1")
    delivery = await world.delivery(receipt.event_id)
    rejection = world.rejection()
    await store.rejections.add(rejection)
    replay = await store.replays.start(DEFAULT_ORG, EventFilter(), world.now_ms)

    everything = EventFilter(source_id=source.id)
    for org_id, sees in ((DEFAULT_ORG, True), (OTHER_ORG, False)):
        seen = [
            await store.events.find(org_id, EventFilter()),
            await store.events.find(org_id, everything),
            await store.events.get(org_id, receipt.event_id),
            await store.events.story(org_id, receipt.event_id),
            await store.deliveries.find(org_id),
            await store.deliveries.find(org_id, endpoint_id=endpoint.id),
            await store.deliveries.get(org_id, delivery.id),
            await store.rejections.find(org_id),
            await store.rejections.get(org_id, rejection.id),
            await store.replays.find(org_id),
            await store.replays.get(org_id, replay.id),
            (await store.replays.count(org_id, EventFilter())).events,
            await store.catalogue.sources(org_id),
            await store.catalogue.endpoints(org_id, source.id),
            store.routing.source(org_id, "shop"),
            store.routing.source(org_id, source.id),
            store.routing.sources_of(org_id),
            store.routing.endpoint(org_id, source.id, "ledger"),
            store.routing.endpoints_of(org_id, source.id),
        ]
        assert [bool(one) for one in seen] == [sees] * len(seen)
    await raises(NotFound, store.catalogue.source(OTHER_ORG, source.id))
    await raises(NotFound, store.catalogue.endpoint(OTHER_ORG, source.id, endpoint.id))


async def rare_statuses_are_found_only_by_their_organisation(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    await world.accept(source)
    await world.try_once(endpoint, Move.EXHAUST)
    failed = EventFilter(status="failed")
    assert len(await world.store.events.find(DEFAULT_ORG, failed)) == 1
    assert await world.store.events.find(OTHER_ORG, failed) == []


async def another_organisation_changes_nothing(world: World) -> None:
    store = world.store
    source = await world.source()
    endpoint = await world.endpoint(source)
    receipt = await world.accept(source)
    rejection = world.rejection()
    await store.rejections.add(rejection)
    before = await world.story(receipt.event_id)
    now_ms = world.now_ms + 1
    await raises(NotFound, store.catalogue.delete_source(OTHER_ORG, source.id))
    await raises(NotFound, store.catalogue.delete_endpoint(OTHER_ORG, endpoint.id))
    await raises(NotFound, store.deliveries.cancel(OTHER_ORG, before.deliveries[0].id, now_ms))
    await raises(NotFound, store.deliveries.replay_event(OTHER_ORG, receipt.event_id, now_ms))
    await store.rejections.accepted(OTHER_ORG, rejection.id, "msg_1")
    theirs = await store.replays.start(OTHER_ORG, EventFilter(), now_ms)
    assert (await store.replays.step(theirs.id, OTHER_ORG, now_ms)).replayed == 0
    assert await world.story(receipt.event_id) == before
    assert await store.catalogue.endpoint(DEFAULT_ORG, source.id, endpoint.id) == endpoint
    assert await store.rejections.get(DEFAULT_ORG, rejection.id) == rejection


async def another_organisation_finds_nothing_of_what_is_sent(world: World) -> None:
    store = world.store
    application = await world.application("acme")
    endpoint = await world.customer_endpoint(application, uid="hook")
    await store.applications.operational(DEFAULT_ORG, world.now_ms)
    await store.event_types.create(EventType(DEFAULT_ORG, "order.paid"))
    for org_id, sees in ((DEFAULT_ORG, True), (OTHER_ORG, False)):
        routing = store.routing
        seen = [
            await store.applications.list(org_id, Slice()),
            await store.applications.list(org_id, Slice(descending=False)),
            await store.application_endpoints.list(org_id, application.id, Slice()),
            await store.application_endpoints.list(org_id, application.id, Slice(descending=False)),
            await store.event_types.list(org_id, Slice()),
            await store.event_types.list(org_id, Slice(descending=False), include_archived=True),
            *(routing.application(org_id, key) for key in ("acme", application.id)),
            *(routing.endpoint(org_id, application.id, key) for key in ("hook", endpoint.id)),
            routing.endpoints_of(org_id, application.id),
            routing.operational(org_id),
            routing.event_type(org_id, "order.paid"),
        ]
        assert [bool(one) for one in seen] == [sees] * len(seen)
    for key in ("acme", application.id):
        await raises(NotFound, store.applications.get(OTHER_ORG, key))
    for key in ("hook", endpoint.id):
        await raises(NotFound, store.application_endpoints.get(OTHER_ORG, application.id, key))
    await raises(NotFound, store.event_types.get(OTHER_ORG, "order.paid"))


async def another_organisation_changes_nothing_of_what_is_sent(world: World) -> None:
    store, now_ms = world.store, world.now_ms
    application = await world.application("acme")
    endpoint = await world.customer_endpoint(application, uid="hook")
    event_type = (await store.event_types.create(EventType(DEFAULT_ORG, "order.paid"))).value
    new = NewEndpoint(OTHER_ORG, application.id, endpoint.spec, now_ms)
    theirs, at = store.applications, store.application_endpoints
    for work in (
        theirs.put(OTHER_ORG, application.id, lambda _: application.spec, now_ms),
        theirs.edit(OTHER_ORG, "acme", lambda spec: spec, now_ms),
        theirs.delete(OTHER_ORG, application.id, now_ms),
        at.create(new),
        at.put(OTHER_ORG, application.id, endpoint.id, lambda _: endpoint.spec, now_ms),
        at.put(OTHER_ORG, application.id, "hook", lambda _: endpoint.spec, now_ms),
        at.edit(OTHER_ORG, application.id, endpoint.id, lambda spec: spec, now_ms),
        at.delete(OTHER_ORG, application.id, endpoint.id, now_ms),
        at.rotate(OTHER_ORG, application.id, endpoint.id, overlap_s=0, now_ms=now_ms),
        store.event_types.edit(OTHER_ORG, "order.paid", lambda known: known, now_ms),
        store.event_types.archive(OTHER_ORG, "order.paid", now_ms),
        store.event_types.expunge(OTHER_ORG, "order.paid", now_ms),
    ):
        await raises(NotFound, work)
    made = await theirs.put(OTHER_ORG, "acme", lambda _: application.spec, now_ms)
    assert (made.created, made.value.org_id) == (True, OTHER_ORG)
    assert await store.applications.list(DEFAULT_ORG, Slice()) == [application]
    assert await at.list(DEFAULT_ORG, application.id, Slice()) == [endpoint]
    assert await store.event_types.list(DEFAULT_ORG, Slice()) == [event_type]


async def organisations_may_use_the_same_names(world: World) -> None:
    ours, theirs = await world.source("shop"), await world.source("shop", org_id=OTHER_ORG)
    assert ours.id != theirs.id
    door = world.store.routing.at_door
    assert [source and source.id for source in (door("shop"), door(ours.id), door(theirs.id))] == [
        ours.id,
        ours.id,
        theirs.id,
    ]
    receipt = await world.accept(theirs)
    assert await world.store.events.get(OTHER_ORG, receipt.event_id) is not None
    assert await world.store.events.get(DEFAULT_ORG, receipt.event_id) is None


BEHAVIOURS = behaviours(
    another_organisation_reads_nothing,
    rare_statuses_are_found_only_by_their_organisation,
    another_organisation_changes_nothing,
    another_organisation_finds_nothing_of_what_is_sent,
    another_organisation_changes_nothing_of_what_is_sent,
    organisations_may_use_the_same_names,
)
