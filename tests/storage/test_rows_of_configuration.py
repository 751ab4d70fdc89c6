"""Rows that this version did not write: those from before it, those it would not write, those nobody can read."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core.errors import StoreError
from hookline.core.model import DEFAULT_ORG, EndpointState, SourceKind
from hookline.storage import migrate as migrating
from hookline.storage.apply import Wanted, WantedEndpoint, WantedSource
from hookline.storage.sql import migrations
from hookline.storage.sqlite import SqliteTransaction, connect
from hookline.storage.store import Store, open_store
from hookline.storage.vault import Sealed, Vault
from hookline.testing.store_suite.world import SECRET, START_MS, World, raises

KEY = "whsec_bm90LWEtcmVhbC1zaWduaW5nLXNlY3JldC0w"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hookline.db"


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}", SECRET, sync="normal", threads=False)


def change(path: Path, statement: str, *params: Any) -> None:
    """Change what lies in the file, as no version of Hookline would."""
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, params).rowcount == 1
    connection.close()


def spoil(path: Path, table: str, id: str, **fields: Any) -> None:
    """Put values into a stored spec that a stricter version does not accept."""
    with sqlite3.connect(path) as connection:
        (text,) = connection.execute(f"SELECT spec FROM {table} WHERE id = ?", (id,)).fetchone()
        spec = json.dumps({**json.loads(text), **fields})
        connection.execute(f"UPDATE {table} SET spec = ? WHERE id = ?", (spec, id))
    connection.close()


# -- rows from before there were versions ---------------------------------------------------------------


async def test_a_database_from_before_sending_is_read_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_with_the_first_schema(path, monkeypatch)
    store = opened(path)
    source = store.routing.at_door("shop")
    assert source is not None
    assert (source.kind, source.uid) == (SourceKind.PROVIDER, "")
    assert [one.secrets for one in store.routing.wanting(source.id, "order.paid")] == [(KEY,)]
    (stored,) = await store.catalogue.endpoints(DEFAULT_ORG, source.id)
    assert (stored.spec.name, stored.old_secrets, stored.failing_since_ms) == ("ledger", (), 0)
    await store.close()


def _write_with_the_first_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, known = Vault(SECRET), migrations("sqlite")
    connection = connect(str(path))
    tx = SqliteTransaction(connection)
    with monkeypatch.context() as patch, tx.committed():
        patch.setattr(migrating, "migrations", lambda dialect: known[:1])
        migrating.migrate(tx)
    spec = {"provider": "none"}
    row = ("src_1", DEFAULT_ORG, "shop", json.dumps(spec), vault.seal("src_1", Sealed()), "api", 1, 1)
    connection.execute("INSERT INTO source VALUES (?,?,?,?,?,?,?,?)", row)
    sealed = vault.seal("ep_1", Sealed((KEY,)))
    spec = {"url": "http://127.0.0.1:9/ledger"}
    values = ("ep_1", DEFAULT_ORG, "src_1", "ledger", json.dumps(spec), sealed, "api", "active", "", 1, 1, 1)
    connection.execute("INSERT INTO endpoint VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", values)
    connection.close()


# -- rows that this version cannot read -----------------------------------------------------------------


async def test_an_endpoint_that_cannot_be_read_waits_and_harms_no_other(path: Path) -> None:
    world = World(lambda secret: opened(path))
    application = await world.application()
    broken = await world.customer_endpoint(application, events=["order.*"], channels=["eu"])
    sound = await world.customer_endpoint(application)
    await world.close()
    spoil(path, "endpoint", broken.id, concurrency=5000)

    store = opened(path)
    held = store.routing.endpoints[broken.id]
    assert held.state is EndpointState.PAUSED
    assert "concurrency" in held.state_reason
    assert list(store.routing.unreadable) == [broken.id]
    wanting = [store.routing.wanting(application.id, kind, ("eu",)) for kind in ("order.paid", "user.created")]
    assert [[one.id for one in several] for several in wanting] == [[broken.id, sound.id], [sound.id]]
    assert [one.id for one in store.routing.wanting(application.id, "order.paid")] == [sound.id]
    receipt = await world.accept(application, store=store, channels=("eu",))
    assert receipt.deliveries == 2  # kept for it until it can be read
    error = await raises(StoreError, store.application_endpoints.get(DEFAULT_ORG, application.id, broken.id))
    assert error.code == "unreadable_row"
    assert broken.id in error.message
    await store.close()


async def test_an_endpoint_that_cannot_be_read_is_mended_by_configuring_it_anew(path: Path) -> None:
    world = World(lambda secret: opened(path))
    application = await world.application()
    broken = await world.customer_endpoint(application, uid="hook")
    await world.close()
    spoil(path, "endpoint", broken.id, concurrency=5000)

    store = opened(path)
    spec = ApplicationEndpointSpec(name="new", url=broken.spec.url)
    made = await store.application_endpoints.put(DEFAULT_ORG, application.id, "hook", lambda _: spec, START_MS)
    assert (made.created, made.value.id, made.value.secrets) == (False, broken.id, broken.secrets)
    assert store.routing.unreadable == {}
    assert store.routing.endpoints[broken.id] == made.value.build()
    await store.close()


async def test_an_application_that_cannot_be_read_is_left_out_and_mended(path: Path) -> None:
    world = World(lambda secret: opened(path))
    broken, sound = await world.application("broken"), await world.application("sound")
    await world.close()
    spoil(path, "source", broken.id, retention="a while")

    store = opened(path)
    assert list(store.routing.sources) == [sound.id]
    assert list(store.routing.unreadable) == [broken.id]
    seen: list[ApplicationSpec | None] = []

    def make(known: ApplicationSpec | None) -> ApplicationSpec:
        seen.append(known)
        return ApplicationSpec(title="mended")

    made = await store.applications.put(DEFAULT_ORG, "broken", make, START_MS)
    assert (made.created, made.value.id, made.value.spec.uid, seen) == (False, broken.id, "broken", [None])
    assert store.routing.application(DEFAULT_ORG, "broken") == made.value.build()
    assert store.routing.unreadable == {}
    await store.close()


async def test_what_a_file_configures_is_mended_by_applying_it(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source, other = await world.source("shop"), await world.source("other")
    endpoint = await world.endpoint(source)
    await world.close()
    spoil(path, "source", source.id, max_body="as much as you like")
    spoil(path, "endpoint", endpoint.id, timeout="for ever", events=["**"])

    store = opened(path)
    assert (store.routing.at_door("shop"), store.routing.at_door("other")) == (None, other.build())
    assert store.routing.endpoints[endpoint.id].events == ("*",)  # rather too much is kept for it than too little
    spec = SourceSpec(name="shop", provider="none")
    ledger = EndpointSpec(name="ledger", url="http://127.0.0.1:9/ledger")
    wanted = WantedSource(spec, (), (WantedEndpoint(ledger, ()),))
    changes = await store.apply(Wanted(DEFAULT_ORG, (wanted,), START_MS))
    assert [(c.action, c.name) for c in changes if c.action != "extra"] == [
        ("updated", "shop"),
        ("updated", "shop/ledger"),
    ]
    mended = await store.catalogue.endpoint(DEFAULT_ORG, source.id, "ledger")
    assert (mended.id, mended.secrets) == (endpoint.id, endpoint.secrets)
    assert store.routing.unreadable == {}
    await store.close()


async def test_secrets_that_nobody_can_read_hold_back_only_their_endpoint(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source = await world.source("shop")
    broken, sound = await world.endpoint(source), await world.endpoint(source, "sound")
    await world.close()
    change(path, "UPDATE endpoint SET secrets = x'00' WHERE id = ?", broken.id)

    store = opened(path)
    assert store.routing.endpoints[broken.id].state is EndpointState.PAUSED
    assert store.routing.endpoints[sound.id] == sound.build()
    await store.close()


async def test_an_unreadable_endpoint_that_was_disabled_stays_so(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source = await world.source("shop")
    by_a_410, by_a_person = await world.endpoint(source), await world.endpoint(source, "off", enabled=False)
    await world.store.catalogue.set_endpoint_state(by_a_410.id, EndpointState.DISABLED, "410 Gone", START_MS)
    await world.close()
    for endpoint in (by_a_410, by_a_person):
        spoil(path, "endpoint", endpoint.id, concurrency=5000)
    store = opened(path)
    assert {one.state for one in store.routing.endpoints.values()} == {EndpointState.DISABLED}
    await store.close()
