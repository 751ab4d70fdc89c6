"""How what people configure becomes the routing: read by version, on the writer's thread.

Every row of a source, an endpoint or an event type bears the version at which it was changed, and what is removed
leaves its id and a version behind. A snapshot that knows one version reads only what is newer.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hookline.core import ids
from hookline.core.errors import HooklineError
from hookline.core.filter import compile_patterns
from hookline.core.model import Endpoint, EndpointState, Source, SourceKind
from hookline.mint import Mint
from hookline.storage import stored
from hookline.storage.base import Database, Row, Transaction, Worker, exclusive
from hookline.storage.operational import tell
from hookline.storage.routing import NOTHING, Routing
from hookline.storage.vault import Vault

T = TypeVar("T")


class Changing:
    """One change of what is configured, inside the writer's transaction."""

    def __init__(self, tx: Transaction, snapshot: Snapshot, routing: Routing) -> None:
        self.tx, self._snapshot, self._routing = tx, snapshot, routing
        #: The endpoints that are owed an operational webhook about it.
        self.owed: list[str] = []

    def version(self) -> int:
        """A new version, for the row that is about to be written: one without it would never be read."""
        self.tx.run("bump_routing")
        row = self.tx.row("routing_version")
        assert row is not None
        return int(row["value"])

    def new_endpoint_id(self, source_id: str, now_ms: int) -> str:
        """Greater than those of the source's other endpoints, also when the clock was set back: see `fanout`."""
        made = self._snapshot.new_id(ids.ENDPOINT, now_ms)
        newest = self.tx.row("newest_endpoint", {"source_id": source_id})
        if newest is None or newest["id"] < made:
            return made
        self._snapshot.go_on_after(ids.made_at_ms(newest["id"]), now_ms)
        return self._snapshot.new_id(ids.ENDPOINT, now_ms)

    def bury(self, id: str) -> None:
        """What has this id was removed."""
        self.tx.run("bury", {"id": id, "version": self.version()})

    def tell(self, org_id: str, type: str, data: dict[str, Any], now_ms: int) -> None:
        """Tell the organisation, as part of the change, by the endpoints that it had before it."""
        self.owed += tell(self.tx, self._routing, self._snapshot.new_id, org_id, type, data, now_ms)


