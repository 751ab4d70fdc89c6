"""The catalogue: sources and endpoints, their secrets sealed, their routing true at once."""

from __future__ import annotations

import asyncio

import msgspec

from hookline.core.errors import Conflict, InvalidInput, NotFound, SecretUnreadable
from hookline.core.model import DEFAULT_ORG, EndpointState
from hookline.storage.catalogue import PutEndpoint, PutSource
from hookline.testing.store_suite.world import OTHER_ORG, World, behaviours, raises

GITHUB_SECRET = "not-a-real-github-secret-0123456789"  # noqa: S105
SIGNING_SECRET = "whsec_bm90LWEtcmVhbC1zaWduaW5nLXNlY3JldC0w"  # noqa: S105


async def a_source_is_stored_with_all_that_was_said_of_it(world: World) -> None:
    source = await world.source(
        "github", provider="github", secrets=[GITHUB_SECRET], tolerance="2m", owner="platform-team"
    )
    assert (source.secrets, source.spec.owner, source.spec.tolerance) == ((GITHUB_SECRET,), "platform-team", 120.0)
    assert source.spec.secrets == ()
    for name_or_id in ("github", source.id):
        assert await world.store.catalogue.source(DEFAULT_ORG, name_or_id) == source
    assert await world.store.catalogue.sources(DEFAULT_ORG) == [source]
    routed = world.store.routing.source(DEFAULT_ORG, "github")
    assert routed is not None
    assert (routed.id, routed.secrets, routed.tolerance_s) == (source.id, (GITHUB_SECRET,), 120.0)
    assert GITHUB_SECRET not in repr(source)


async def a_source_that_is_put_again_is_replaced_and_keeps_its_id(world: World) -> None:
    first = await world.source("github", provider="github", secrets=[GITHUB_SECRET])
    world.now_ms += 1000
    second = await world.source("github", provider="github", secrets=["not-a-real-second-secret-01"], owner="me")
    assert (second.id, second.created_at_ms, second.updated_at_ms) == (first.id, first.created_at_ms, world.now_ms)
    assert second.secrets == ("not-a-real-second-secret-01",)
    put = PutSource(DEFAULT_ORG, second.spec, (GITHUB_SECRET,), world.now_ms, create_only=True)
    await raises(Conflict, world.store.catalogue.put_source(put))
    assert await world.store.catalogue.source(DEFAULT_ORG, "github") == second


async def a_source_that_cannot_work_is_not_stored(world: World) -> None:
    await raises(InvalidInput, world.source("github", provider="github"))
    assert await world.store.catalogue.sources(DEFAULT_ORG) == []


