"""What is particular to SQLite: the file and its lock, the disk that is full, the bytes that lie there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hookline.core.errors import ConfigError, StoreBusy, StoreError, StoreLocked, StoreVersion
from hookline.core.model import DEFAULT_ORG
from hookline.storage import group_commit, sqlite
from hookline.storage.base import EventFilter, Transaction
from hookline.storage.retention import Cut
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction
from hookline.storage.store import Store, open_store
from hookline.testing.store_suite.world import SECRET, FakeWorker, World, raises

PLANTED = (
    "not-a-real-github-secret-0123456789",
    "not-a-real-header-value-0123456789",
    "whsec_bm90LWEtcmVhbC1zaWduaW5nLXNlY3JldC0w",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hookline.db"


def opened(path: Path, *, threads: bool = True, serve: bool = False) -> Store:
    return open_store(f"sqlite:///{path}", SECRET, threads=threads, serve=serve)


def database_of(store: Store) -> SqliteDatabase:
    assert isinstance(store.database, SqliteDatabase)
    return store.database


async def pragma(store: Store, text: str) -> Any:
    """On the connection that writes."""

    def batch(tx: Transaction, items: Sequence[str]) -> list[Any]:
        assert isinstance(tx, SqliteTransaction)
        return [tx.pragma(item) for item in items]

    return await store.database.write(batch, text)


# -- secrets --------------------------------------------------------------------------------------------


async def test_no_secret_lies_in_the_file(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source = await world.source("github", provider="github", secrets=[PLANTED[0]], owner="platform-team-marker")
    await world.endpoint(source, headers={"X-Api-Key": PLANTED[1]}, secrets=[PLANTED[2]])
    await world.endpoint(source, headers={"X-Api-Key": PLANTED[1] + "2"}, secrets=[PLANTED[2]])
    (generated,) = (await world.endpoint(source, "generated")).secrets
    while_open = _all_bytes(path.parent)
    await world.close()
    for data in (while_open, _all_bytes(path.parent)):
        assert b"platform-team-marker" in data  # the search finds what is there
        for secret in (*PLANTED, generated, SECRET):
            assert secret.encode() not in data
            assert secret.removeprefix("whsec_").encode() not in data


def _all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def test_a_sealed_secret_cannot_be_moved_to_another_row(path: Path) -> None:
    world = World(lambda secret: opened(path, threads=False))
    one = await world.source("one", provider="github", secrets=[PLANTED[0]])
    two = await world.source("two", provider="github", secrets=["not-a-real-other-secret-0123"])
    connection = database_of(world.store)._connection
    connection.execute(
        "UPDATE source SET secrets = (SELECT secrets FROM source WHERE id = ?) WHERE id = ?", (one.id, two.id)
    )
    error = await raises(StoreError, world.store.catalogue.source(DEFAULT_ORG, "two"))
    assert error.code == "secret_unreadable"
    await world.close()


# -- the file and its lock ------------------------------------------------------------------------------


async def test_only_one_server_runs_on_a_file(path: Path) -> None:
    """Another process is refused while the first one lives, and welcome afterwards. A command line always is."""
    store = opened(path, serve=True)
    other = f"from hookline.storage.store import open_store as o; o('sqlite:///{path}', '{SECRET}', serve=%s)"
    refused = await _python(other % True)
    assert refused.returncode == 1
    assert f"StoreLocked: another server (process {os.getpid()}) runs on {path}; stop it" in refused.stderr
    assert (await _python(other % False)).returncode == 0
    await store.close()
    assert (await _python(other % True)).returncode == 0


async def _python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30, check=False)


async def test_a_store_that_could_not_be_opened_leaves_no_lock_behind(path: Path) -> None:
    world = World(lambda secret: open_store(f"sqlite:///{path}", secret, serve=True))
    await world.source("github", provider="github", secrets=[PLANTED[0]])
    await world.close()
    with pytest.raises(StoreError, match="HOOKLINE_SECRET"):
        world.open("another-not-real-server-secret-00000")
    await world.open().close()


async def test_a_lock_in_this_process_counts_too(path: Path) -> None:
    store = opened(path, serve=True)
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        opened(path, serve=True)
    await store.close()


async def from_the_future(path: Path, works_with: int) -> None:
    """A file as a later version leaves it behind."""
    store = opened(path)
    await pragma(store, "user_version = 999")
    database_of(store)._connection.execute("UPDATE meta SET value = ? WHERE name = 'schema_works_with'", (works_with,))
    await store.close()


async def test_a_database_of_a_later_version_is_served_if_that_says_so(path: Path) -> None:
    await from_the_future(path, 3)
    world = World(lambda secret: opened(path))
    assert (await world.accept(await world.source())).status == "ignored"
    await world.close()


async def test_a_database_from_the_future_is_refused(path: Path) -> None:
    await from_the_future(path, 999)
    with pytest.raises(StoreVersion, match=r"999.*install the newer version"):
        opened(path)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("mysql://db.example/hookline", "begins with sqlite:///"),
        ("hookline.db", "begins with sqlite:///"),
        ("sqlite://", "names no file"),
    ],
)
def test_an_address_that_names_no_database_is_refused_with_the_remedy(url: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        open_store(url, SECRET)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("this was never a database, whatever its name says\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        opened(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the folder"):
        opened(tmp_path / "file" / "hookline.db")


async def test_every_commit_waits_for_the_disk(path: Path) -> None:
    store = opened(path)
    assert await pragma(store, "journal_mode") == "wal"
    assert await pragma(store, "synchronous") == 2  # FULL
    assert await pragma(store, "auto_vacuum") == 2  # INCREMENTAL
    await store.close()


# -- the disk -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "inline"])
async def test_a_full_disk_is_said_and_when_there_is_room_again_all_goes_on(path: Path, threads: bool) -> None:
    world = World(lambda secret: opened(path, threads=threads))
    source = await world.source()
    await world.endpoint(source)
    worker = FakeWorker(room=100)
    world.store.hand_over_to(worker)
    most = await pragma(world.store, "max_page_count")
    await pragma(world.store, f"max_page_count = {await pragma(world.store, 'page_count') + 8}")
    results = await asyncio.gather(
        *(world.accept(source, key=f"id:{n}", body=b"x" * 9_000) for n in range(20)), return_exceptions=True
    )
    errors = [result for result in results if isinstance(result, BaseException)]
    assert 0 < len(errors) < 20
    assert {type(error) for error in errors} == {StoreError}
    assert "full" in str(errors[0])
    stored = len(await world.store.events.find(DEFAULT_ORG, EventFilter()))
    assert (stored, len(worker.works), worker.held) == (20 - len(errors), 20 - len(errors), 0)
    await pragma(world.store, f"max_page_count = {most}")
    again = await asyncio.gather(*(world.accept(source, key=f"id:{n}", body=b"x" * 9_000) for n in range(20)))
    assert sum(receipt.duplicate for receipt in again) == stored
    assert (len(worker.works), worker.held) == (20, 0)
    await world.close()


async def test_a_file_shrinks_when_its_events_are_forgotten(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source = await world.source()
    await asyncio.gather(*(world.accept(source, body=bytes(50_000)) for _ in range(60)))
    assert await pragma(world.store, "page_count") > 700
    assert await world.store.retention.forget_events(Cut(source.id, world.now_ms + 1)) == 60
    assert await pragma(world.store, "freelist_count") > 600
    await world.store.retention.reclaim_space()
    assert await pragma(world.store, "freelist_count") == 0
    await world.close()
    assert path.stat().st_size < 300_000


async def test_space_is_reclaimed_a_little_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "RECLAIM_PAGES", 100)
    world = World(lambda secret: opened(path))
    source = await world.source()
    await asyncio.gather(*(world.accept(source, body=bytes(50_000)) for _ in range(20)))
    await world.store.retention.forget_events(Cut(source.id, world.now_ms + 1))
    before = await pragma(world.store, "freelist_count")
    await world.store.retention.reclaim_space()
    assert await pragma(world.store, "freelist_count") == before - 100
    await world.close()


# -- others on the same file ----------------------------------------------------------------------------


async def test_a_lock_of_another_process_is_waited_for_once_and_not_by_every_writer(path: Path) -> None:
    world = World(lambda secret: opened(path))
    source = await world.source()
    await pragma(world.store, "busy_timeout = 50")
    other = sqlite.connect(str(path))
    other.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    began = loop.time()
    results = await asyncio.gather(*(world.accept(source) for _ in range(200)), return_exceptions=True)
    took_s = loop.time() - began
    assert {type(result) for result in results} == {StoreError}
    assert "locked" in str(results[0])
    assert took_s < 2  # each on its own would take ten seconds
    other.execute("ROLLBACK")
    other.close()
    assert (await world.accept(source)).status == "ignored"
    await world.close()


async def test_a_group_is_no_larger_than_it_may_be(path: Path) -> None:
    """So that the first in line does not wait for all who came after it."""
    store = opened(path)
    sizes: list[int] = []

    def batch(tx: Transaction, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    numbers = range(3 * group_commit.LARGEST_GROUP)
    assert await asyncio.gather(*(store.database.write(batch, n) for n in numbers)) == list(numbers)
    assert max(sizes) <= group_commit.LARGEST_GROUP
    assert len(sizes) < 20  # it is group commit
    await store.close()


async def test_the_limit_of_waiting_writes_is_kept(path: Path) -> None:
    database = SqliteDatabase(str(path), most_waiting=3)
    try:
        for _ in range(3):
            database.submit(lambda tx, items: items, 1, lambda result, error: None)
        with pytest.raises(StoreBusy, match="3 writes are waiting"):
            database.submit(lambda tx, items: items, 1, lambda result, error: None)
    finally:
        await database.close()
