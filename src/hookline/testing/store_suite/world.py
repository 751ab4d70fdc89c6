"""The world in which a behaviour happens: stores on one database, a time, and words for what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar

from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.config.endpoint_spec import EndpointSpec
from hookline.config.spec import SourceSpec
from hookline.core import ids
from hookline.core.headers import index
from hookline.core.model import (
    DEFAULT_ORG,
    Attempt,
    Delivery,
    EndpointState,
    Event,
    Headers,
    Rejection,
    Request,
    ReviewReason,
    Settlement,
    Work,
)
from hookline.core.state import DeliveryState, Move, after
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.base import Claim, Claimed, Draft, Receipt, Settled, Stream, Transaction, exclusive, on
from hookline.storage.catalogue import PutEndpoint, PutSource, StoredEndpoint, StoredSource
from hookline.storage.events import Story
from hookline.storage.group_commit import awaited
from hookline.storage.store import Store
from hookline.storage.stored import StoredApplication, StoredApplicationEndpoint

E = TypeVar("E", bound=Exception)

#: Obviously not a real one.
SECRET = "not-a-real-server-secret-0123456789"  # noqa: S105
OTHER_ORG = "org_other"
#: 2026-01-01T00:00:00Z
START_MS = 1_767_225_600_000
LEASE_MS = 60_000

#: Opens a Store on the database under test with this server secret. Called again, it opens another on the same.
Open: TypeAlias = Callable[[str], Store]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that every store does. ``shared``: only where several stores can be opened on one database."""

    name: str
    check: Callable[[World], Awaitable[None]]
    shared: bool = False

    def __str__(self) -> str:
        return self.name


def behaviours(*checks: Callable[[World], Awaitable[None]], shared: bool = False) -> tuple[Behaviour, ...]:
    """These functions as behaviours, named as they are."""
    return tuple(Behaviour(check.__name__, check, shared) for check in checks)


async def run(behaviour: Behaviour, open_store: Open) -> None:
    """Let it happen on the empty database that ``open_store`` opens. Raises AssertionError when it does not."""
    world = World(open_store)
    try:
        await behaviour.check(world)
    finally:
        await world.close()


