"""``hookline move``: what it says, how it is interrupted, and that a server on PostgreSQL goes on from there."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hookline.core.model import DEFAULT_ORG, Delivery
from hookline.storage.store import open_store
from hookline.testing.receiver import Answer, Receiver
from tests.cli.conftest import Run
from tests.cli.making import signed, write_file
from tests.cli.running import COMMAND, LIMIT_S, SERVER_SECRET, Serving, environment, hookline
from tests.postgres.cluster import NEWEST, Cluster

OLD = "sqlite:///hookline-data/hookline.db"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(NEWEST, fsync="off") as running:
        yield running


@pytest.fixture
def new(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database."""
    made = cluster.new_database()
    yield made
    cluster.drop(made)


def test_it_says_what_it_moved_and_what_comes_next(worked: Path, new: str, run: Run) -> None:
    done = run("move", "--from", OLD, "--to", new)
    assert done.code == 0, done.err
    assert "\nevent: 3 rows copied\n" in done.err
    assert "\nevent: 3 rows verified\n" in done.err
    rows = dict(line.split("\t")[:2] for line in done.out.splitlines() if "\t" in line)
    assert (rows["TABLE"], rows["event"], rows["attempt"], rows["rejection"]) == ("ROWS", "3", "2", "2")
    assert "both databases have the same." in done.out
    assert "postgres@" not in done.out
    assert "the same secret, each of them: HOOKLINE_SECRET must be this one." in done.out
    assert SERVER_SECRET not in done.out + done.err
    events = run("events", "list", "--database", new)
    assert events.out == run("events", "list", "--database", OLD).out


def test_a_secret_that_is_in_the_data_folder_is_named(worked: Path, new: str, run: Run) -> None:
    del os.environ["HOOKLINE_SECRET"]  # the fixture `home` restores it
    missing = run("move", "--from", OLD, "--to", new)
    assert missing.code == 3
    assert "there is none in hookline-data/secret" in missing.err
    (worked / "hookline-data" / "secret").write_text(SERVER_SECRET + "\n")
    done = run("move", "--from", OLD, "--to", new)
    assert done.code == 0, done.err
    assert "HOOKLINE_SECRET must be the content of hookline-data/secret." in done.out


def test_programs_get_json(worked: Path, new: str, run: Run) -> None:
    dry = run("move", "--from", OLD, "--to", new, "--dry-run", "--json")
    before = json.loads(dry.out)
    done = run("move", "--from", OLD, "--to", new, "--json")
    after = json.loads(done.out)
    assert (dry.err, done.err) == ("", "")
    assert before["rows"] == after["rows"] == after["copied"] > 10
    assert (before["copied"], before["seconds"]) == (0, 1)
    assert {one["table"]: one["rows"] for one in before["tables"]} == {
        one["table"]: one["rows"] for one in after["tables"]
    }
    assert {len(one["checksum"]) for one in after["tables"]} == {32}
    assert after["from"] == OLD
    assert after["to"].startswith("postgresql://(hidden)@127.0.0.1")


