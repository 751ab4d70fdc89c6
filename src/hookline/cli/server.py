"""The life of a server process: prepare, listen, start, run, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import math
import os
import resource
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import structlog
import uvicorn
import uvloop

from hookline.app import Server, build
from hookline.cli.banner import banner
from hookline.cli.exits import complain, exit_code
from hookline.cli.flags import Flags
from hookline.cli.listen import BACKLOG, address_of, listen, tls_context
from hookline.cli.place import may_create_secret
from hookline.cli.processes import Child, Processes
from hookline.config.file import FileConfig, read_file
from hookline.config.server_secret import exposed, server_secret
from hookline.config.setting_values import hide_credentials
from hookline.config.settings import LogFormat, Settings, config_path, load_settings
from hookline.core.errors import HooklineError
from hookline.core.notice import Started, Stopped
from hookline.ingest.protocol import WireProtocol
from hookline.observe.log import log_sink, set_up
from hookline.observe.siblings import Siblings
from hookline.storage.apply import Change

#: More files than this help no server of this kind.
MOST_FILES = 65_536

#: Longer than the 60 s that load balancers keep idle connections, so that they, not we, close them.
KEEP_ALIVE_S = 65


#: Called when requests are answered, with what applying the file has changed.
Ready: TypeAlias = Callable[[list[Change]], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a server is started with, checked."""

    settings: Settings
    file: FileConfig | None
    environ: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None
    siblings: Path | None = None  #: a folder that several processes share

    @classmethod
    def make(cls, flags: Flags, environ: Mapping[str, str]) -> Plan:
        """Read and check the whole configuration. Raises ConfigError, making nothing but the server's secret."""
        path = config_path(flags, environ)
        file = read_file(path) if path is not None else None
        settings = load_settings(flags, environ, file)
        tls = tls_context(settings.tls_cert, settings.tls_key)
        if file is not None:
            file.resolve_secrets(environ)  # everything that is missing is said before anything is made
        secret = server_secret(settings.secret, settings.data_dir, may_create=may_create_secret(settings.database))
        warning = exposed(settings.secret, settings.data_dir)
        warnings = (*settings.warnings, *filter(None, [warning]))
        return cls(replace(settings, secret=secret, warnings=warnings), file, environ, tls)


def run(plan: Plan, *, as_json: bool) -> int:
    """Serve until a signal comes; the exit code. Raises AddressUnusable, ConfigError or StoreError."""
    settings = plan.settings
    with contextlib.closing(listen(settings.host, settings.port)) as listening:
        set_up(settings.log_format, settings.log_level)
        address = address_of(listening, settings.host, tls=plan.tls is not None)
        if settings.processes == 1:

            def ready(changes: list[Change]) -> None:
                _say_address(plan, address, as_json=as_json)
                _announce(plan, changes, address)

            _run_one(plan, listening, ready)
            return 0
        return _run_several(plan, listening, address, as_json=as_json)


def _run_one(plan: Plan, listening: socket.socket, ready: Ready, child: Child | None = None) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_live(plan, listening, ready, child))


def _run_several(plan: Plan, listening: socket.socket, address: str, *, as_json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="hookline-") as folder:

        def live(child: Child) -> int:
            def ready(changes: list[Change]) -> None:
                if child.number == 0:
                    _announce(plan, changes, address)
                child.say_ready()

            try:
                _run_one(replace(plan, siblings=Path(folder)), listening, ready, child)
            except HooklineError as error:
                complain(error.code, error.message, as_json=as_json)
                return exit_code(error)
            return 0

        def all_ready(pids: list[int]) -> None:
            _say_address(plan, address, as_json=as_json, processes=pids)

        return Processes(plan.settings.processes, live, all_ready).run()


async def _live(plan: Plan, listening: socket.socket, ready: Ready, child: Child | None) -> None:
    settings, sink = plan.settings, log_sink()
    signalled = _on_signals(child)
    server = build(settings, sinks=(sink,))
    given_back = 0
    try:
        if child is not None and plan.siblings is not None:
            server.siblings = Siblings(plan.siblings, child.number, settings.processes, server.metrics.text)
            await server.siblings.start()
        changes = await server.apply(plan.file, dict(plan.environ)) if plan.file is not None else []
        await server.start()
        _calm_the_collector()
        address = address_of(listening, settings.host, tls=plan.tls is not None)

        def answering() -> None:
            sink(Started(address, hide_credentials(settings.database)))
            ready(changes)

        http = HttpServer(_http_config(server, plan), answering)
        serving = asyncio.create_task(http.serve(sockets=[listening]))
        await asyncio.wait([serving, signalled], return_when=asyncio.FIRST_COMPLETED)
        http.should_exit = True
        await server.retire()
        # Requests in flight and deliveries in flight end at the same time, within the same limit.
        _, given_back = await asyncio.gather(serving, server.dispatcher.stop(settings.graceful_stop_s))
    finally:
        if server.siblings is not None:
            await server.siblings.close()
        given_back += await server.stop()
    sink(Stopped(given_back))


def _most_connections() -> int:
    """Half of the files this process may open, having asked for as many as it may: the rest is for deliveries."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard if hard != resource.RLIM_INFINITY else MOST_FILES, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(64, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def _calm_the_collector() -> None:
    """What is there now stays for ever, and what an event leaves behind is freed without a collector."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _on_signals(child: Child | None = None) -> asyncio.Future[None]:
    """Done when the first signal to stop comes, or the parent is gone; the second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[None] = loop.create_future()
    was_signalled = False

    def wish() -> None:
        if not first.done():
            first.set_result(None)

    def signalled(number: int) -> None:
        nonlocal was_signalled
        if was_signalled:
            os._exit(128 + number)  # everything that was acknowledged is on disk
        was_signalled = True
        wish()

    def orphaned() -> None:
        # The end of the parent's pipe and a signal to all of us are one wish, whichever is seen first.
        assert child is not None
        loop.remove_reader(child.parent_is_alive)
        wish()

    # Ctrl-C comes to parent and children alike: it is the parent's.
    for number in (signal.SIGTERM,) if child is not None else (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled, number)
    if child is not None:
        loop.add_reader(child.parent_is_alive, orphaned)
    return first


class HttpServer(uvicorn.Server):
    """uvicorn, told when to stop by us instead of by signals, and saying when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _http_config(server: Server, plan: Plan) -> uvicorn.Config:
    tls = plan.tls
    return uvicorn.Config(
        server,
        http=WireProtocol,
        limit_concurrency=_most_connections(),
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-For from this machine; `trusted_proxies` decides
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, math.ceil(plan.settings.graceful_stop_s)),
        ssl_context_factory=(lambda _config, _default: tls) if tls is not None else None,
    )


def _say_address(plan: Plan, address: str, *, as_json: bool, **more: object) -> None:
    """One line for a program that waits until requests are answered."""
    if as_json:
        said = {"address": address, "pid": os.getpid(), "database": hide_credentials(plan.settings.database), **more}
        print(json.dumps(said), flush=True)  # noqa: T201


def _announce(plan: Plan, changes: list[Change], address: str) -> None:
    if plan.settings.log_format is LogFormat.JSON:
        for warning in plan.settings.warnings:
            structlog.stdlib.get_logger("hookline").warning("warning", detail=warning)
    else:
        sys.stderr.write(banner(plan.settings, plan.file, changes, address))
        sys.stderr.flush()
