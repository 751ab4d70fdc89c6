"""The pages do what they say: files are accepted, commands run, code runs against a real server."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hookline.api import present
from hookline.app import Server, build
from hookline.cli.main import command, main
from hookline.config.file import FileConfig, read_file
from hookline.config.secrets import variable
from hookline.config.settings import load_settings
from hookline.core.clock import Clock
from hookline.core.model import DEFAULT_ORG, Verification
from hookline.core.providers.generic import SLUG as GENERIC
from hookline.storage.base import EventFilter
from hookline.testing.clock import FakeClock
from hookline.testing.receiver import Receiver
from tests.cli.making import make, signed
from tests.cli.running import environment
from tests.core.providers.making import pair_of
from tests.docs import sending
from tests.docs.pages import DOCS, Block, Page, all_pages, page

HOWTOS = [Page(path) for path in sorted((DOCS / "howto").glob("*.md")) if path.name not in sending.PAGES]
SERVER_SECRET = environment()["HOOKLINE_SECRET"]
OLD, NEW = environment()["GITHUB_WEBHOOK_SECRET"], "not-the-secret-of-github-0123"
FAKE = "whsec_" + base64.b64encode(b"not a real secret, 32 bytes long").decode()

FILES = [(f"{one}:{number}", block.text) for one in all_pages() for number, block in enumerate(one.blocks("yaml"))]
COMMANDS = sorted(
    {
        line
        for one in all_pages()
        for block in one.blocks("sh", "console")
        for line in block.text.replace(".venv/bin/", "").splitlines()
        if line.startswith("hookline ")
    }
)


def configured(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[FileConfig, dict[str, str]]:
    """A hookline.yaml with this text, and fake values for what it names."""
    path = folder / "hookline.yaml"
    path.write_text(text)
    file = read_file(path)
    fakes = dict.fromkeys(file.variables(), FAKE)
    for source in file.sources:  # some senders' secrets have a form of their own
        if source.provider not in (GENERIC, "none"):
            provider = source.find_provider()
            fitting = pair_of(provider, provider.usual_scheme)[1]
            fakes |= {variable(reference): fitting for reference in source.secrets if variable(reference)}
    return file, {**fakes, **(environ or {})}


@pytest.mark.parametrize("text", [text for _, text in FILES], ids=[name for name, _ in FILES])
async def test_every_file_in_the_pages_is_accepted(text: str, tmp_path: Path) -> None:
    file, environ = configured(tmp_path, text)
    settings = load_settings({"database": "sqlite://:memory:"}, {"HOOKLINE_SECRET": SERVER_SECRET}, file)
    server = build(settings)
    changes = await server.apply(file, environ)
    await server.stop()
    assert settings.warnings == ()
    assert [change.action for change in changes] == ["created"] * len(changes)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_in_the_pages_exists_with_its_options(line: str) -> None:
    one: Any = command()
    context = one.make_context("hookline", [], resilient_parsing=True)
    words = shlex.split(line, comments=True)[1:]
    while hasattr(one, "load") or hasattr(one, "commands"):
        one = one.load() if hasattr(one, "load") else one.commands[words.pop(0)]
    assert one.make_context(one.name, words, parent=context) is not None


# -- walking a page ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a server has worked."""
    folder = tmp_path_factory.mktemp("made")
    asyncio.run(make(folder))
    return folder


class Reader:
    """Somebody who does what a page says, in a folder in which a server has worked."""

    def __init__(self, ids: dict[str, str]) -> None:
        self._ids = ids
        self.names: dict[str, Any] = {}

    def follow(self, one: Page) -> None:
        """Write its files, run its commands and its code, in their order."""
        for block in one.blocks("yaml", "sh", "python"):
            self._do(block)

    def _do(self, block: Block) -> None:
        if block.info == "yaml":
            Path("hookline.yaml").write_text(block.text)
        elif block.info == "python":
            exec(compile(block.text, "page", "exec"), self.names)
        else:
            for line in block.text.splitlines():
                self._run(line)

    def _run(self, line: str) -> None:
        for placeholder, id in self._ids.items():
            line = line.replace(placeholder, id)
        if line.startswith("hookline "):
            with pytest.raises(SystemExit) as ended:
                main(shlex.split(line)[1:])
            assert not ended.value.code, line


