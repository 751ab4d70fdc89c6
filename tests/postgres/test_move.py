"""A grown installation moves to PostgreSQL: all of it, once, whatever interrupts it; or it says why it does not."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hookline.core import ids
from hookline.core.errors import ConfigError, Conflict, HooklineError, SecretUnreadable, StoreError, StoreLocked
from hookline.core.model import EventStatus
from hookline.core.state import DeliveryState
from hookline.storage import move as moving
from hookline.storage.ends import Ends
from hookline.storage.move import Moved, Phase, Step, move, survey
from hookline.storage.nodes import Node
from hookline.storage.postgres import partitions, side
from hookline.storage.side import STAYS, tables
from hookline.storage.sql import migrations
from hookline.storage.sqlite import SqliteDatabase, SqliteTransaction, connect
from hookline.storage.store import Store, open_store
from hookline.storage.vault import Vault
from hookline.testing.store_suite.world import SECRET, START_MS
from tests.cli.running import LIMIT_S
from tests.postgres.cluster import Cluster
from tests.postgres.installation import DAY_MS, copied, everything, grow, told_after_a_restart

RETENTION_S = 10 * 86_400.0
OTHER_SECRET = "another-server-secret-that-is-not-real"

GROWN: dict[str, int] = {}  #: when the one that all tests copy was killed


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grown") / "hookline.db"
    GROWN["now_ms"] = asyncio.run(grow(path))
    return path


@pytest.fixture
def old(grown: Path, tmp_path: Path) -> Path:
    """The file of a server that was killed, in a folder of its own."""
    return copied(grown, tmp_path)


@pytest.fixture
async def new(newest: Cluster) -> AsyncIterator[str]:
    """The URL of an empty database of the newest version."""
    made = newest.new_database()
    yield made
    newest.drop(made)


def ends(old: Path, new: str, secret: str = SECRET) -> Ends:
    return Ends(f"sqlite:///{old}", new, secret)


async def moved(where: Ends, tell: Callable[[Step], None] = lambda step: None, days_later: int = 0) -> Moved:
    now_ms = GROWN["now_ms"] + days_later * DAY_MS
    return await asyncio.to_thread(move, where, retention_s=RETENTION_S, now_ms=now_ms, tell=tell)


async def refused(kind: type[HooklineError], where: Ends) -> str:
    """What both the move and its dry run are refused with."""
    with pytest.raises(kind) as dry:
        await asyncio.to_thread(survey, where)
    with pytest.raises(kind) as real:
        await moved(where)
    assert str(dry.value) == str(real.value)
    return str(real.value)


async def told_by(url: str) -> dict[str, Any]:
    store = open_store(url, SECRET)
    told = await everything(store)
    await store.close()
    return told


def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table that moves, and of what would hold a move's notes."""
    with psycopg.connect(url) as beside:
        names = [row[0] for row in beside.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")]
        ours = sorted({table.name for table in tables()} & set(names)) + ["move"] * ("move" in names)
        return {name: sorted(map(repr, beside.execute(f"SELECT * FROM {name}").fetchall())) for name in ours}


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url) as beside:
        for statement in statements:
            beside.execute(statement.encode())


# -- all of it -------------------------------------------------------------------------------------------------


async def test_everything_that_a_store_tells_is_the_same_afterwards(old: Path, grown: Path, url: str) -> None:
    before = await told_after_a_restart(old, GROWN["now_ms"])
    done = await moved(ends(old, url))
    assert await told_by(url) == before
    assert {story.event.status for story in before["org_default stories"]} == set(EventStatus)
    states = {delivery.state for delivery in before["org_default deliveries"]}
    assert states == set(DeliveryState) - {DeliveryState.LEASED}
    assert all(before.values()) or not before["org_other applications"]
    assert done.copied == sum(proof.rows for proof in done.tables) > 800
    assert set(rows_of(url)) == {proof.table for proof in done.tables}  # no notes of the move are left


async def test_nothing_changes_in_the_old_database(old: Path, new: str) -> None:
    def content() -> list[Any]:
        with sqlite3.connect(old) as file:
            rows = list(file.iterdump())
        file.close()
        return rows

    before = content()
    assert any("'leased'" in line for line in before)
    await moved(ends(old, new))
    assert content() == before


