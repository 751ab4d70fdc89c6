"""The composition root: the only file that knows every room. `build` shows the whole assembly, in order."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from importlib.metadata import version
from ipaddress import ip_network
from typing import Any

from hookline.api.answer import refusal
from hookline.api.app import ApiDependencies, Guard, create_api
from hookline.api.sending.publish import PREFIX as APPLICATIONS
from hookline.api.sending.publish import PublishDoor, application_in
from hookline.api.sending.publisher import Publisher
from hookline.clock import SystemClock
from hookline.config.file import FileConfig
from hookline.config.settings import Role, Settings
from hookline.core.clock import Clock
from hookline.core.errors import StoreError
from hookline.core.model import Endpoint, Request, Source
from hookline.core.notice import Notice, Notify, ServiceFailed
from hookline.delivery.address import AddressPolicy
from hookline.delivery.challenge import challenge
from hookline.delivery.cluster import Cluster
from hookline.delivery.dispatcher import Dispatcher
from hookline.delivery.fanout import Fanout
from hookline.delivery.fetcher import MOST_BYTES, Fetcher
from hookline.delivery.herald import Herald
from hookline.delivery.membership import Membership
from hookline.delivery.replayer import Replayer
from hookline.delivery.sender import HttpSender, Sender
from hookline.guides.addresses import all_ranges
from hookline.ingest.http import PREFIX, Door
from hookline.ingest.protocol import Answer as Respond
from hookline.mint import Mint
from hookline.observe.metrics import Metrics
from hookline.observe.siblings import Siblings
from hookline.storage.apply import Change, wanted_from
from hookline.storage.base import LOOK
from hookline.storage.housekeeping import Housekeeper
from hookline.storage.nodes import Node
from hookline.storage.store import Store, open_store

#: How soon what another process wrote (a command line, mostly) is noticed.
WATCH_MS = 1_000
#: Of more servers each looks every so many seconds.
MOST_WATCHERS = 5
#: How soon what another server announced is looked at.
SOON_MS = 50

#: Which servers answer what. All of them tell machines how they are.
_RECEIVES = frozenset({Role.ALL, Role.INGEST})
_PUBLISHES = frozenset({Role.ALL, Role.INGEST, Role.API})
_MANAGES = frozenset({Role.ALL, Role.API})
FOR_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})

Scope = MutableMapping[str, Any]
Asgi = Callable[..., Awaitable[None]]


class Server:
    """A whole server but for its listening socket: an ASGI application with a beginning and an end."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        notify: Notify,
        sender: Sender,
        metrics: Metrics,
        fetching: Sender | None = None,
    ) -> None:
        self.settings, self.store, self.clock, self.metrics = settings, store, clock, metrics
        self._notify, self._sender, self._fetching = notify, sender, fetching
        self._delivers = settings.role in (Role.ALL, Role.DELIVER)
        self.mint = Mint()
        self.dispatcher = Dispatcher(
            store, sender, clock, notify, node=os.urandom(6).hex(), disable_after_s=settings.disable_after_s
        )
        self.fanout = Fanout(store, clock, notify, self._is_home)
        self.dispatcher.on_wide = self.fanout.wake
        self.dispatcher.on_elsewhere = store.database.announce
        self.replayer = Replayer(store, clock, notify, self._is_home)
        self.herald = Herald(store.database, self.dispatcher if self._delivers else None, self._push, self._look_soon)
        self.membership = Membership(
            store,
            clock,
            notify,
            lambda: os.urandom(6).hex(),
            self._as_node,
            self._on_cluster,
            self.herald.owed,
            self._on_beat,
        )
        self._looking_soon = False
        self.housekeeper = Housekeeper(store, clock, notify, settings)
        self.door = Door(
            store,
            clock,
            notify,
            trusted_proxies=[ip_network(text) for text in settings.trusted_proxies],
            body_timeout_s=settings.read_timeout_s,
            dedupe_window_s=settings.dedupe_window_s,
            max_body_bytes=settings.max_body_bytes,
            rejections_max=settings.rejections_max,
            mint=self.mint,
            public_url=settings.public_url,
            published=all_ranges(settings.data_dir),
            fetch=Fetcher(fetching or sender).fetch,
            learn=self._learn,
        )
        self.publisher = Publisher(store, clock, notify, settings, self.mint)
        publish_door = self._publish_door = PublishDoor(
            store,
            clock,
            self.publisher,
            settings,
            notify,
            trusted_proxies=[ip_network(text) for text in settings.trusted_proxies],
        )
        self.publish: Asgi = Guard(publish_door)
        self.api: Asgi = create_api(
            ApiDependencies(
                settings,
                store,
                clock,
                metrics,
                self.door.accept_rejection,
                self.herald.wide,
                publish_door,
                self._challenge,
                self._metrics_text,
            )
        )
        self._services: list[asyncio.Task[None]] = []
        #: The other processes behind the same socket, if there are any.
        self.siblings: Siblings | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """The ASGI application: the doors are asked first, because they are asked most."""
        serve: Asgi
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            serve = self.door if self.settings.role in _RECEIVES else self._not_here
        elif scope["type"] == "http" and scope["method"] == "POST" and application_in(scope["path"]):
            serve = self.publish if self.settings.role in _PUBLISHES else self._not_here
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        elif self.settings.role in _MANAGES or scope["path"] in FOR_MACHINES:
            serve = self.api
        else:
            serve = self._not_here
        await serve(scope, receive, send)

    def take(self, request: Request, respond: Respond) -> bool:
        """A whole request for one of the doors, which may take it without ASGI; see `ingest/protocol.py`."""
        if request.path.startswith(PREFIX):
            return self.settings.role in _RECEIVES and self.door.take(request, respond)
        if request.method == "POST" and request.path.startswith(APPLICATIONS):
            return self.settings.role in _PUBLISHES and self._publish_door.take(request, respond)
        return False

    async def _not_here(self, scope: Scope, receive: Any, send: Any) -> None:
        words = f"this server has the role `{self.settings.role}`, another one answers here; see docs/scale.md"
        await refusal(404, "not_served_here", words)(scope, receive, send)

    async def start(self, *, services: bool = True) -> None:
        """Take over what the last server left, and begin to deliver. Without ``services`` nothing runs by itself."""
        for row_id, why in self.store.routing.unreadable.items():
            self._notify(ServiceFailed("routing", f"{row_id} is held back: {why}"))
        self.mint.go_on_after(await self.store.events.newest_at_ms(), self.clock.now_ms())
        await self._prepare()
        if self.store.database.shared:
            await self._join()
        else:
            await self.dispatcher.start()
        if services:
            self._services = [asyncio.create_task(self._supervised(*service)) for service in self._wanted_services()]

    def _wanted_services(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        yield "watch", self._watch
        if self._delivers:
            yield "replayer", self.replayer.run
            yield "fanout", self.fanout.run
            yield "housekeeping", self.housekeeper.run
        if self.store.database.shared:
            yield "membership", self.membership.run

    async def _prepare(self) -> None:
        """Be ready for what will come. Where that is not possible yet, events are stored all the same."""
        try:
            await self.housekeeper.prepare()
        except StoreError as error:
            self._notify(ServiceFailed("housekeeping", error.message))

    async def retire(self) -> None:
        """Let the other servers do what this one would do next."""
        if self.store.database.shared and self._delivers:
            await self.membership.retire()
            self.store.database.announce(LOOK)

    async def stop(self) -> int:
        """Finish or give back what is in flight, then close everything. How many deliveries were given back."""
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        given_back = await self.dispatcher.stop(self.settings.graceful_stop_s)
        if self.store.database.shared:
            await self.membership.leave()
        await self._sender.close()
        if self._fetching is not None:
            await self._fetching.close()
        await self.store.close()
        return given_back

    async def apply(self, file: FileConfig, environ: dict[str, str], *, prune: bool = False) -> list[Change]:
        """Make sources and endpoints agree with hookline.yaml."""
        return await self.store.apply(
            wanted_from(file, environ, self.settings.organisation, self.clock.now_ms(), prune=prune)
        )

    async def _metrics_text(self) -> bytes:
        return await self.siblings.text() if self.siblings is not None else self.metrics.text()

    async def _learn(self, source: Source, secret: str) -> None:
        """Keep the secret that a handshake brought for a source that had none."""
        await self.store.catalogue.learn_secret(source.org_id, source.id, secret, self.clock.now_ms())

    async def _challenge(self, endpoint: Endpoint, source: Source) -> None:
        await challenge(self._sender, endpoint, source, self.clock.now_ms())

    async def _supervised(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        """A service that meets an error it does not know is told of, and begins again."""
        while True:
            try:
                await service()
            except Exception as error:
                self._notify(ServiceFailed(name, f"{type(error).__name__}: {error}"))
            await self.clock.wait_ms(WATCH_MS)

    async def _watch(self) -> None:
        """Notice what other processes wrote. Of a few servers one looks every second, whichever it is."""
        while True:
            servers = min(self.membership.cluster.size, MOST_WATCHERS)
            await self.clock.wait_ms(WATCH_MS * servers)
            await self._look()

    async def _look(self) -> None:
        try:
            if await self.store.changed_outside():
                if self._delivers:
                    self.dispatcher.look()
                self._push()
        except StoreError as error:
            self._notify(ServiceFailed("watch", error.message))

    # -- one of several servers --------------------------------------------------------------------------

    async def _join(self) -> None:
        await self.membership.join()
        self.store.database.listen(self.herald.hear)  # not before it is known who is the home of what
        if self._delivers:
            self.dispatcher.begin(self.herald)
        else:
            self.store.hand_over_to(self.herald)

    def _as_node(self, id: str) -> Node:
        return Node(id, platform.node(), self.settings.role, version("hookline"), self.clock.now_ms())

    def _is_home(self, id: str) -> bool:
        return self.membership.cluster.is_home(id)

    def _on_beat(self, sure_until_ms: float) -> None:
        self.metrics.set_nodes(len(self.membership.nodes))
        self.dispatcher.sure_until(sure_until_ms)

    def _on_cluster(self, cluster: Cluster) -> None:
        if self._delivers:
            self.dispatcher.spread(cluster)
            self._push()

    def _push(self) -> None:
        self.replayer.wake()
        self.fanout.wake()

    def _look_soon(self) -> None:
        """Another server says that anything may have changed. Said often, it is looked for a few times a second."""
        if not self._looking_soon:
            self._looking_soon = True
            self.clock.call_at(self.clock.now_ms() + SOON_MS, self._begin_to_look)

    def _begin_to_look(self) -> None:
        self._looking_soon = False
        self._looks = asyncio.get_running_loop().create_task(self._look())


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    sender: Sender | None = None,
    sinks: tuple[Notify, ...] = (),
    threads: bool = True,
) -> Server:
    """A server by these settings, on any clock, with any sender. ``settings.secret`` must be set.

    Without ``threads`` all of it runs on the event loop, so that a test on a fake clock is deterministic.

    Raises what `open_store` raises.
    """
    metrics = Metrics()
    store = open_store(settings.database, settings.secret, serve=True, sync=settings.sync, threads=threads)
    policy = address_policy(settings)
    return Server(
        settings=settings,
        store=store,
        clock=clock or SystemClock(),
        notify=_fan_out((metrics.sink, *sinks)),
        sender=sender or HttpSender(policy, response_cap_bytes=settings.response_max_bytes),
        metrics=metrics,
        fetching=None if sender else HttpSender(policy, response_cap_bytes=MOST_BYTES, max_idle=8),
    )


def address_policy(settings: Settings) -> AddressPolicy:
    """Which addresses endpoints may have."""
    allowed = settings.allow_private_endpoints
    if isinstance(allowed, bool):
        return AddressPolicy(allow_private=allowed)
    return AddressPolicy(networks=tuple(ip_network(text) for text in allowed))


def _fan_out(sinks: tuple[Notify, ...]) -> Notify:
    if len(sinks) == 1:
        return sinks[0]

    def notify(said: Notice) -> None:
        for sink in sinks:
            sink(said)

    return notify


async def _lifespan(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