class Snapshot:
    """The newest routing that this process knows, and the way by which all changes of it go."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        #: Makes ids on the writers' threads: lists show things in the order of their making.
        self.mint = Mint()
        self._minting = threading.Lock()
        #: Told after every change. None in a process that only looks.
        self.worker: Worker | None = None
        #: Replaced as a whole on the writer's thread, read on any.
        self.routing = Routing()
        self._outside_version = -1
        self._publishing = threading.Lock()

    def new_id(self, prefix: str, now_ms: int) -> str:
        """An id that is greater than all of its kind that were made here before. On any thread."""
        with self._minting:
            return self.mint.make(prefix, now_ms)

    def go_on_after(self, made_at_ms: int, now_ms: int) -> None:
        """Make only greater ids than those that another server made until then."""
        with self._minting:
            self.mint.go_on_after(made_at_ms, now_ms)

    def current(self, tx: Transaction) -> Routing:
        """The routing that is true in this transaction, even if another process has just changed it."""
        version = self.database.outside_version(tx)
        if version != self._outside_version:
            self.refresh(tx)
            self._outside_version = version
        return self.routing

    def refresh(self, tx: Transaction) -> None:
        """Read what others have committed that is newer than the snapshot."""
        self._publish(self._newer(tx, self.routing))

    def _publish(self, routing: Routing) -> None:
        """Replace the snapshot by what is on disk. On any thread: an older one does not take the place of a newer."""
        with self._publishing:
            if routing.version > self.routing.version:
                self.routing = routing

    def _newer(self, tx: Transaction, before: Routing) -> Routing:
        """The routing as this transaction sees it, from one that is older."""
        row = tx.row("routing_version")
        assert row is not None
        if row["value"] == before.version:
            return before
        newer = {"version": before.version}
        unreadable: dict[str, str] = {}
        return before.changed(
            row["value"],
            gone=() if before.version == NOTHING else [each["id"] for each in tx.rows("gone_since", newer)],
            sources=_readable(tx.rows("changed_sources", newer), self._source, _left_out, unreadable),
            endpoints=_readable(tx.rows("changed_endpoints", newer), self._endpoint, _held_back, unreadable),
            event_types=[stored.event_type_of(each) for each in tx.rows("changed_event_types", newer)],
            unreadable=unreadable,
        )

    async def load(self) -> Routing:
        """The routing as it is now, also when another process changed it."""
        return await self.database.write(  # type: ignore[no-any-return]
            self._load_batch, None
        )

    async def load_if_newer(self) -> Routing:
        """The same, asked beside the writers: only what was changed makes this wait for them."""
        row = await self.database.read(lambda tx: tx.row("routing_version"))
        assert row is not None
        return self.routing if row["value"] == self.routing.version else await self.load()

    def _load_batch(self, tx: Transaction, items: Sequence[None]) -> list[Routing]:
        self.refresh(tx)
        return [self.routing] * len(items)

    async def change(self, work: Callable[[Changing], T]) -> T:
        """Do ``work`` in a transaction of the writer, on its thread; when this returns, the routing agrees.

        It may be done again from the beginning, when something else in its group fails. What it raises undoes it.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: tuple[T, list[str]] | None, error: BaseException | None) -> None:
            if result is not None:
                self._tell_worker(result[1])  # also when nobody waits for the answer any more
            if answer.done():
                return
            if result is not None:
                answer.set_result(result[0])
            else:
                assert error is not None
                answer.set_exception(error)

        self.database.submit(self._change_batch, work, done)
        return await answer

    def _tell_worker(self, owed: Sequence[str]) -> None:
        if self.worker is not None:
            self.worker.look()
            if owed:
                self.worker.owed(owed)

    @exclusive
    def _change_batch(self, tx: Transaction, works: Sequence[Callable[[Changing], T]]) -> list[tuple[T, list[str]]]:
        routing = self.current(tx)
        done = []
        for work in works:
            changing = Changing(tx, self, routing)
            done.append((work(changing), changing.owed))
            routing = self._newer(tx, routing)  # the next one, and who is told of it, must see this one
        # Not before: somebody else could route by what will never be true.
        tx.on_commit(lambda: self._publish(routing))
        return done

    # -- rows ------------------------------------------------------------------------------------------

    def _source(self, row: Row) -> Source:
        if row["kind"] == SourceKind.PROVIDER:
            return stored.source_of(self.vault, row).build()
        return stored.application_of(row).build()

    def _endpoint(self, row: Row) -> Endpoint:
        return stored.endpoint_of(self.vault, row).build()


def _readable(
    rows: Sequence[Row], read: Callable[[Row], T], instead: Callable[[Row, str], T | None], unreadable: dict[str, str]
) -> list[T]:
    """One object per row. A row that cannot be read must not take the others with it."""
    found = []
    for row in rows:
        try:
            one: T | None = read(row)
        except HooklineError as error:
            unreadable[row["id"]] = error.message
            one = instead(row, error.message)
        if one is not None:
            found.append(one)
    return found


def _left_out(row: Row, why: str) -> None:
    """Nothing is accepted for a source whose rules are not known, so nothing that was accepted is lost."""


def _held_back(row: Row, why: str) -> Endpoint:
    """What it is owed is kept and waits, until its configuration can be read. It takes what it took."""
    known = json.loads(row["spec"])
    return Endpoint(
        id=row["id"],
        org_id=row["org_id"],
        source_id=row["source_id"],
        name=row["name"],
        url=known.get("url", ""),
        events=_patterns(known.get("events", [])),
        state=EndpointState.DISABLED if stored.is_disabled(row) else EndpointState.PAUSED,
        state_reason=why,
        uid=row["uid"],
        channels=tuple(known.get("channels", ())),
        fifo=bool(known.get("fifo")),
        failing_since_ms=row["failing_since_ms"],
    )


def _patterns(events: Sequence[str]) -> tuple[str, ...]:
    try:
        compile_patterns(events)
    except HooklineError:
        return ("*",)  # rather too much, kept and not sent, than too little
    return tuple(events)