class World:
    """Stores on one database, a time that stands still unless it is moved, and everything that is done with them."""

    def __init__(self, open_store: Open) -> None:
        self._open = open_store
        self._stores: list[Store] = []
        self._count = 0
        self.now_ms = START_MS
        self.store = self.open()

    def open(self, secret: str = SECRET) -> Store:
        """One more store on the same database, as another process would open it."""
        store = self._open(secret)
        self._stores.append(store)
        return store

    async def close(self) -> None:
        for store in self._stores:
            await store.close()

    def entropy(self) -> bytes:
        """Ten bytes that no id was made of yet, in rising order."""
        self._count += 1
        return self._count.to_bytes(10, "big")

    async def fail(self) -> None:
        """Something in the same group of writes fails, so that all of the group is rolled back and written anew."""

        def failing(tx: Transaction, items: Sequence[None]) -> Sequence[None]:
            raise RuntimeError("as an example")

        groups = [on(stream)(lambda tx, items: failing(tx, items)) for stream in Stream]
        groups.append(exclusive(lambda tx, items: failing(tx, items)))
        submit = self.store.database.submit
        futures = [awaited(partial(submit, group, None)) for group in groups]
        for future in futures:
            await raises(RuntimeError, future)

    # -- what people configure -------------------------------------------------------------------------

    async def source(
        self, name: str = "shop", *, org_id: str = DEFAULT_ORG, store: Store | None = None, **spec: Any
    ) -> StoredSource:
        wanted = SourceSpec.model_validate({"name": name, "provider": "none", **spec})
        secrets = tuple(wanted.secrets)
        return await (store or self.store).catalogue.put_source(PutSource(org_id, wanted, secrets, self.now_ms))

    async def endpoint(
        self, source: StoredSource, name: str = "ledger", *, store: Store | None = None, **spec: Any
    ) -> StoredEndpoint:
        wanted = EndpointSpec.model_validate({"name": name, "url": f"http://127.0.0.1:9/{name}", **spec})
        put = PutEndpoint(source.org_id, source.id, wanted, tuple(wanted.secrets), self.now_ms)
        return await (store or self.store).catalogue.put_endpoint(put)

    async def application(self, uid: str = "acme", *, org_id: str = DEFAULT_ORG, **spec: Any) -> StoredApplication:
        wanted = ApplicationSpec.model_validate({"title": uid, "uid": uid, **spec})
        return (await self.store.applications.create(NewApplication(org_id, wanted, self.now_ms))).value

    async def customer_endpoint(
        self, application: StoredApplication, path: str = "hook", **spec: Any
    ) -> StoredApplicationEndpoint:
        """An endpoint of an application, that customers configure."""
        wanted = ApplicationEndpointSpec.model_validate({"name": "new", "url": f"http://127.0.0.1:9/{path}", **spec})
        new = NewEndpoint(application.org_id, application.id, wanted, self.now_ms)
        return (await self.store.application_endpoints.create(new)).value

    async def end_owed_to(self, endpoint_id: str, reason: str = "endpoint_disabled") -> int:
        """The endpoint is disabled, what it is owed ends, and it is enabled again; how many deliveries ended."""
        catalogue = self.store.catalogue
        await catalogue.set_endpoint_state(endpoint_id, EndpointState.DISABLED, reason, self.now_ms)
        ended = await self.store.deliveries.end_owed_to(endpoint_id, reason, self.now_ms)
        await catalogue.set_endpoint_state(endpoint_id, EndpointState.ACTIVE, "", self.now_ms)
        return ended

    # -- events ----------------------------------------------------------------------------------------

    def request(self, body: bytes = b'{"n":1}', headers: Headers = ()) -> Request:
        lines = headers or ((b"Content-Type", b"application/json"),)
        return Request("POST", "/webhooks/shop", b"a=1&a=2", lines, index(lines), body, "192.0.2.7", "https")

    def draft(
        self,
        source: StoredSource | StoredApplication,
        *,
        type: str = "order.paid",
        key: str = "",
        body: bytes = b'{"n":1}',
        headers: Headers = (),
        review: ReviewReason | None = None,
        channels: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        **more: Any,
    ) -> Draft:
        event = Event(
            id=ids.make(ids.EVENT, self.now_ms, self.entropy()),
            org_id=source.org_id,
            source_id=source.id,
            type=type,
            received_at_ms=self.now_ms,
            status="",
            request=self.request(body, headers),
            provider_event_id=key,
            verification="verified",
            review_reason=review or "",
            channels=channels,
            tags=tags,
        )
        return Draft(event=event, key=key, body_hash=sha256(body).digest()[:16], **more)

    async def accept(
        self, source: StoredSource | StoredApplication, *, store: Store | None = None, **draft: Any
    ) -> Receipt:
        return await (store or self.store).events.accept(self.draft(source, **draft))

    async def story(self, event_id: str, *, org_id: str = DEFAULT_ORG, store: Store | None = None) -> Story:
        story = await (store or self.store).events.story(org_id, event_id)
        assert story is not None, f"there is no event {event_id}"
        return story

    async def status(self, event_id: str) -> str:
        return (await self.story(event_id)).event.status

    async def states(self, event_id: str) -> dict[str, str]:
        """The state of each delivery of an event, by endpoint id."""
        return {one.endpoint_id: one.state for one in (await self.story(event_id)).deliveries}

    async def delivery(self, event_id: str) -> Delivery:
        """The only delivery of an event."""
        (only,) = (await self.story(event_id)).deliveries
        return only

    def rejection(
        self, *, cause: str = "bad_signature", source_name: str = "shop", org_id: str = DEFAULT_ORG
    ) -> Rejection:
        return Rejection(
            id=ids.make(ids.REJECTION, self.now_ms, self.entropy()),
            org_id=org_id,
            source_name=source_name,
            received_at_ms=self.now_ms,
            cause=cause,
            detail="as an example",
            status=401,
            request=self.request(),
        )

    # -- what a worker does ----------------------------------------------------------------------------

    async def claim(
        self,
        endpoint: StoredEndpoint,
        *,
        limit: int = 10,
        max_bytes: int = 1_000_000,
        lease: str = "",
        store: Store | None = None,
        fifo: bool = False,
    ) -> Claimed:
        lease = lease or f"lease-{self.entropy().hex()[-6:]}"
        claim = Claim(endpoint.id, limit, max_bytes, self.now_ms, lease, self.now_ms + LEASE_MS, fifo)
        return await (store or self.store).deliveries.claim(claim)

    async def settle(self, work: Work, move: Move = Move.DELIVER, *, due_in_ms: int = 0, reason: str = "") -> bool:
        """Settle as the dispatcher does; whether the lease was held."""
        return (await self.settle_as(settlement(work, move, self.now_ms, due_in_ms, reason))).held

    async def settle_as(self, wanted: Settlement) -> Settled:
        heard = Heard()
        self.store.deliveries.settle(wanted, heard.hear)
        return await heard.result()

    async def try_once(self, endpoint: StoredEndpoint, move: Move = Move.DELIVER, *, due_in_ms: int = 0) -> list[Work]:
        """Claim everything that is due to the endpoint, and let every attempt end like this."""
        works = (await self.claim(endpoint, limit=1000)).works
        for work in works:
            assert await self.settle(work, move, due_in_ms=due_in_ms)
        return works