@pytest.fixture
def reader(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HOOKLINE_")]:
        monkeypatch.delenv(name)
    secrets = {"GITHUB_WEBHOOK_SECRET": OLD, "GITHUB_WEBHOOK_SECRET_NEW": NEW, "BUILD_SIGNING_SECRET": FAKE}
    for name, value in {**secrets, "HOOKLINE_SECRET": SERVER_SECRET}.items():
        monkeypatch.setenv(name, value)
    return Reader({"msg_ID": _id("event", "status = 'failed'"), "rej_ID": _id("rejection", "cause = 'bad_signature'")})


def _id(table: str, where: str) -> str:
    database = sqlite3.connect("hookline-data/hookline.db")
    (row,) = database.execute(f"SELECT id FROM {table} WHERE {where}").fetchall()
    database.close()
    return str(row[0])


def _rows(query: str, file: str = "hookline-data/hookline.db") -> list[tuple[Any, ...]]:
    database = sqlite3.connect(file)
    found = database.execute(query).fetchall()
    database.close()
    return found


@pytest.mark.parametrize("one", HOWTOS, ids=str)
def test_everything_in_a_howto_runs(one: Page, reader: Reader) -> None:
    reader.follow(one)


def test_an_accepted_rejection_is_an_event_and_one_without_its_body_says_so(reader: Reader) -> None:
    before = len(_rows("SELECT id FROM event"))
    how = page("howto/accept-a-rejection.md")
    reader.follow(how)
    assert len(_rows("SELECT id FROM event")) == before + 1
    assert _rows("SELECT complete, event_id <> '' FROM rejection WHERE cause = 'bad_signature'") == [(1, 1)]
    assert _rows("SELECT complete FROM rejection WHERE cause = 'unknown_source'") == [(1,)]
    assert "`body_too_large`" in how.text.partition("## What cannot be accepted")[2]


def test_a_replayed_event_is_owed_again(reader: Reader) -> None:
    reader.follow(page("howto/replay.md"))
    failed = _rows("SELECT state, reason FROM delivery WHERE attempts = 1 AND reason = 'replay'")
    assert ("waiting", "replay") in failed


def test_the_backup_is_a_whole_database(reader: Reader) -> None:
    reader.follow(page("howto/retention-and-disk.md"))
    assert _rows("PRAGMA integrity_check", "backup.db") == [("ok",)]
    assert _rows("SELECT id FROM event ORDER BY id", "backup.db") == _rows("SELECT id FROM event ORDER BY id")


# -- against a real server -----------------------------------------------------------------------------------


class World:
    """A server that was configured as a page says, and somebody who sends to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self._folder = server, folder

    async def apply(self, text: str, environ: dict[str, str] | None = None) -> None:
        """Configure it as the page says."""
        file, variables = configured(self._folder, text, environ)
        await self.server.apply(file, variables)

    async def post(self, source: str, body: bytes, headers: Any, client: str = "192.0.2.7") -> httpx.Response:
        """Send a webhook from this address."""
        transport = httpx.ASGITransport(app=self.server, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hooks.example.com") as sender:
            return await sender.post(f"/webhooks/{source}", content=body, headers=headers)

    async def newest(self) -> dict[str, Any]:
        """The newest event, as people see it."""
        (event, *_) = await self.server.store.events.find(DEFAULT_ORG, EventFilter())
        story = await self.server.store.events.story(DEFAULT_ORG, event.id)
        assert story is not None
        return present.story(story, self.server.store.routing)


@asynccontextmanager
async def serving(
    folder: Path, text: str, environ: dict[str, str] | None = None, clock: Clock | None = None
) -> AsyncIterator[World]:
    file, _ = configured(folder, text)
    flags = {"database": "sqlite://:memory:"}
    server = build(load_settings(flags, {"HOOKLINE_SECRET": SERVER_SECRET}, file), clock=clock)
    world = World(server, folder)
    await world.apply(text, environ)
    await server.start(services=False)
    try:
        yield world
    finally:
        await server.stop()


def names_in(one: Page) -> dict[str, Any]:
    """What the code of a page defines."""
    names: dict[str, Any] = {}
    for block in one.blocks("python"):
        exec(compile(block.text, str(one), "exec"), names)
    return names


async def test_the_receiver_of_the_page_knows_what_is_genuine_and_does_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = page("howto/verify-outgoing-signatures.md")
    monkeypatch.setenv("BUILD_SIGNING_SECRET", FAKE)
    genuine, handle = names_in(how)["genuine"], names_in(how)["handle"]
    (text,) = [block.text for block in how.blocks("yaml")]
    async with Receiver() as receiver:
        text = text.replace("http://127.0.0.1:9000", receiver.url)
        async with serving(tmp_path, text, {"GITHUB_WEBHOOK_SECRET": OLD}) as world:
            answer = await world.post("github", b'{"n":1}', signed(b'{"n":1}', "d-1"))
            assert answer.status_code == 200
            await receiver.wait_for(1)
    headers = {name.decode(): value.decode() for name, value in receiver.requests[0].headers}
    body = receiver.requests[0].body
    assert headers["webhook-id"] == answer.json()["id"]
    assert genuine(headers, body)
    assert not genuine(headers, body + b" ")
    assert not genuine({**headers, "webhook-id": "msg_another"}, body)
    with sqlite3.connect(":memory:") as database:
        database.executescript("CREATE TABLE done (webhook_id TEXT UNIQUE); CREATE TABLE builds (request BLOB)")
        assert [handle(database, headers, body), handle(database, headers, body)] == [True, False]
        assert database.execute("SELECT request FROM builds").fetchall() == [(body,)]
    database.close()


async def test_the_sender_of_the_page_is_understood_as_the_page_configures_it(tmp_path: Path) -> None:
    providers = page("providers.md")
    body, headers = names_in(providers)["shop_request"](FAKE)
    text = providers.blocks("yaml")[-1].text
    now_ms = int(time.time() * 1000)
    async with serving(tmp_path, text, clock=FakeClock(now_ms)) as world:
        assert (await world.post("shop", body, headers)).status_code == 200
        event = await world.newest()
        assert event["verification"] == Verification.VERIFIED
        assert (event["provider_event_id"], event["type"]) == ("order-17", "order.paid")
        again = await world.post("shop", body, headers)
        assert again.json()["duplicate"] is True
        assert (await world.post("shop", body + b" ", headers)).json()["code"] == "bad_signature"
    async with serving(tmp_path, text, clock=FakeClock(now_ms + 122_000)) as world:
        assert (await world.post("shop", body, headers)).json()["code"] == "stale_timestamp"


async def test_while_a_secret_is_rotated_both_are_accepted_and_then_only_the_new_one(tmp_path: Path) -> None:
    both, only_new = [block.text for block in page("howto/rotate-a-secret.md").blocks("yaml")]
    secrets = {"GITHUB_WEBHOOK_SECRET": OLD, "GITHUB_WEBHOOK_SECRET_NEW": NEW}

    async def answers(world: World, number: int) -> list[int]:
        bodies = [b'{"n":%d}' % (number + place) for place in (0, 1)]
        requests = [
            (body, signed(body, f"d-{body!r}", secret=secret)) for body, secret in zip(bodies, (OLD, NEW), strict=True)
        ]
        return [(await world.post("github", body, headers)).status_code for body, headers in requests]

    async with serving(tmp_path, both, secrets) as world:
        assert await answers(world, 0) == [200, 200]
        await world.apply(only_new, secrets)
        assert await answers(world, 2) == [401, 200]


async def test_behind_a_proxy_the_client_is_who_the_trusted_proxy_says(tmp_path: Path) -> None:
    (text,) = [block.text for block in page("howto/run-behind-a-proxy.md").blocks("yaml")]
    told = [(b"X-Forwarded-For", b"203.0.113.9, 198.51.100.7"), (b"X-Forwarded-Proto", b"https")]
    async with serving(tmp_path, text, {"GITHUB_WEBHOOK_SECRET": OLD}) as world:
        plain = await world.post("github", b"{}", signed(b"{}", "d-1"), client="127.0.0.1")
        assert plain.json()["code"] == "https_required"
        stranger = await world.post("github", b"{}", [*signed(b"{}", "d-1"), *told], client="192.0.2.7")
        assert stranger.json()["code"] == "https_required"
        proxied = await world.post("github", b"{}", [*signed(b"{}", "d-1"), *told], client="127.0.0.1")
        assert proxied.status_code == 200
        assert (await world.newest())["request"]["client"] == "198.51.100.7"