async def a_deleted_source_is_gone_with_its_endpoints(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    await raises(NotFound, world.store.catalogue.delete_source(DEFAULT_ORG, "shop"))  # by its id only
    await world.store.catalogue.delete_source(DEFAULT_ORG, source.id)
    assert world.store.routing.at_door("shop") is None
    assert endpoint.id not in world.store.routing.endpoints
    await raises(NotFound, world.store.catalogue.source(DEFAULT_ORG, "shop"))
    await raises(NotFound, world.store.catalogue.delete_source(DEFAULT_ORG, source.id))
    assert await world.store.catalogue.endpoints(DEFAULT_ORG, source.id) == []


async def an_endpoint_is_stored_with_all_that_was_said_of_it(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(
        source, secrets=[SIGNING_SECRET], headers={"X-Key": "not-a-real-key"}, events=["a", "b.*"], concurrency=3
    )
    assert endpoint.secrets == (SIGNING_SECRET,)
    assert endpoint.spec.headers == {"X-Key": "not-a-real-key"}
    assert (endpoint.state, endpoint.state_reason) == (EndpointState.ACTIVE, "")
    for name_or_id in ("ledger", endpoint.id):
        assert await world.store.catalogue.endpoint(DEFAULT_ORG, source.id, name_or_id) == endpoint
    routed = world.store.routing.endpoints[endpoint.id]
    assert (routed.events, routed.concurrency, routed.headers) == (("a", "b.*"), 3, (("X-Key", "not-a-real-key"),))


async def an_endpoint_without_a_secret_is_given_one_that_stays(world: World) -> None:
    source = await world.source()
    made = await world.endpoint(source)
    (secret,) = made.secrets
    assert secret.startswith("whsec_")
    again = await world.endpoint(source, concurrency=5)
    assert (again.id, again.secrets, again.spec.concurrency) == (made.id, (secret,), 5)
    other = await world.endpoint(source, "other")
    assert other.secrets != made.secrets
    assert (await world.endpoint(source, secrets=[SIGNING_SECRET])).secrets == (SIGNING_SECRET,)
    put = PutEndpoint(DEFAULT_ORG, source.id, made.spec, (), world.now_ms, create_only=True)
    await raises(Conflict, world.store.catalogue.put_endpoint(put))


async def an_endpoint_belongs_to_a_source_that_is_there(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    for org_id, source_id in ((DEFAULT_ORG, "src_0"), (OTHER_ORG, source.id)):
        put = PutEndpoint(org_id, source_id, endpoint.spec, (), world.now_ms)
        await raises(NotFound, world.store.catalogue.put_endpoint(put))
    assert await world.store.catalogue.endpoint(DEFAULT_ORG, source.id, "ledger") == endpoint


async def a_pause_outlives_a_change_but_not_a_new_address(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    world.now_ms += 1000
    paused_at_ms = world.now_ms
    await world.store.catalogue.set_endpoint_state(endpoint.id, EndpointState.PAUSED, "by a person", world.now_ms)
    assert world.store.routing.endpoints[endpoint.id].state is EndpointState.PAUSED
    world.now_ms += 1000
    changed = await world.endpoint(source, concurrency=2)
    assert (changed.state, changed.state_reason, changed.state_since_ms) == ("paused", "by a person", paused_at_ms)
    moved = await world.endpoint(source, url="http://127.0.0.1:9/moved")
    assert (moved.state, moved.state_reason, moved.state_since_ms) == (EndpointState.ACTIVE, "", world.now_ms)


async def what_the_breaker_notes_is_stored_without_new_routing(world: World) -> None:
    source = await world.source()
    endpoint = await world.endpoint(source)
    before = world.store.routing
    await world.store.catalogue.note_endpoint_state(endpoint.id, EndpointState.FAILING, "20 failures", world.now_ms)
    assert world.store.routing is before
    noted = await world.store.catalogue.endpoint(DEFAULT_ORG, source.id, endpoint.id)
    assert (noted.state, noted.state_reason) == (EndpointState.FAILING, "20 failures")


async def a_change_by_another_process_is_seen(world: World) -> None:
    another = world.open()
    always = world.store.database.shared  # then there may always be something new
    await world.store.changed_outside()
    assert await world.store.changed_outside() == always
    source = await world.source(store=another)
    assert world.store.routing.at_door("shop") is None
    assert await world.store.changed_outside()
    assert await world.store.changed_outside() == always
    assert world.store.routing.at_door("shop") is not None
    endpoint = await world.endpoint(source, store=another)
    assert endpoint.id in (await world.store.catalogue.load()).endpoints


async def secrets_cannot_be_read_with_another_server_secret(world: World) -> None:
    await world.source("github", provider="github", secrets=[GITHUB_SECRET])
    try:
        world.open("another-not-real-server-secret-00000")
    except SecretUnreadable as error:
        assert GITHUB_SECRET not in str(error)
        assert "HOOKLINE_SECRET" in str(error)
    else:
        raise AssertionError("SecretUnreadable was not raised")
    world.open()  # with the right one it can be opened again


async def the_routing_is_what_was_committed_although_a_group_failed(world: World) -> None:
    """Several changes share a transaction; one fails, all are written again, and no phantom stays in memory."""
    await asyncio.gather(world.source("shop"), world.fail())
    (stored,) = await world.store.catalogue.sources(DEFAULT_ORG)
    assert list(world.store.routing.sources) == [stored.id]
    endpoint = await world.endpoint(stored)
    assert list(await world.states((await world.accept(stored)).event_id)) == [endpoint.id]


async def a_source_that_was_never_committed_is_not_at_the_door(world: World) -> None:
    spec = (await world.source("first")).spec
    wanted = PutSource(DEFAULT_ORG, spec.model_copy(update={"name": "twice"}), (), world.now_ms, create_only=True)
    bad = msgspec.structs.replace(wanted, spec=spec)
    results = await asyncio.gather(
        *(world.store.catalogue.put_source(put) for put in (wanted, wanted, bad)), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["StoredSource", "Conflict", "Conflict"]
    stored = {source.id for source in await world.store.catalogue.sources(DEFAULT_ORG)}
    assert set(world.store.routing.sources) == stored


BEHAVIOURS = behaviours(
    a_source_is_stored_with_all_that_was_said_of_it,
    a_source_that_is_put_again_is_replaced_and_keeps_its_id,
    a_source_that_cannot_work_is_not_stored,
    a_deleted_source_is_gone_with_its_endpoints,
    an_endpoint_is_stored_with_all_that_was_said_of_it,
    an_endpoint_without_a_secret_is_given_one_that_stays,
    an_endpoint_belongs_to_a_source_that_is_there,
    a_pause_outlives_a_change_but_not_a_new_address,
    what_the_breaker_notes_is_stored_without_new_routing,
    the_routing_is_what_was_committed_although_a_group_failed,
    a_source_that_was_never_committed_is_not_at_the_door,
) + behaviours(
    a_change_by_another_process_is_seen,
    secrets_cannot_be_read_with_another_server_secret,
    shared=True,
)