def test_every_table_moves_but_those_that_belong_to_a_server() -> None:
    schema = connect(":memory:")
    tx = SqliteTransaction(schema)
    for each in migrations("sqlite"):
        tx.apply(each, each.number)
    there = {name for (name,) in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    schema.close()
    assert {table.name for table in tables()} == there - {"meta", "node"}
    assert frozenset({"meta", "node"}) == STAYS


async def test_the_counters_that_matter_move_and_the_others_begin_anew(old: Path, new: str) -> None:
    with sqlite3.connect(old) as file:
        file.execute("UPDATE meta SET value = 77 WHERE name IN ('ping', 'housekeeping_due_ms')")
        (version,) = file.execute("SELECT value FROM meta WHERE name = 'routing_version'").fetchone()
    file.close()
    await moved(ends(old, new))
    with psycopg.connect(new) as beside:
        meta: dict[str, int] = dict(beside.execute("SELECT name, value FROM meta").fetchall())
    assert (meta["routing_version"], meta["ping"], meta["housekeeping_due_ms"]) == (version, 0, 0)
    assert "move_under_way" not in meta
    with pytest.raises(SecretUnreadable):
        open_store(new, OTHER_SECRET)


async def test_keys_that_are_the_same_to_postgresql_become_one(old: Path, new: str) -> None:
    done = await moved(ends(old, new))
    with psycopg.connect(new) as beside:
        keys = [key for (key,) in beside.execute("SELECT key FROM seen WHERE event_id = 'msg_1' ORDER BY key")]
    assert keys == ["id:a\ufffdb", "id:\ufffdc", "id:\ufffd\ufffd"]
    with sqlite3.connect(old) as file:
        (there,) = file.execute("SELECT COUNT(*) FROM seen").fetchone()
    file.close()
    assert {proof.table: proof.rows for proof in done.tables}["seen"] == there - 2


async def test_events_lie_in_partitions_that_can_be_dropped_when_they_are_old(old: Path, new: str) -> None:
    await moved(ends(old, new))
    assert len(rows_of(new)["event"]) > 60
    with psycopg.connect(new) as beside:
        assert beside.execute("SELECT COUNT(*) FROM event_default").fetchone() == (0,)
    store = open_store(new, SECRET)
    found = await store.database.read(partitions.present)  # type: ignore[arg-type]
    assert found[0].start_ms <= START_MS < found[0].end_ms
    assert {one.end_ms - one.start_ms for one in found} == {DAY_MS}
    assert [one.end_ms for one in found[:-1]] == [one.start_ms for one in found[1:]]
    await store.close()


async def test_what_is_much_older_than_retention_lies_in_the_default_partition(old: Path, new: str) -> None:
    await moved(ends(old, new), days_later=partitions.MOST_BACK - 5)
    store = open_store(new, SECRET)
    found = await store.database.read(partitions.present)  # type: ignore[arg-type]
    await store.close()
    assert len(found) == partitions.MOST_BACK + 1
    with psycopg.connect(new) as beside:
        (early,) = beside.execute("SELECT COUNT(*) FROM event_default").fetchone() or (0,)
        (late,) = beside.execute(
            "SELECT COUNT(*) FROM event WHERE id >= %s", [ids.lowest(ids.EVENT, found[0].start_ms)]
        ).fetchone() or (0,)
    assert 0 < early < early + late == len(rows_of(new)["event"])


async def test_an_older_schema_is_brought_up_to_date_on_the_way(tmp_path: Path, grown: Path, new: str) -> None:
    path = tmp_path / "old.db"
    database = SqliteDatabase(str(path))
    for each in migrations("sqlite")[:2]:
        database.set_up(lambda tx, each=each: tx.apply(each, each.number))  # type: ignore[misc]
    database.set_up(lambda tx: tx.run("vault_proof_insert", {"proof": Vault(SECRET).proof}))
    database.abandon()
    assert (await asyncio.to_thread(survey, ends(path, new))).rows["event"] == 0
    assert {proof.rows for proof in (await moved(ends(path, new))).tables} == {0}


# -- interrupted -----------------------------------------------------------------------------------------------


class Interrupted(BaseException):
    """As Ctrl-C does it."""


class AfterOneBatch:
    """Interrupts a move when one more batch is on disk."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def __call__(self, step: Step) -> None:
        if step.phase is Phase.COPY and self._begun.setdefault(step.table, step.done) != step.done:
            raise Interrupted


async def test_a_move_that_is_interrupted_after_any_batch_goes_on_where_it_stopped(
    old: Path, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "BATCH_ROWS", 40)
    before = await told_after_a_restart(old, GROWN["now_ms"])
    where, interruptions = ends(old, new), 0
    while True:
        begun = await asyncio.to_thread(survey, where)
        assert sum(begun.copied.values()) <= 40 * interruptions
        try:
            done = await moved(where, AfterOneBatch(), days_later=interruptions)
        except Interrupted:
            interruptions += 1
            with pytest.raises(StoreError, match="a move into this database is not finished"):
                open_store(new, SECRET)
        else:
            break
    total = sum(proof.rows for proof in done.tables)
    assert (done.copied, begun.copied) == (0, begun.rows)
    assert total / 40 < interruptions < total / 40 + len(done.tables)
    assert await told_by(new) == before  # also the leases, which end when the move began


MOVING = """
import sys
from hookline.storage import move as moving
from hookline.storage.ends import Ends
moving.BATCH_ROWS = 20
tell = lambda step: print(step.phase.value, step.table, step.done, flush=True)
moving.move(Ends(*sys.argv[1:4]), retention_s=864000.0, now_ms=int(sys.argv[4]), tell=tell)
print("done", flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
async def test_a_move_that_is_killed_at_any_moment_loses_and_doubles_nothing(seed: int, old: Path, new: str) -> None:
    dice = random.Random(seed)
    before = await told_after_a_restart(old, GROWN["now_ms"])
    assert await _killed_after(0, dice.random() / 3, f"sqlite:///{old}", new)  # as it begins
    kills = 1
    while await _killed_after(dice.randrange(1, 20 * kills), dice.random() / 100, f"sqlite:///{old}", new):
        kills += 1
    assert kills >= 3
    assert await told_by(new) == before


async def _killed_after(lines: int, pause_s: float, old: str, new: str) -> bool:
    """Move in a process of its own, and kill it a moment after so many lines; whether that was before its end."""
    arguments = ("-c", MOVING, old, new, SECRET, str(GROWN["now_ms"]))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        for _ in range(lines):
            if (line := await process.stdout.readline()) in (b"done\n", b""):
                assert line, "it ended with an error"
                await process.wait()
                return False
        await asyncio.sleep(pause_s)  # anywhere in the work that follows
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
    return b"done\n" not in rest


REFUSE_NOTES = (
    "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'the disk is full'; END $$ LANGUAGE plpgsql",
    "CREATE TRIGGER refuse BEFORE INSERT ON move FOR EACH ROW WHEN (NEW.name = 'delivery') EXECUTE FUNCTION refuse()",
)


async def test_rows_are_there_together_with_the_note_of_them_or_not_at_all(old: Path, new: str) -> None:
    before = await told_after_a_restart(old, GROWN["now_ms"])
    began = iter([partial(change, new, *REFUSE_NOTES)])
    with pytest.raises(StoreError, match=r"the disk is full\..*the same command goes on"):
        await moved(ends(old, new), lambda step: next(began, lambda: None)())
    there = rows_of(new)
    assert there["payload"]
    assert there["delivery"] == []
    change(new, "DROP FUNCTION refuse CASCADE")
    await moved(ends(old, new))
    assert await told_by(new) == before


async def test_a_connection_that_is_lost_is_told_of_and_the_move_goes_on(old: Path, new: str) -> None:
    before = await told_after_a_restart(old, GROWN["now_ms"])
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hookline move'"

    def lose(step: Step) -> None:
        if (step.phase, step.table) == (Phase.COPY, "attempt"):
            change(new, end_all)

    with pytest.raises(StoreError, match="the same command goes on"):
        await moved(ends(old, new), lose)
    assert (await moved(ends(old, new))).copied > 0
    assert await told_by(new) == before


async def test_what_changed_since_a_move_began_is_not_gone_on_with(
    old: Path, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "BATCH_ROWS", 40)
    with pytest.raises(Interrupted):
        await moved(ends(old, new), AfterOneBatch())
    noted = rows_of(new)
    with sqlite3.connect(old) as file:
        file.execute("DELETE FROM attempt WHERE number = 1 AND delivery_id = (SELECT MIN(delivery_id) FROM attempt)")
    file.close()
    assert "it changed (attempt)" in await refused(Conflict, ends(old, new))
    assert rows_of(new) == noted


# -- verified --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "spoiled"),
    [
        ("payload", "UPDATE payload SET body = body || '\\x00' WHERE event_id = (SELECT MAX(event_id) FROM payload)"),
        ("event", "UPDATE event SET tags = ' vip ' WHERE id = (SELECT MIN(id) FROM event)"),
        ("attempt", "UPDATE attempt SET duration_ms = 12.25 WHERE number = 1"),
        ("delivery", "DELETE FROM delivery WHERE id = (SELECT MIN(id) FROM delivery)"),
        ("seen", "INSERT INTO seen VALUES ('src_1', 'x', 'msg_1', '', NULL)"),
        ("endpoint", "UPDATE endpoint SET secrets = '\\x00' WHERE id = (SELECT MIN(id) FROM endpoint)"),
    ],
)
async def test_a_row_that_is_not_the_same_is_found_and_nobody_serves_it(
    table: str, spoiled: str, old: Path, new: str
) -> None:
    spoilt = iter([partial(change, new, spoiled)])

    def spoil(step: Step) -> None:
        if step.phase is Phase.VERIFY and (once := next(spoilt, None)):
            once()

    where = ends(old, new)
    with pytest.raises(Conflict, match=f"the table `{table}` differs"):
        await moved(where, spoil)
    with pytest.raises(StoreError, match="not finished"):
        open_store(new, SECRET)
    with pytest.raises(Conflict, match=f"the table `{table}` differs"):  # and it stays so
        await moved(where)


# -- refused ---------------------------------------------------------------------------------------------------


async def test_a_database_that_holds_data_is_refused_and_stays_as_it_is(old: Path, new: str) -> None:
    other = open_store(new, SECRET)
    await other.close()
    change(new, "INSERT INTO gone VALUES ('src_1', 2)")
    before = rows_of(new)
    assert "holds data already (gone)" in await refused(Conflict, ends(old, new))
    assert rows_of(new) == before
    await (store := open_store(new, SECRET)).close()
    assert store.routing.sources == {}


async def test_a_database_that_was_opened_but_never_used_will_do(old: Path, new: str) -> None:
    await open_store(new, SECRET).close()
    assert (await moved(ends(old, new))).copied > 800


async def test_a_new_database_that_is_served_is_refused(old: Path, new: str) -> None:
    await served_by(new, "node-a")
    said = await refused(StoreLocked, ends(old, new))
    assert "the new database is served by here (node-a)" in said
    assert "move" not in rows_of(new)


async def served_by(url: str, node_id: str) -> None:
    store = open_store(url, SECRET)
    await store.nodes.join(Node(node_id, "here", "all", "0.1.0", START_MS))
    await store.close()


async def test_a_file_on_which_a_server_runs_is_not_moved_but_may_be_surveyed(old: Path, new: str) -> None:
    server: Store = open_store(f"sqlite:///{old}", SECRET, serve=True)
    with pytest.raises(StoreLocked, match=rf"\(process {os.getpid()}\) runs on .*; stop it before the move"):
        await moved(ends(old, new))
    found = await asyncio.to_thread(survey, ends(old, new))
    assert (found.rows["source"], set(found.copied.values())) == (4, {0})
    await server.close()
    assert rows_of(new) == {}


async def test_nobody_writes_to_the_old_database_meanwhile(old: Path, new: str) -> None:
    beside = sqlite3.connect(old, timeout=0, check_same_thread=False)
    refusals = []

    def write(step: Step) -> None:
        try:
            with beside:
                beside.execute("DELETE FROM rejection")
        except sqlite3.OperationalError as error:
            refusals.append(str(error))

    await moved(ends(old, new), write)
    beside.close()
    assert refusals
    assert set(refusals) == {"database is locked"}


async def test_another_secret_is_refused_on_either_side(old: Path, new: str) -> None:
    assert "the old database was written with another" in await refused(SecretUnreadable, ends(old, new, OTHER_SECRET))
    await open_store(new, OTHER_SECRET).close()
    assert "the new database was written with another" in await refused(SecretUnreadable, ends(old, new))
    assert "move" not in rows_of(new)


async def test_only_one_move_goes_into_a_database(old: Path, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side, "PATIENCE_S", 0.2)
    beside = side.PostgresSide(new)
    beside.own()
    assert "another move into this database" in await refused(StoreLocked, ends(old, new))
    beside.close()
    assert rows_of(new) == {}


async def test_a_user_who_may_make_no_tables_is_told_so(old: Path, newest: Cluster, new: str) -> None:
    change(new, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    weak = new.replace("postgres@", "reader@")
    assert "the user reader may not make tables in the schema public; GRANT CREATE" in await refused(
        StoreError, ends(old, weak)
    )


async def test_a_server_that_cannot_be_reached_is_named(old: Path, tmp_path: Path) -> None:
    said = await refused(StoreError, ends(old, "postgresql://nobody@127.0.0.1:1/nothing"))
    assert "127.0.0.1" in said
    assert "refused" in said


@pytest.mark.parametrize(
    ("from_url", "to_url", "kind", "said"),
    [
        ("sqlite:///a.db", "sqlite:///a.db", ConfigError, "--to: is the same database as --from"),
        ("sqlite:///a.db", "sqlite:///b.db", ConfigError, "--to: is of the same kind as --from"),
        ("postgresql://x/a", "postgresql://x/b", ConfigError, "pg_dump"),
        ("sqlite://:memory:", "postgresql://x/b", ConfigError, "--from: names no file"),
        ("sqlite:///nowhere/a.db", "postgresql://x/b", StoreError, "there is no database at sqlite:///nowhere/a.db"),
    ],
)
async def test_urls_that_make_no_sense_are_refused(
    grown: Path, from_url: str, to_url: str, kind: type[HooklineError], said: str
) -> None:
    assert said in await refused(kind, Ends(from_url, to_url, SECRET))


async def test_a_file_that_is_no_database_of_hookline_is_refused(tmp_path: Path, grown: Path, new: str) -> None:
    path = tmp_path / "other.db"
    sqlite3.connect(path).close()
    path.touch()
    assert "was never used by Hookline" in await refused(StoreError, ends(path, new))
    path.write_bytes(b"no database" * 1000)
    assert "not a database" in await refused(StoreError, ends(path, new))


async def test_a_survey_counts_and_changes_nothing(old: Path, new: str) -> None:
    found = await asyncio.to_thread(survey, ends(old, new))
    assert rows_of(new) == {}
    done = await moved(ends(old, new))
    assert found.rows == {proof.table: proof.rows for proof in done.tables}


# -- and back --------------------------------------------------------------------------------------------------


async def test_the_way_back_is_the_same(old: Path, url: str, tmp_path: Path) -> None:
    before = await told_after_a_restart(old, GROWN["now_ms"])
    await moved(ends(old, url))
    back = Ends(url, f"sqlite:///{tmp_path}/back.db", SECRET)
    assert sum((await asyncio.to_thread(survey, back)).rows.values()) > 800
    assert not (tmp_path / "back.db").exists()
    done = await moved(back)
    assert await told_by(back.new_url) == before
    assert done.copied == sum(proof.rows for proof in done.tables)
    assert "holds data already" in await refused(Conflict, back)
    await served_by(url, "node-a")
    with pytest.raises(StoreLocked, match="the old database is served by here"):
        await moved(Ends(url, f"sqlite:///{tmp_path}/again.db", SECRET))


async def test_the_way_back_can_be_interrupted_too(
    old: Path, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await told_after_a_restart(old, GROWN["now_ms"])
    await moved(ends(old, new))
    monkeypatch.setattr(moving, "BATCH_ROWS", 150)
    back = Ends(new, f"sqlite:///{tmp_path}/back.db", SECRET)
    interruptions = 0
    while True:
        try:
            await moved(back, AfterOneBatch())
        except Interrupted:
            interruptions += 1
        else:
            break
    assert interruptions > len(tables()) / 2
    assert await told_by(back.new_url) == before