def test_a_dry_run_says_how_much_it_is_and_moves_nothing(worked: Path, new: str, run: Run) -> None:
    dry = run("move", "--from", OLD, "--to", new, "--dry-run")
    assert dry.code == 0, dry.err
    assert "event\t3\n" in dry.out
    assert " rows. A small machine takes about 1 s.\n" in dry.out
    with psycopg.connect(new) as beside:
        assert beside.execute("SELECT to_regclass('meta')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", OLD], 2, "Missing option '--to'"),
        (["--from", OLD, "--to", OLD], 2, "--to: is the same database as --from"),
        (["--from", OLD, "--to", "sqlite:///b.db"], 2, "--to: is of the same kind as --from"),
        (["--from", OLD, "--to", "mysql://x"], 2, "--to: must be `sqlite:///path/to/file.db`"),
        (["--from", "sqlite:///b.db", "--to", "postgresql://x/y"], 5, "there is no database at sqlite:///b.db"),
        (["--from", OLD, "--to", "postgresql://postgres@127.0.0.1:1/x"], 5, "refused"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    worked: Path, run: Run, arguments: list[str], code: int, said: str
) -> None:
    done = run("move", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_database_that_holds_data_ends_with_1(worked: Path, new: str, run: Run) -> None:
    assert run("move", "--from", OLD, "--to", new).code == 0
    again = run("move", "--from", OLD, "--to", new, "--json")
    assert again.code == 1
    assert json.loads(again.err)["code"] == "conflict"


async def test_ctrl_c_stops_it_and_the_same_command_goes_on(tmp_path: Path, made: Path, new: str) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    assert (await hookline(tmp_path, "sources", "list", "--database", new)).code == 0  # makes the tables
    async with await psycopg.AsyncConnection.connect(new) as beside:
        await beside.execute("LOCK TABLE rejection IN EXCLUSIVE MODE")  # there it will stand
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            "move",
            "--from",
            OLD,
            "--to",
            new,
            cwd=tmp_path,
            env=environment(),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            while not (await process.stderr.readuntil()).startswith(b"seen: "):
                pass
            process.send_signal(signal.SIGINT)
            said = (await process.stderr.read()).decode()
            assert await process.wait() == 130
        assert said == "Interrupted. What was copied stays where it is: the same command goes on from there.\n"
    serving = await hookline(tmp_path, "events", "list", "--database", new)
    assert serving.code == 5
    assert "a move into this database is not finished; run the same `hookline move` again" in serving.err
    dry = await hookline(tmp_path, "move", "--from", OLD, "--to", new, "--dry-run", "--json")
    assert 0 < dry.json()["copied"] < dry.json()["rows"]
    again = await hookline(tmp_path, "move", "--from", OLD, "--to", new, "--json")
    assert again.code == 0, again.err
    assert again.json()["copied"] == dry.json()["rows"] - dry.json()["copied"]


async def test_on_a_terminal_there_are_bars(tmp_path: Path, made: Path, new: str) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    terminal, end = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "move", "--from", OLD, "--to", new, cwd=tmp_path, env=environment(TERM="xterm", COLUMNS="100"),
        stdout=asyncio.subprocess.DEVNULL, stderr=end,
    )  # fmt: skip
    os.close(end)
    shown = await asyncio.to_thread(_read_all, terminal)
    async with asyncio.timeout(LIMIT_S):
        assert await process.wait() == 0, shown
    assert "Copying event" in shown
    assert "Verifying event" in shown
    assert re.search(r"Verifying event +━+ +6/6 +rows", re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown))


def _read_all(terminal: int) -> str:
    shown = b""
    try:
        while data := os.read(terminal, 65_536):
            shown += data
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return shown.decode()


async def test_a_server_on_postgresql_delivers_what_was_owed(tmp_path: Path, new: str) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        receiver.script([200, Answer.hang()])
        async with Serving(tmp_path) as serving:
            for number in (1, 2, 3):
                assert not (await _send(serving, number)).get("duplicate")
                await receiver.wait_for(number)
            refused = await hookline(tmp_path, "move", "--from", OLD, "--to", new)
            assert (refused.code, "stop it before the move" in refused.err) == (5, True)
            serving.signal(signal.SIGKILL)  # one is on its way still, and leased
            await serving.ended()
        moved = await hookline(tmp_path, "move", "--from", OLD, "--to", new)
        assert moved.code == 0, moved.err
        owed = {one.event_id.encode() for one in await _deliveries(new) if one.state == "waiting"}
        assert owed
        async with Serving(tmp_path, ("--database", new)) as serving:
            assert serving.told["database"].startswith("postgresql://")
            async with asyncio.timeout(LIMIT_S):
                while {one.state for one in await _deliveries(new)} != {"delivered"}:
                    pass  # to ask takes a while
            assert (await _send(serving, 1))["duplicate"] is True
            serving.signal(signal.SIGTERM)
            ended = await serving.ended()
        assert ended.code == 0
        assert "applied   hookline.yaml" in ended.err
    sent = [dict(request.headers)[b"webhook-id"] for request in receiver.requests]
    assert sorted(sent[3:]) == sorted(owed)


async def _send(serving: Serving, number: int) -> dict[str, Any]:
    body = b'{"number": %d}' % number
    async with httpx.AsyncClient() as client:
        address = f"{serving.address}/webhooks/github"
        answer = await client.post(address, content=body, headers=signed(body, f"d-{number}"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _deliveries(url: str) -> list[Delivery]:
    store = open_store(url, SERVER_SECRET)
    try:
        return await store.deliveries.find(DEFAULT_ORG)
    finally:
        await store.close()
