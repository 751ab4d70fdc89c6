"""Applications: created once, found by either id, edited without a gap, and never mistaken for a provider's source."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from hookline.config.application_spec import ApplicationSpec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.errors import Conflict, NotFound
from hookline.core.model import DEFAULT_ORG, RateLimit, SourceKind
from hookline.storage.applications import NewApplication
from hookline.storage.apply import Wanted
from hookline.storage.base import Made, Once, Slice
from hookline.storage.catalogue import PutEndpoint, PutSource
from hookline.storage.store import Store
from hookline.storage.stored import StoredApplication
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises


async def an_application_is_stored_with_all_that_was_said_of_it(world: World) -> None:
    made = await _create(
        world,
        "acme",
        metadata={"tier": "gold"},
        delivery_rate="20/s",
        signature_headers="svix",
        challenge_endpoints=True,
        enforce_schemas=False,
        retention="30d",
    )
    assert made.created
    application = made.value
    assert (application.id[:4], application.kind, application.org_id) == ("app_", "application", DEFAULT_ORG)
    assert (application.spec.uid, application.spec.metadata) == ("acme", {"tier": "gold"})
    assert (application.created_at_ms, application.updated_at_ms) == (world.now_ms, world.now_ms)
    for id_or_uid in ("acme", application.id):
        assert await world.store.applications.get(DEFAULT_ORG, id_or_uid) == application
        assert world.store.routing.application(DEFAULT_ORG, id_or_uid) == application.build()
    routed = world.store.routing.sources[application.id]
    assert (routed.kind, routed.delivery_rate, routed.signature_headers) == (
        SourceKind.APPLICATION,
        RateLimit(20, 1.0),
        ("svix",),
    )


async def a_uid_belongs_to_one_application_of_an_organisation(world: World) -> None:
    first = await world.application("acme")
    second = await world.application("other")
    theirs = await world.application("acme", org_id=OTHER_ORG)
    await raises(Conflict, world.application("acme"))
    await raises(Conflict, _edit(world, second.id, uid="acme"))
    assert await _edit(world, first.id, uid="acme", title="still mine")  # its own is not taken
    again = await _create(world, "acme", get_if_exists=True, title="ignored")
    assert (again.created, again.value.id, again.value.spec.title) == (False, first.id, "still mine")
    await _edit(world, first.id, uid="")
    assert world.store.routing.application(DEFAULT_ORG, "acme") is None
    assert (await _edit(world, second.id, uid="acme")).id == second.id
    assert await world.store.applications.get(OTHER_ORG, "acme") == theirs


async def an_id_means_its_application_also_when_it_is_anothers_uid(world: World) -> None:
    first = await world.application("first")
    second = await _create(world, first.id)
    assert await world.store.applications.get(DEFAULT_ORG, first.id) == first
    assert world.store.routing.application(DEFAULT_ORG, first.id) == first.build()
    await world.store.applications.delete(DEFAULT_ORG, first.id, world.now_ms)
    assert await world.store.applications.get(DEFAULT_ORG, first.id) == second.value


async def a_put_replaces_or_creates_under_its_uid(world: World) -> None:
    made = await _put(world, "acme", title="Acme")
    assert (made.created, made.value.spec.uid, made.value.spec.title) == (True, "acme", "Acme")
    world.now_ms += 1000
    again = await _put(world, "acme", title="Acme Ltd")
    assert (again.created, again.value.id, again.value.spec.uid) == (False, made.value.id, "acme")
    assert (again.value.created_at_ms, again.value.updated_at_ms) == (made.value.created_at_ms, world.now_ms)
    by_id = await _put(world, made.value.id, title="Acme")
    assert (by_id.value.id, by_id.value.spec.uid) == (made.value.id, "")
    await raises(NotFound, _put(world, "app_0", title="nobody"))


async def what_a_put_replaces_is_given_to_it(world: World) -> None:
    application = await world.application("acme", metadata={"tier": "gold"})
    seen: list[ApplicationSpec | None] = []

    def make(known: ApplicationSpec | None) -> ApplicationSpec:
        seen.append(known)
        return ApplicationSpec(title="new")

    await world.store.applications.put(DEFAULT_ORG, "acme", make, world.now_ms)
    await world.store.applications.put(DEFAULT_ORG, "other", make, world.now_ms)
    assert seen == [application.spec, None]


async def edits_at_the_same_time_do_not_undo_each_other(world: World) -> None:
    await _edit_all_at_once(world, world.store)


async def edits_by_two_processes_do_not_undo_each_other(world: World) -> None:
    await _edit_all_at_once(world, world.store, world.open())


async def _edit_all_at_once(world: World, *stores: Store) -> StoredApplication:
    application = await world.application("acme")

    def note(key: str) -> Any:
        return lambda spec: spec.model_copy(update={"metadata": {**spec.metadata, key: "1"}})

    edits = [
        store.applications.edit(DEFAULT_ORG, "acme", note(f"{number}.{index}"), world.now_ms)
        for number in range(20)
        for index, store in enumerate(stores)
    ]
    await asyncio.gather(*edits)
    stored = await world.store.applications.get(DEFAULT_ORG, application.id)
    assert len(stored.spec.metadata) == len(edits)
    return stored


async def applications_are_listed_by_id_in_both_directions(world: World) -> None:
    made = []
    for number in range(5):
        world.now_ms += 1
        made.append(await world.application(f"customer-{number}"))
    await world.application(org_id=OTHER_ORG)
    await world.source("shop")
    await world.store.applications.operational(DEFAULT_ORG, world.now_ms)

    async def listed(anchor: str, descending: bool, limit: int) -> list[StoredApplication]:
        return await world.store.applications.list(DEFAULT_ORG, Slice(anchor, descending, limit))

    assert await listed("", False, 10) == made
    assert await listed("", True, 10) == made[::-1]
    assert await listed(made[1].id, False, 2) == made[2:4]
    assert await listed(made[3].id, True, 2) == [made[2], made[1]]


async def a_deleted_application_is_gone_with_its_endpoints(world: World) -> None:
    application = await world.application("acme")
    endpoint = await world.customer_endpoint(application)
    kept = await world.customer_endpoint(await world.application("other"))
    receipt = await world.accept(application)
    await world.store.applications.delete(DEFAULT_ORG, "acme", world.now_ms)
    await raises(NotFound, world.store.applications.get(DEFAULT_ORG, application.id))
    await raises(NotFound, world.store.applications.delete(DEFAULT_ORG, application.id, world.now_ms))
    await raises(NotFound, world.store.application_endpoints.get(DEFAULT_ORG, application.id, endpoint.id))
    assert world.store.routing.application(DEFAULT_ORG, "acme") is None
    assert list(world.store.routing.endpoints) == [kept.id]
    assert world.store.routing.wanting(application.id, "order.paid") == []
    assert (await world.story(receipt.event_id)).event.source_id == application.id  # its messages stay
    assert (await world.application("acme")).id != application.id


async def an_organisation_has_one_operational_source(world: World) -> None:
    asked = [world.store.applications.operational(DEFAULT_ORG, world.now_ms) for _ in range(3)]
    first, *others = await asyncio.gather(*asked)
    assert others == [first, first]
    assert await world.store.applications.operational(DEFAULT_ORG, world.now_ms + 1) == first
    theirs = await world.store.applications.operational(OTHER_ORG, world.now_ms)
    assert theirs.id != first.id
    assert world.store.routing.operational(DEFAULT_ORG) == first.build()
    assert first.kind is SourceKind.OPERATIONAL
    await raises(NotFound, world.store.applications.get(DEFAULT_ORG, first.id))
    await raises(NotFound, world.store.applications.delete(DEFAULT_ORG, first.id, world.now_ms))
    assert world.store.routing.application(DEFAULT_ORG, first.id) is None


async def nothing_of_a_provider_touches_an_application(world: World) -> None:
    """Least of all its door: an application needs no signature there, so whoever knew its id could publish."""
    application = await world.application("acme")
    operational = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    endpoint = EndpointSpec(name="ledger", url="http://127.0.0.1:9/ledger")
    for one in (application, operational):
        for name in (one.id, "acme", "hookline.operational"):
            assert world.store.routing.at_door(name) is None
            assert world.store.routing.source(DEFAULT_ORG, name) is None
            await raises(NotFound, world.store.catalogue.source(DEFAULT_ORG, name))
            await raises(NotFound, world.store.catalogue.delete_source(DEFAULT_ORG, name))
        put = PutEndpoint(DEFAULT_ORG, one.id, endpoint, (), world.now_ms)
        await raises(NotFound, world.store.catalogue.put_endpoint(put))
    assert world.store.routing.sources_of(DEFAULT_ORG) == []
    assert await world.store.catalogue.sources(DEFAULT_ORG) == []
    spec = SourceSpec(name=application.id, provider="none")
    await raises(Conflict, world.store.catalogue.put_source(PutSource(DEFAULT_ORG, spec, (), world.now_ms)))
    assert await world.store.applications.get(DEFAULT_ORG, "acme") == application


async def a_file_that_prunes_leaves_applications_alone(world: World) -> None:
    application = await world.application("acme")
    endpoint = await world.customer_endpoint(application)
    await world.source("shop")
    changes = await world.store.apply(Wanted(DEFAULT_ORG, (), world.now_ms, prune=True))
    assert [(change.action, change.name) for change in changes] == [("deleted", "shop")]
    assert await world.store.applications.get(DEFAULT_ORG, "acme") == application
    assert await world.store.application_endpoints.get(DEFAULT_ORG, application.id, endpoint.id) == endpoint


# -- the same request again -----------------------------------------------------------------------------


async def a_creation_that_is_sent_again_answers_with_what_it_made(world: World) -> None:
    once = _once(world)
    first = await _create(world, "acme", once=once)
    again = await _create(world, "acme", once=once)
    assert (again.created, again.value) == (True, first.value)
    together = await asyncio.gather(*(_create(world, "", once=_once(world, "k:2")) for _ in range(3)))
    assert len({made.value.id for made in together}) == 1
    assert len(await world.store.applications.list(DEFAULT_ORG, Slice())) == 2


async def a_key_with_another_body_is_refused(world: World) -> None:
    await _create(world, "acme", once=_once(world))
    error = await raises(Conflict, _create(world, "other", once=_once(world, body=b"other")))
    assert error.code == "idempotency_key_reused"
    await raises(NotFound, world.store.applications.get(DEFAULT_ORG, "other"))


async def a_key_whose_time_is_over_is_a_new_one(world: World) -> None:
    first = await _create(world, "", once=_once(world))
    world.now_ms += 1000
    assert (await _create(world, "", once=_once(world))).value.id != first.value.id


async def a_creation_that_was_refused_gives_its_key_back(world: World) -> None:
    taken = await world.application("acme")
    once = _once(world)
    await raises(Conflict, _create(world, "acme", once=once))
    await world.store.applications.delete(DEFAULT_ORG, taken.id, world.now_ms)
    assert (await _create(world, "acme", once=once)).created


async def what_was_found_instead_of_created_takes_no_key(world: World) -> None:
    taken = await world.application("acme")
    once = _once(world)
    for _ in range(2):
        found = await _create(world, "acme", once=once, get_if_exists=True)
        assert (found.created, found.value.id) == (False, taken.id)


async def a_creation_sent_again_does_not_bring_back_what_was_deleted(world: World) -> None:
    once = _once(world)
    made = await _create(world, "acme", once=once)
    await world.store.applications.delete(DEFAULT_ORG, made.value.id, world.now_ms)
    error = await raises(Conflict, _create(world, "acme", once=once))
    assert "deleted since" in error.message
    assert await world.store.applications.list(DEFAULT_ORG, Slice()) == []


async def what_was_made_in_a_group_that_failed_is_made_once(world: World) -> None:
    once = _once(world)
    made, _ = await asyncio.gather(_create(world, "acme", once=once), world.fail())
    assert (await _create(world, "acme", once=once)).value == made.value
    assert list(world.store.routing.sources) == [made.value.id]


def _once(world: World, key: str = "k:1", body: bytes = b"body", scope: str = DEFAULT_ORG) -> Once:
    return Once(scope, key, body, world.now_ms + 1000)


async def _create(
    world: World, uid: str, *, once: Once | None = None, get_if_exists: bool = False, **spec: Any
) -> Made[StoredApplication]:
    wanted = ApplicationSpec.model_validate({"title": uid or "none", "uid": uid, **spec})
    new = NewApplication(DEFAULT_ORG, wanted, world.now_ms)
    return await world.store.applications.create(msgspec.structs.replace(new, get_if_exists=get_if_exists, once=once))


async def _put(world: World, id_or_uid: str, **spec: Any) -> Made[StoredApplication]:
    wanted = ApplicationSpec.model_validate(spec)
    return await world.store.applications.put(DEFAULT_ORG, id_or_uid, lambda _: wanted, world.now_ms)


async def _edit(world: World, id_or_uid: str, **changes: Any) -> StoredApplication:
    return await world.store.applications.edit(
        DEFAULT_ORG, id_or_uid, lambda spec: spec.model_copy(update=changes), world.now_ms
    )


BEHAVIOURS = behaviours(
    an_application_is_stored_with_all_that_was_said_of_it,
    a_uid_belongs_to_one_application_of_an_organisation,
    an_id_means_its_application_also_when_it_is_anothers_uid,
    a_put_replaces_or_creates_under_its_uid,
    what_a_put_replaces_is_given_to_it,
    edits_at_the_same_time_do_not_undo_each_other,
    applications_are_listed_by_id_in_both_directions,
    a_deleted_application_is_gone_with_its_endpoints,
    an_organisation_has_one_operational_source,
    nothing_of_a_provider_touches_an_application,
    a_file_that_prunes_leaves_applications_alone,
    a_creation_that_is_sent_again_answers_with_what_it_made,
    a_key_with_another_body_is_refused,
    a_key_whose_time_is_over_is_a_new_one,
    a_creation_that_was_refused_gives_its_key_back,
    what_was_found_instead_of_created_takes_no_key,
    a_creation_sent_again_does_not_bring_back_what_was_deleted,
    what_was_made_in_a_group_that_failed_is_made_once,
) + behaviours(edits_by_two_processes_do_not_undo_each_other, shared=True)
