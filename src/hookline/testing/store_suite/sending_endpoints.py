"""Endpoints of applications: their ids, secrets and states, and what an organisation is told of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec

from hookline.config.application_spec import ApplicationEndpointSpec
from hookline.core.errors import Conflict, InvalidInput, LimitReached, NotFound
from hookline.core.model import DEFAULT_ORG, EndpointState, RateLimit
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.base import EventFilter, Made, Once, Slice
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint
from hookline.testing.store_suite.world import OTHER_ORG, FakeWorker, World, behaviours, raises

SECRET = "whsec_bm90LWEtcmVhbC1zaWduaW5nLXNlY3JldC0w"  # noqa: S105
TOO_SHORT = "whsec_c2hvcnQ="
DAY_S = 24 * 3600.0


async def an_endpoint_of_an_application_is_stored_with_all_that_was_said_of_it(world: World) -> None:
    application = await world.application()
    made = await _create(
        world,
        application,
        secret=SECRET,
        uid="hook",
        description="The ledger",
        metadata={"a": "1"},
        channels=["eu"],
        events=["order.paid"],
        headers={"X-Key": "not-a-real-key"},
        rate_limit="5/s",
        fifo=True,
        disable_after="2d",
    )
    endpoint = made.value
    assert made.created
    assert (endpoint.id[:3], endpoint.spec.name, endpoint.secrets) == ("ep_", endpoint.id, (SECRET,))
    assert (endpoint.spec.uid, endpoint.spec.description, endpoint.spec.metadata) == ("hook", "The ledger", {"a": "1"})
    assert (endpoint.state, endpoint.disabled, endpoint.failing_since_ms) == (EndpointState.ACTIVE, False, 0)
    assert "not-a-real" not in repr(endpoint)
    assert SECRET not in repr(endpoint)
    for id_or_uid in (endpoint.id, "hook"):
        assert await world.store.application_endpoints.get(DEFAULT_ORG, application.id, id_or_uid) == endpoint
        assert world.store.routing.endpoint(DEFAULT_ORG, application.id, id_or_uid) == endpoint.build()
        assert await world.store.catalogue.endpoint(DEFAULT_ORG, application.id, id_or_uid) == endpoint
    routed = world.store.routing.endpoints[endpoint.id]
    assert (routed.channels, routed.fifo, routed.rate_limit) == (("eu",), True, RateLimit(5, 1.0))
    assert routed.headers == (("X-Key", "not-a-real-key"),)


async def an_endpoint_belongs_to_an_application_that_is_there(world: World) -> None:
    application, other = await world.application(), await world.application("other")
    endpoint = await world.customer_endpoint(application)
    provider = await world.source("shop")
    theirs = await world.application("acme", org_id=OTHER_ORG)
    for source_id in ("app_0", provider.id, theirs.id):
        new = NewEndpoint(DEFAULT_ORG, source_id, endpoint.spec, world.now_ms)
        await raises(NotFound, world.store.application_endpoints.create(new))
    await raises(NotFound, world.store.application_endpoints.get(DEFAULT_ORG, other.id, endpoint.id))
    await raises(NotFound, world.store.application_endpoints.delete(DEFAULT_ORG, other.id, endpoint.id, world.now_ms))
    assert world.store.routing.endpoint(DEFAULT_ORG, other.id, endpoint.id) is None


async def a_uid_belongs_to_one_endpoint_of_an_application(world: World) -> None:
    application, other = await world.application(), await world.application("other")
    first = await world.customer_endpoint(application, uid="hook")
    second = await world.customer_endpoint(application)
    await world.customer_endpoint(other, uid="hook")
    await raises(Conflict, world.customer_endpoint(application, uid="hook"))
    await raises(Conflict, _edit(world, second, uid="hook"))
    await _edit(world, first, uid="mine")
    assert (await _edit(world, second, uid="hook")).spec.uid == "hook"
    routed = world.store.routing.endpoint(DEFAULT_ORG, application.id, "hook")
    assert routed is not None
    assert routed.id == second.id
    await _edit(world, first, uid="")
    assert world.store.routing.endpoint(DEFAULT_ORG, application.id, "mine") is None


async def an_endpoint_without_a_key_gets_one_and_a_bad_one_is_refused(world: World) -> None:
    application = await world.application()
    first, second = await world.customer_endpoint(application), await world.customer_endpoint(application)
    assert first.secrets[0].startswith("whsec_")
    assert first.secrets != second.secrets
    await raises(InvalidInput, _create(world, application, secret=TOO_SHORT))
    assert len(await world.store.application_endpoints.list(DEFAULT_ORG, application.id, Slice())) == 2


async def a_put_replaces_or_creates_an_endpoint_under_its_uid(world: World) -> None:
    application = await world.application()
    made = await _put(world, application, "hook", url="http://127.0.0.1:9/one")
    assert (made.created, made.value.spec.uid) == (True, "hook")
    again = await _put(world, application, "hook", url="http://127.0.0.1:9/two")
    assert (again.created, again.value.id, again.value.secrets) == (False, made.value.id, made.value.secrets)
    assert (again.value.spec.uid, again.value.spec.url) == ("hook", "http://127.0.0.1:9/two")
    assert (await _put(world, application, made.value.id, url="http://127.0.0.1:9/two")).value.spec.uid == ""
    await raises(NotFound, _put(world, application, "ep_0", url="http://127.0.0.1:9/two"))
    await raises(InvalidInput, _put(world, application, "not a uid", url="http://127.0.0.1:9/two"))


async def edits_of_an_endpoint_do_not_undo_each_other(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application, headers={"X-Key": "not-a-real-key"})

    def add(name: str) -> Any:
        return lambda spec: spec.model_copy(update={"headers": {**spec.headers, name: "1"}})

    edits = [
        world.store.application_endpoints.edit(DEFAULT_ORG, application.id, endpoint.id, add(f"X-{n}"), world.now_ms)
        for n in range(10)
    ]
    await asyncio.gather(*edits)
    stored = await world.store.application_endpoints.get(DEFAULT_ORG, application.id, endpoint.id)
    assert sorted(stored.spec.headers) == sorted(["X-Key", *(f"X-{n}" for n in range(10))])
    assert stored.secrets == endpoint.secrets


async def an_edit_that_cannot_work_changes_nothing(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)

    def fail(spec: ApplicationEndpointSpec) -> ApplicationEndpointSpec:
        raise InvalidInput("as an example")

    edit = world.store.application_endpoints.edit(DEFAULT_ORG, application.id, endpoint.id, fail, world.now_ms)
    failed, renamed = await asyncio.gather(edit, _edit(world, endpoint, description="new"), return_exceptions=True)
    assert isinstance(failed, InvalidInput)
    assert await world.store.application_endpoints.get(DEFAULT_ORG, application.id, endpoint.id) == renamed


async def an_endpoint_that_its_receiver_disabled_is_enabled_by_a_person(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    failing_since_ms = world.now_ms
    await world.store.catalogue.note_endpoint_state(
        endpoint.id, EndpointState.FAILING, "20 failures", world.now_ms, failing_since_ms
    )
    world.now_ms += 1000
    await world.store.catalogue.set_endpoint_state(endpoint.id, EndpointState.DISABLED, "410 Gone", world.now_ms)
    assert world.store.routing.wanting(application.id, "order.paid") == []
    changed = await _edit(world, endpoint, description="a word")  # says nothing of it
    assert (changed.disabled, changed.state_reason) == (True, "410 Gone")
    assert changed.failing_since_ms == failing_since_ms
    enabled = await _edit(world, endpoint, enabled=True)
    assert (enabled.disabled, enabled.state, enabled.state_reason) == (False, EndpointState.ACTIVE, "")
    assert enabled.failing_since_ms == 0
    assert [one.id for one in world.store.routing.wanting(application.id, "order.paid")] == [endpoint.id]


async def an_endpoint_that_a_person_disabled_gets_nothing_until_it_is_enabled(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    assert (await _edit(world, endpoint, enabled=False)).disabled
    assert world.store.routing.endpoints[endpoint.id].state is EndpointState.DISABLED
    assert (await world.accept(application)).deliveries == 0
    assert not (await _edit(world, endpoint, enabled=True)).disabled
    assert (await world.accept(application)).deliveries == 1


async def since_when_an_endpoint_fails_outlives_a_restart(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    note = world.store.catalogue.note_endpoint_state
    get = world.store.application_endpoints.get
    await note(endpoint.id, EndpointState.FAILING, "20 failures", world.now_ms + 5, world.now_ms)
    noted = await get(DEFAULT_ORG, application.id, endpoint.id)
    assert (noted.failing_since_ms, noted.state_since_ms) == (world.now_ms, world.now_ms + 5)
    await note(endpoint.id, EndpointState.FAILING, "21 failures", world.now_ms + 9)
    again = await get(DEFAULT_ORG, application.id, endpoint.id)
    assert (again.failing_since_ms, again.state_since_ms) == (world.now_ms, world.now_ms + 5)
    assert (await _edit(world, endpoint, description="new")).failing_since_ms == world.now_ms
    assert world.store.routing.endpoints[endpoint.id].failing_since_ms == world.now_ms
    await note(endpoint.id, EndpointState.ACTIVE, "", world.now_ms + 10)
    assert (await get(DEFAULT_ORG, application.id, endpoint.id)).failing_since_ms == 0
    set_state = world.store.catalogue.set_endpoint_state
    await note(endpoint.id, EndpointState.FAILING, "20 failures", world.now_ms + 11, world.now_ms)
    for state, failing_since_ms in ((EndpointState.DISABLED, world.now_ms), (EndpointState.ACTIVE, 0)):
        await set_state(endpoint.id, state, "by a person", world.now_ms + 12)
        assert (await get(DEFAULT_ORG, application.id, endpoint.id)).failing_since_ms == failing_since_ms


async def strict_order_applies_to_what_is_owed_already(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    await world.accept(application)
    ordered = await _edit(world, endpoint, fifo=True)
    assert [work.endpoint_id for work in (await world.claim(ordered, fifo=True)).works] == [endpoint.id]
    await world.accept(application)
    await _edit(world, endpoint, fifo=False)
    assert (await world.claim(ordered, fifo=True)).works == []
    assert len((await world.claim(ordered)).works) == 1


async def endpoints_are_listed_by_id_in_both_directions(world: World) -> None:
    application = await world.application()
    made = []
    for _ in range(5):
        world.now_ms += 1
        made.append(await world.customer_endpoint(application))
    await world.customer_endpoint(await world.application("other"))

    async def listed(anchor: str, descending: bool, limit: int) -> list[StoredApplicationEndpoint]:
        part = Slice(anchor, descending, limit)
        return await world.store.application_endpoints.list(DEFAULT_ORG, application.id, part)

    assert await listed("", False, 10) == made
    assert await listed("", True, 10) == made[::-1]
    assert await listed(made[1].id, False, 2) == made[2:4]
    assert await listed(made[3].id, True, 2) == [made[2], made[1]]


async def a_deleted_endpoint_of_an_application_is_gone(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application, uid="hook")
    await world.store.application_endpoints.delete(DEFAULT_ORG, application.id, "hook", world.now_ms)
    for id_or_uid in (endpoint.id, "hook"):
        await raises(NotFound, world.store.application_endpoints.get(DEFAULT_ORG, application.id, id_or_uid))
        assert world.store.routing.endpoint(DEFAULT_ORG, application.id, id_or_uid) is None
    assert world.store.routing.endpoints == {}
    assert (await world.customer_endpoint(application, uid="hook")).id != endpoint.id


# -- secrets --------------------------------------------------------------------------------------------


async def a_rotated_secret_signs_on_for_a_while(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    rotated = await _rotate(world, endpoint, DAY_S)
    assert rotated.secrets != endpoint.secrets
    until_ms = world.now_ms + 86_400_000
    assert rotated.old_secrets == ((endpoint.secrets[0], until_ms),)
    assert world.store.routing.endpoints[endpoint.id].old_secrets == rotated.old_secrets
    assert endpoint.secrets[0] not in repr(rotated)
    assert (await _edit(world, endpoint, description="new")).old_secrets == rotated.old_secrets
    world.now_ms = until_ms
    assert (await _edit(world, endpoint, description="newer")).old_secrets == ()


async def a_secret_without_overlap_signs_no_more(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    rotated = await _rotate(world, endpoint, 0.0, secret=SECRET)
    assert (rotated.secrets, rotated.old_secrets) == ((SECRET,), ())
    await raises(InvalidInput, _rotate(world, endpoint, 0.0, secret=TOO_SHORT))


async def a_secret_that_is_rotated_to_itself_signs_once(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    (first,) = endpoint.secrets
    assert (await _rotate(world, endpoint, DAY_S, secret=first)).old_secrets == ()
    await _rotate(world, endpoint, DAY_S, secret=SECRET)
    back = await _rotate(world, endpoint, DAY_S, secret=first)
    assert (back.secrets, [secret for secret, _ in back.old_secrets]) == ((first,), [SECRET])


async def at_most_ten_old_secrets_sign(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    for _ in range(10):
        last = await _rotate(world, endpoint, DAY_S)
    last = await _rotate(world, endpoint, 0.0)  # leaves no old one behind
    assert len(last.old_secrets) == 10
    error = await raises(LimitReached, _rotate(world, endpoint, DAY_S))
    assert (error.code, error.status) == ("limit_reached", 400)
    assert await world.store.application_endpoints.get(DEFAULT_ORG, application.id, endpoint.id) == last
    world.now_ms += 86_400_000
    assert len((await _rotate(world, endpoint, DAY_S)).old_secrets) == 1


async def a_rotation_that_is_sent_again_rotates_once(world: World) -> None:
    application = await world.application()
    endpoint = await world.customer_endpoint(application)
    once = Once(application.id, "k:rotate", b"body", world.now_ms + 1000)
    first = await _rotate(world, endpoint, DAY_S, once=once)
    assert await _rotate(world, endpoint, DAY_S, once=once) == first
    other = msgspec.structs.replace(once, body_hash=b"other")
    assert (await raises(Conflict, _rotate(world, endpoint, DAY_S, once=other))).code == "idempotency_key_reused"


async def an_endpoint_that_is_sent_again_is_made_once(world: World) -> None:
    application = await world.application()
    once = Once(application.id, "k:1", b"body", world.now_ms + 1000)
    first = await _create(world, application, once=once)
    assert await _create(world, application, once=once) == first
    await world.store.application_endpoints.delete(DEFAULT_ORG, application.id, first.value.id, world.now_ms)
    assert "deleted since" in (await raises(Conflict, _create(world, application, once=once))).message


# -- what an organisation is told -----------------------------------------------------------------------


async def an_organisation_is_told_of_every_change_of_an_endpoint(world: World) -> None:
    application = await world.application("acme")
    listener = await _listen(world)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    endpoint = await world.customer_endpoint(application, uid="hook")
    world.now_ms += 1
    await _edit(world, endpoint, description="new")
    await _rotate(world, endpoint, DAY_S)
    await _put(world, application, "hook", url="http://127.0.0.1:9/two")
    world.now_ms += 1
    await world.store.application_endpoints.delete(DEFAULT_ORG, application.id, endpoint.id, world.now_ms)
    told = await _told(world)
    types = ["endpoint.created", *["endpoint.updated"] * 3, "endpoint.deleted"]
    assert [one["type"] for one in told] == types
    whose = {"appId": application.id, "appUid": "acme", "endpointId": endpoint.id, "endpointUid": "hook"}
    assert [one["data"] for one in told] == [whose] * 5
    assert worker.owed_to == [listener.id] * 5


async def an_organisation_is_told_once_when_an_endpoint_is_disabled(world: World) -> None:
    application = await world.application("", title="no uid")
    await _listen(world)
    endpoint = await world.customer_endpoint(application)
    await world.store.catalogue.note_endpoint_state(
        endpoint.id, EndpointState.FAILING, "20 failures", world.now_ms, world.now_ms
    )
    world.now_ms += 5000
    for _ in range(2):
        await world.store.catalogue.set_endpoint_state(endpoint.id, EndpointState.DISABLED, "5 days", world.now_ms)
    _, disabled = await _told(world)
    assert disabled == {
        "type": "endpoint.disabled",
        "data": {"appId": application.id, "endpointId": endpoint.id, "failSince": "2026-01-01T00:00:00.000Z"},
    }


async def a_webhook_is_sent_although_nobody_waits_for_its_cause(world: World) -> None:
    application = await world.application()
    listener = await _listen(world)
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    asking = asyncio.create_task(world.customer_endpoint(application))
    await asyncio.sleep(0)
    asking.cancel()  # whoever asked has gone; the change is on its way
    await world.store.catalogue.load()  # done after what was asked before it
    await asyncio.gather(asking, return_exceptions=True)
    assert len(await _told(world)) == 1
    assert (worker.owed_to, worker.looks) == ([listener.id], 1)


async def a_person_who_disables_an_endpoint_has_updated_it(world: World) -> None:
    application = await world.application()
    await _listen(world)
    endpoint = await world.customer_endpoint(application)
    world.now_ms += 1
    await _edit(world, endpoint, enabled=False)
    assert [one["type"] for one in await _told(world)] == ["endpoint.created", "endpoint.updated"]


async def what_was_not_changed_is_not_told(world: World) -> None:
    """The webhook is part of the transaction: a refused change tells nothing, one that was written anew tells once."""
    application = await world.application()
    await _listen(world)
    taken, *_ = await asyncio.gather(
        world.customer_endpoint(application, uid="hook"),
        world.customer_endpoint(application, uid="hook"),
        world.fail(),
        return_exceptions=True,
    )
    assert isinstance(taken, StoredApplicationEndpoint)
    assert [one["data"]["endpointId"] for one in await _told(world)] == [taken.id]


async def an_organisation_is_not_told_of_how_it_is_told(world: World) -> None:
    listener = await _listen(world)
    await _edit(world, listener, description="new")
    await world.store.catalogue.set_endpoint_state(listener.id, EndpointState.DISABLED, "410 Gone", world.now_ms)
    await _edit(world, listener, enabled=True)
    provider = await world.source("shop")
    ledger = await world.endpoint(provider)
    await world.store.catalogue.set_endpoint_state(ledger.id, EndpointState.DISABLED, "410 Gone", world.now_ms)
    assert await _told(world) == []


async def one_organisation_is_not_told_of_another(world: World) -> None:
    await _listen(world)
    await world.customer_endpoint(await world.application("theirs", org_id=OTHER_ORG))
    assert await _told(world) == []


async def nothing_is_stored_that_nobody_wants_to_be_told(world: World) -> None:
    operational = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    await world.customer_endpoint(operational, events=["endpoint.deleted"])
    await world.customer_endpoint(await world.application())
    assert await _told(world) == []


async def _listen(world: World) -> StoredApplicationEndpoint:
    """An endpoint that is told everything."""
    operational = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    return await world.customer_endpoint(operational, "operations")


async def _told(world: World) -> list[dict[str, Any]]:
    """What the organisation was told, in order."""
    operational = await world.store.applications.operational(DEFAULT_ORG, world.now_ms)
    found = await world.store.events.find(DEFAULT_ORG, EventFilter(source_id=operational.id), limit=100)
    stories = [await world.story(one.id) for one in reversed(found)]
    assert all(story.event.status == "pending" for story in stories)
    return [json.loads(story.event.request.body) for story in stories]


async def _create(
    world: World, application: StoredApplication, *, secret: str = "", once: Once | None = None, **spec: Any
) -> Made[StoredApplicationEndpoint]:
    wanted = ApplicationEndpointSpec.model_validate({"name": "new", "url": "http://127.0.0.1:9/hook", **spec})
    new = NewEndpoint(application.org_id, application.id, wanted, world.now_ms, secret, once)
    return await world.store.application_endpoints.create(new)


async def _put(
    world: World, application: StoredApplication, id_or_uid: str, **spec: Any
) -> Made[StoredApplicationEndpoint]:
    wanted = ApplicationEndpointSpec.model_validate({"name": "new", **spec})
    return await world.store.application_endpoints.put(
        application.org_id, application.id, id_or_uid, lambda _: wanted, world.now_ms
    )


async def _edit(world: World, endpoint: StoredApplicationEndpoint, **changes: Any) -> StoredApplicationEndpoint:
    return await world.store.application_endpoints.edit(
        endpoint.org_id,
        endpoint.source_id,
        endpoint.id,
        lambda spec: spec.model_copy(update=changes),
        world.now_ms,
    )


async def _rotate(
    world: World, endpoint: StoredApplicationEndpoint, overlap_s: float, secret: str = "", once: Once | None = None
) -> StoredApplicationEndpoint:
    return await world.store.application_endpoints.rotate(
        endpoint.org_id,
        endpoint.source_id,
        endpoint.id,
        overlap_s=overlap_s,
        now_ms=world.now_ms,
        secret=secret,
        once=once,
    )


BEHAVIOURS = behaviours(
    an_endpoint_of_an_application_is_stored_with_all_that_was_said_of_it,
    an_endpoint_belongs_to_an_application_that_is_there,
    a_uid_belongs_to_one_endpoint_of_an_application,
    an_endpoint_without_a_key_gets_one_and_a_bad_one_is_refused,
    a_put_replaces_or_creates_an_endpoint_under_its_uid,
    edits_of_an_endpoint_do_not_undo_each_other,
    an_edit_that_cannot_work_changes_nothing,
    an_endpoint_that_its_receiver_disabled_is_enabled_by_a_person,
    an_endpoint_that_a_person_disabled_gets_nothing_until_it_is_enabled,
    since_when_an_endpoint_fails_outlives_a_restart,
    strict_order_applies_to_what_is_owed_already,
    endpoints_are_listed_by_id_in_both_directions,
    a_deleted_endpoint_of_an_application_is_gone,
    a_rotated_secret_signs_on_for_a_while,
    a_secret_without_overlap_signs_no_more,
    a_secret_that_is_rotated_to_itself_signs_once,
    at_most_ten_old_secrets_sign,
    a_rotation_that_is_sent_again_rotates_once,
    an_endpoint_that_is_sent_again_is_made_once,
    an_organisation_is_told_of_every_change_of_an_endpoint,
    an_organisation_is_told_once_when_an_endpoint_is_disabled,
    a_webhook_is_sent_although_nobody_waits_for_its_cause,
    a_person_who_disables_an_endpoint_has_updated_it,
    what_was_not_changed_is_not_told,
    an_organisation_is_not_told_of_how_it_is_told,
    one_organisation_is_not_told_of_another,
    nothing_is_stored_that_nobody_wants_to_be_told,
)
