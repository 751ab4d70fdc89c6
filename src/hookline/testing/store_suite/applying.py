"""Applying a file: one transaction that makes sources and endpoints agree with it, told as a list of changes."""

from __future__ import annotations

from typing import Any

from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.errors import InvalidInput
from hookline.core.model import DEFAULT_ORG
from hookline.storage.apply import Change, Wanted, WantedEndpoint, WantedSource
from hookline.testing.store_suite.world import OTHER_ORG, FakeWorker, World, behaviours, raises


async def a_file_is_made_true_and_then_nothing_has_to_be_done(world: World) -> None:
    worker = FakeWorker()
    world.store.hand_over_to(worker)
    file = (_source("shop", endpoints=(_endpoint("ledger"), _endpoint("mail"))), _source("forum"))
    assert await _apply(world, *file) == [
        Change("created", "source", "shop"),
        Change("created", "endpoint", "shop/ledger"),
        Change("created", "endpoint", "shop/mail"),
        Change("created", "source", "forum"),
    ]
    assert worker.looks == 1
    source = world.store.routing.at_door("shop")
    assert source is not None
    assert [one.name for one in world.store.routing.endpoints_of(DEFAULT_ORG, source.id)] == ["ledger", "mail"]
    version = world.store.routing.version
    assert {change.action for change in await _apply(world, *file)} == {"unchanged"}
    assert world.store.routing.version == version


async def what_differs_is_updated_and_named_but_never_shown(world: World) -> None:
    await _apply(world, _source("shop", secrets=("not-a-real-old-secret-01",), endpoints=(_endpoint("ledger"),)))
    before = await world.store.catalogue.source(DEFAULT_ORG, "shop")
    world.now_ms += 1000
    changes = await _apply(
        world,
        _source(
            "shop",
            secrets=("not-a-real-new-secret-02",),
            owner="platform-team",
            endpoints=(_endpoint("ledger", concurrency=2, headers={"X-Key": "not-a-real-key"}),),
        ),
    )
    assert [(change.action, change.name, set(change.fields)) for change in changes] == [
        ("updated", "shop", {"owner", "secrets"}),
        ("updated", "shop/ledger", {"concurrency", "headers"}),
    ]
    assert "not-a-real" not in repr(changes)
    after = await world.store.catalogue.source(DEFAULT_ORG, "shop")
    assert (after.id, after.secrets) == (before.id, ("not-a-real-new-secret-02",))


async def what_the_file_does_not_name_stays_unless_it_is_pruned(world: World) -> None:
    await _apply(world, _source("shop", endpoints=(_endpoint("ledger"), _endpoint("mail"))), _source("forum"))
    file = (_source("shop", endpoints=(_endpoint("ledger"),)),)
    extra = [("extra", "shop/mail"), ("extra", "forum")]
    assert [(c.action, c.name) for c in await _apply(world, *file) if c.action != "unchanged"] == extra
    assert len(world.store.routing.sources) == 2
    pruned = await _apply(world, *file, prune=True)
    assert [(c.action, c.name) for c in pruned if c.action != "unchanged"] == [
        ("deleted", "shop/mail"),
        ("deleted", "forum"),
    ]
    assert [source.name for source in world.store.routing.sources_of(DEFAULT_ORG)] == ["shop"]
    assert [endpoint.name for endpoint in world.store.routing.endpoints.values()] == ["ledger"]


async def a_dry_run_says_the_same_and_changes_nothing(world: World) -> None:
    await _apply(world, _source("shop", endpoints=(_endpoint("ledger"),)), _source("forum"))
    version = world.store.routing.version
    before = await world.store.catalogue.sources(DEFAULT_ORG)
    file = (_source("shop", owner="me", endpoints=(_endpoint("mail"),)), _source("new", endpoints=(_endpoint("a"),)))
    said = await _apply(world, *file, prune=True, dry_run=True)
    assert await world.store.catalogue.sources(DEFAULT_ORG) == before
    assert world.store.routing.version == version
    done = await _apply(world, *file, prune=True)
    assert said == done
    assert {change.action for change in done} == {"created", "updated", "deleted"}


async def what_was_made_by_hand_becomes_the_files(world: World) -> None:
    await world.source("shop")
    (change,) = await _apply(world, _source("shop"))
    assert (change.action, change.fields) == ("updated", ("managed_by",))
    assert (await world.store.catalogue.source(DEFAULT_ORG, "shop")).managed_by == "file"


async def a_file_with_one_impossible_source_changes_nothing(world: World) -> None:
    impossible = _source("github", provider="github")  # it needs a secret
    await raises(InvalidInput, _apply(world, _source("shop"), impossible))
    assert await world.store.catalogue.sources(DEFAULT_ORG) == []
    assert world.store.routing.at_door("shop") is None


async def a_file_touches_only_its_organisation(world: World) -> None:
    await world.source("theirs", org_id=OTHER_ORG)
    await _apply(world, _source("ours"), prune=True)
    assert [source.spec.name for source in await world.store.catalogue.sources(OTHER_ORG)] == ["theirs"]


async def a_generated_secret_survives_a_file_without_one(world: World) -> None:
    await _apply(world, _source("shop", endpoints=(_endpoint("ledger"),)))
    source = await world.store.catalogue.source(DEFAULT_ORG, "shop")
    before = await world.store.catalogue.endpoint(DEFAULT_ORG, source.id, "ledger")
    await _apply(world, _source("shop", endpoints=(_endpoint("ledger", concurrency=2),)))
    after = await world.store.catalogue.endpoint(DEFAULT_ORG, source.id, "ledger")
    assert (after.secrets, after.spec.concurrency) == (before.secrets, 2)


def _source(
    name: str, secrets: tuple[str, ...] = (), endpoints: tuple[WantedEndpoint, ...] = (), **spec: Any
) -> WantedSource:
    return WantedSource(SourceSpec.model_validate({"name": name, "provider": "none", **spec}), secrets, endpoints)


def _endpoint(name: str, **spec: Any) -> WantedEndpoint:
    wanted = EndpointSpec.model_validate({"name": name, "url": f"http://127.0.0.1:9/{name}", **spec})
    return WantedEndpoint(wanted, ())


async def _apply(world: World, *sources: WantedSource, **how: bool) -> list[Change]:
    return await world.store.apply(Wanted(DEFAULT_ORG, sources, world.now_ms, **how))


BEHAVIOURS = behaviours(
    a_file_is_made_true_and_then_nothing_has_to_be_done,
    what_differs_is_updated_and_named_but_never_shown,
    what_the_file_does_not_name_stays_unless_it_is_pruned,
    a_dry_run_says_the_same_and_changes_nothing,
    what_was_made_by_hand_becomes_the_files,
    a_file_with_one_impossible_source_changes_nothing,
    a_file_touches_only_its_organisation,
    a_generated_secret_survives_a_file_without_one,
)