async def raises(kind: type[E], work: Awaitable[object]) -> E:
    """The error of ``kind`` that ``work`` must end with."""
    try:
        await work
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


@dataclass(slots=True)
class Heard:
    """What ``done`` was called with."""

    settled: Settled | None = None
    error: BaseException | None = None
    calls: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, settled: Settled | None, error: BaseException | None) -> None:
        self.settled, self.error, self.calls = settled, error, self.calls + 1
        self.called.set()

    async def result(self) -> Settled:
        """What it was called with, as soon as it is."""
        await self.called.wait()
        assert self.settled is not None, self.error
        return self.settled


def settlement(work: Work, move: Move, now_ms: int, due_in_ms: int = 0, reason: str = "") -> Settlement:
    """What the dispatcher settles after an attempt that ended with ``move``; GIVE_BACK is without an attempt."""
    tried = move is not Move.GIVE_BACK
    attempt = Attempt(
        delivery_id=work.delivery_id,
        number=work.attempts + 1,
        started_at_ms=now_ms,
        duration_ms=12.5,
        status=200 if move is Move.DELIVER else 500,
        response_headers=((b"X-Trace", b"1"), (b"x-trace", b"\xff")),
        response_body=b"so be it\x00\xff",
        address="192.0.2.80",
        manual=work.manual,
    )
    return Settlement(
        delivery_id=work.delivery_id,
        event_id=work.event_id,
        endpoint_id=work.endpoint_id,
        lease=work.lease,
        state=after(DeliveryState.LEASED, move),
        failures=work.failures + (move in (Move.RETRY, Move.EXHAUST)),
        due_at_ms=now_ms + due_in_ms,
        attempt=attempt if tried else None,
        reason=reason,
    )


@dataclass(slots=True)
class FakeWorker:
    """A Worker with room for ``room`` deliveries, that notes all it is told."""

    room: int = 0
    until_ms: int = START_MS + LEASE_MS
    reserved: int = 0
    released: int = 0
    works: list[Work] = field(default_factory=list)
    owed_to: list[str] = field(default_factory=list)
    looks: int = 0
    wides: int = 0

    @property
    def held(self) -> int:
        """Reservations that were neither released nor became work."""
        return self.reserved - self.released - len(self.works)

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        if self.reserved - self.released >= self.room:
            return None
        self.reserved += 1
        return f"born-{self.reserved}", self.until_ms

    def release(self, endpoint_id: str, size: int, lease: str) -> None:
        self.released += 1

    def leased(self, works: Any) -> None:
        self.works.extend(works)

    def owed(self, endpoint_ids: Any) -> None:
        self.owed_to.extend(endpoint_ids)

    def look(self) -> None:
        self.looks += 1

    def wide(self) -> None:
        self.wides += 1
