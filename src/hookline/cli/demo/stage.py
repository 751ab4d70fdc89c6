"""Where the demo plays: a folder, a receiver, and a whole server on the embedded store in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
import yaml

from hookline.app import Server, build
from hookline.cli.demo.watch import Watch
from hookline.cli.exits import AddressUnusable
from hookline.cli.listen import listen
from hookline.cli.server import HttpServer
from hookline.config.file import FileConfig, read_file
from hookline.config.server_secret import server_secret
from hookline.config.settings import Settings, load_settings
from hookline.core.errors import ConfigError
from hookline.core.signature import generate_secret
from hookline.delivery.address import AddressPolicy
from hookline.delivery.sender import HttpSender
from hookline.ingest.protocol import WireProtocol
from hookline.testing.receiver import Receiver

HOST = "127.0.0.1"

#: The source that the user is invited to send to.
HELLO = "hello"
HELLO_HEADER = "X-Hello-Signature"

_HEADER = "# Made by `hookline demo`; it is written anew each time.\n"
_ENDPOINT_SECRET = "receiver"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that plays along."""

    address: str  #: of the server, as in ``http://127.0.0.1:8400``
    wanted_port: int  #: 0 when any was fine
    folder: Path
    kept: bool
    settings: Settings
    server: Server
    receiver: Receiver
    client: HttpSender  #: what sends as the providers would
    watch: Watch

    @property
    def moved(self) -> bool:
        """Whether the wanted port could not be had and another one is used."""
        return self.wanted_port not in (0, self.settings.port)

    @property
    def file(self) -> Path:
        """The configuration; with it every other command finds this server's database and secret."""
        return _file(self.folder)

    def secret(self, source: str) -> str:
        """What this source's webhooks are signed with."""
        return _secret(self.folder, source)

    @property
    def endpoint_secret(self) -> str:
        """What deliveries to the receiver are signed with."""
        return _secret(self.folder, _ENDPOINT_SECRET)


@contextlib.asynccontextmanager
async def set_up(port: int, keep: Path | None) -> AsyncIterator[Stage]:
    """Build the stage; leave nothing behind but the folder that was to be kept.

    Raises ConfigError for a folder that is somebody else's, and what ``build`` raises.
    """
    with _folder(keep) as folder, _listener(port) as listener:
        async with Receiver() as receiver:
            file = _write(folder, listener.getsockname()[1], receiver.url)
            settings = load_settings({}, {"HOOKLINE_SECRET": server_secret("", folder)}, file)
            watch = Watch()
            client = HttpSender(AddressPolicy(allow_private=True))
            try:
                async with _serving(settings, file, listener, watch) as server:
                    address = f"http://{HOST}:{settings.port}"
                    yield Stage(address, port, folder, keep is not None, settings, server, receiver, client, watch)
            finally:
                await client.close()


@contextlib.asynccontextmanager
async def _serving(
    settings: Settings, file: FileConfig, listener: socket.socket, watch: Watch
) -> AsyncIterator[Server]:
    server = build(settings, sinks=(watch.sink,))
    try:
        await server.apply(file, {}, prune=True)
        await server.start()
        async with _listening(server, listener):
            yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def _listening(server: Server, listener: socket.socket) -> AsyncIterator[None]:
    listens = asyncio.Event()
    config = uvicorn.Config(
        server,
        http=WireProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    http = HttpServer(config, listens.set)
    running = asyncio.create_task(http.serve([listener]), name="http")
    try:
        await listens.wait()
        yield
    finally:
        http.should_exit = True
        await running


@contextlib.contextmanager
def _listener(port: int) -> Iterator[socket.socket]:
    """A listening socket; on any free port when ``port`` cannot be had."""
    try:
        listener = listen(HOST, port)
    except AddressUnusable:
        listener = listen(HOST, 0)
    with contextlib.closing(listener):
        yield listener


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="hookline-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    folder = keep.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        theirs = _file(folder).exists() and not _file(folder).read_text().startswith(_HEADER)
    except OSError as error:
        raise ConfigError(f"cannot be used: {error.strerror}", where=f"--keep {keep}") from None
    if theirs:
        raise ConfigError("holds a hookline.yaml that is not the demo's; choose another folder", where=f"--keep {keep}")
    yield folder


def _file(folder: Path) -> Path:
    return folder / "hookline.yaml"


def _write(folder: Path, port: int, receiver_url: str) -> FileConfig:
    """Write hookline.yaml and the secrets it names; read it as any server would."""
    sources = _sources(receiver_url)
    document = {
        "version": 1,
        "port": port,
        "data_dir": str(folder),
        "graceful_stop": "1s",
        "allow_private_endpoints": ["127.0.0.1/32"],
        "sources": sources,
    }
    for source in sources:
        _make_secret(folder, source["name"])
    _make_secret(folder, _ENDPOINT_SECRET)
    path = _file(folder)
    path.write_text(_HEADER + yaml.safe_dump(document, sort_keys=False, width=120))
    return read_file(path)


def _sources(receiver_url: str) -> list[dict[str, Any]]:
    def endpoint(name: str, *events: str, **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "url": f"{receiver_url}/{name}",
            "events": list(events),
            "secrets": [f"file:secrets/{_ENDPOINT_SECRET}"],
            **more,
        }

    def source(name: str, *endpoints: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "provider": name,
            "secrets": [f"file:secrets/{name}"],
            "endpoints": list(endpoints),
            **more,
        }

    # Short waits, so that nobody has to wait for hours to see a delivery die.
    twice = {"schedule": ["400ms", "800ms"], "jitter": 0}
    once = {"schedule": ["300ms"], "jitter": 0}
    return [
        source("github", endpoint("build", "*")),
        source(
            "stripe",
            endpoint("till", "payment_intent.*", "invoice.*"),
            endpoint("ledger", "charge.*", retry=twice),
        ),
        source("shopify", endpoint("warehouse", "*")),
        source("slack", endpoint("bot", "*")),
        source(
            "standard-webhooks",
            endpoint("tickets", "order.*"),
            endpoint("timetable", "crossing.*", retry=once, timeout="1s"),
        ),
        source(HELLO, endpoint("inbox", "*"), provider="generic", signature=hello_signature()),
    ]


def hello_signature() -> dict[str, Any]:
    """How requests to the user's own source are signed: nothing about time, so that a line can be used for long."""
    return {
        "header": HELLO_HEADER,
        "algorithm": "sha256",
        "encoding": "base64",
        "event_id": "body:/id",
        "event_type": "body:/type",
    }


def _secret(folder: Path, name: str) -> str:
    return (folder / "secrets" / name).read_text()


def _make_secret(folder: Path, name: str) -> None:
    """A fresh secret in a file that only its owner can read, unless the folder has one from last time."""
    path = folder / "secrets" / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists():
        return
    signs_standard_webhooks = name in (_ENDPOINT_SECRET, "standard-webhooks")
    secret = generate_secret(os.urandom(32)) if signs_standard_webhooks else secrets.token_hex(32)
    path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    path.write_text(secret)
