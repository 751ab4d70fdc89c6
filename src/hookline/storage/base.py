"""What the store asks of a database, and the values that go in and out of the store.

A **batch** is a function ``(tx, items) -> results``: it does for many callers at once what each of them asked
for. The database gathers everything that is waiting, calls each batch once with all its items, commits once,
and only then answers the callers. That is group commit: one fsync is shared by all who wait for it, so
throughput grows with load while nobody waits longer than for one commit.

A result that is a HooklineError is raised to its own caller and harms nobody else in the group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from hookline.core.model import Event, Work

T = TypeVar("T")
Value = TypeVar("Value", covariant=True)
Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)

Row: TypeAlias = Mapping[str, Any]
Params: TypeAlias = Mapping[str, Any]


class Transaction(Protocol):
    """Named queries inside one transaction."""

    def rows(self, query: str, params: Params = ...) -> list[Row]:
        """All rows of a query."""
        ...

    def row(self, query: str, params: Params = ...) -> Row | None:
        """The first row of a query."""
        ...

    def run(self, query: str, params: Params = ...) -> int:
        """Execute a statement; how many rows it changed."""
        ...

    def each(self, query: str, params: Sequence[Params]) -> None:
        """Execute a statement for each of ``params``. That it failed may be said only by what is asked next."""
        ...

    def count_each(self, query: str, params: Sequence[Params]) -> int:
        """The same; how many rows all of them changed."""
        ...

    def changed(self, query: str, params: Sequence[Params]) -> list[bool]:
        """Execute a statement that changes one row or none for each of ``params``; which of them changed one.

        The statement ends with RETURNING.
        """
        ...

    def found(self, query: str, params: Sequence[Params]) -> list[Row | None]:
        """The first row that a query finds for each of ``params``."""
        ...

    def lock(self, query: str, ids: Iterable[str]) -> None:
        """Hold the rows that a query finds for these ids until the end: nobody else changes them meanwhile.

        What is read afterwards is what others committed before. One writer alone has nothing to wait for.
        """
        ...

    def on_commit(self, then: Callable[[], None]) -> None:
        """Call ``then`` when this transaction is on disk, before anybody is answered."""
        ...

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Call ``undo`` when this transaction comes to nothing: for what a batch changed in memory."""
        ...

    def insert_events(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The hot batch: rows in the column order of ``event``."""
        ...

    def insert_payloads(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The hot batch: rows in the column order of ``payload``."""
        ...

    def insert_deliveries(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The hot batch: rows in the column order of ``delivery``."""
        ...


#: What servers announce to each other: that anything may have changed (LOOK), that there is something to be done in
#: steps (PUSH), or the id of an endpoint that is owed something.
LOOK: Final = "look"
PUSH: Final = "push"

Batch: TypeAlias = Callable[[Transaction, Sequence[Any]], Sequence[Any]]
Done: TypeAlias = Callable[[Any, BaseException | None], None]

B = TypeVar("B", bound=Callable[..., Any])


class Stream(StrEnum):
    """What waits for what: where a database has several writers, each has one of these. Within one, order is kept."""

    DOORS = "doors"  #: accepting events, and everything else that may give out leases as they are stored
    DELIVERY = "delivery"  #: claims and settlements
    PULSE = "pulse"  #: signs of life, which must not wait for anything
    CHORES = "chores"  #: everything that nobody waits for at a door


def on(stream: Stream) -> Callable[[B], B]:
    """Marks a batch as part of a stream. What is not marked is a chore."""

    def mark(batch: B) -> B:
        batch.stream = stream  # type: ignore[attr-defined]
        return batch

    return mark


def exclusive(batch: B) -> B:
    """Marks a batch that changes where events go: it has transactions of its own, and while one of them is open no
    transaction of any process routes events. So whoever routes knows the routing that is true when it commits.
    """
    batch.exclusive = True  # type: ignore[attr-defined]
    return batch


def stream_of(batch: Batch) -> Stream:
    """The stream that a batch is part of."""
    return getattr(batch, "stream", Stream.CHORES)


def is_exclusive(batch: Batch) -> bool:
    """Whether a batch changes where events go."""
    return getattr(batch, "exclusive", False)


class Database(Protocol):
    """Where the rows are. Implementations: ``sqlite.py`` and ``postgres/``."""

    #: Whether other servers may work on the same database at the same time.
    shared: bool

    def submit(self, batch: Batch, item: Any, done: Done) -> None:
        """Queue ``item`` for ``batch``; ``done(result, error)`` is called on the event loop after the commit."""
        ...

    async def write(self, batch: Batch, item: Any) -> Any:
        """Like submit, awaited. Raises what the batch raised, or StoreError when the commit failed."""
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a snapshot, off the event loop."""
        ...

    @property
    def waiting(self) -> int:
        """How many items wait to be written."""
        ...

    def outside_version(self, tx: Transaction) -> int:
        """A number that changes when another process changes the routing, or more. Whoever asks remembers it."""
        ...

    def reclaim_space(self, tx: Transaction) -> bool:
        """Give freed pages back to the file system, a bounded number at a time; whether there are more."""
        ...

    async def make_room(self, now_ms: int, longest_retention_ms: float) -> None:
        """Prepare for the events that will come. Raises StoreError; then they are stored all the same."""
        ...

    async def drop_old(self, now_ms: int, longest_retention_ms: float) -> int:
        """Forget, all at once, events that are older than any retention; how many. What is owed stays."""
        ...

    def slack_ms(self, longest_retention_ms: float) -> int:
        """How much longer events are kept than the longest retention, because they are forgotten all at once."""
        ...

    def announce(self, news: str) -> None:
        """Tell the other servers; it may get lost. On any thread."""
        ...

    def listen(self, heard: Callable[[str], None]) -> None:
        """From now on ``heard`` is called, on the event loop, with what other servers announce."""
        ...

    async def close(self) -> None:
        """Write what waits, then close."""
        ...


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An event as a door hands it in. ``key`` deduplicates; an empty one never does.

    ``guard`` is a second key, for senders whose event id is not covered by their signature: the same body
    under another id is a possible replay. ``expires_at_ms`` ends both; None keeps them for ever.
    """

    event: Event
    key: str = ""
    guard: str = ""
    body_hash: bytes = b""
    expires_at_ms: int | None = None
    review_conflicts: bool = False
    refuse_replays: bool = False
    #: ``key`` is a name that only one event may have: a known one is refused (``Receipt.taken``), nothing else happens.
    unique: bool = False
    #: The request itself, so that one that is sent again does what it did: nothing new.
    once: Once | None = None
    only_endpoint: str = ""  #: the id of the only endpoint it goes to, whatever that one usually wants
    due_at_ms: int = 0  #: not to be sent before
    payload_expires_at_ms: int | None = None  #: when the bytes go, if that is before the event does


class Once(msgspec.Struct, frozen=True, gc=False):
    """A request that its sender may send again without meaning it twice (`Idempotency-Key`).

    ``scope`` is the id of the organisation or application it was sent for, ``key`` names the operation and the
    sender's key, ``body_hash`` is of the body. The same key with another body is refused.
    """

    scope: str
    key: str
    body_hash: bytes
    expires_at_ms: int


class Slice(msgspec.Struct, frozen=True, gc=False):
    """Part of a list: the ``limit`` rows that come after the one whose id is ``anchor`` (empty: from the beginning)."""

    anchor: str = ""
    descending: bool = True
    limit: int = 50


class Made(msgspec.Struct, Generic[Value], frozen=True):
    """Something that was asked for, and whether this request made it (also when it was sent before)."""

    value: Value
    created: bool


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of a draft; it is on disk when this is seen."""

    event_id: str
    status: str
    duplicate: bool = False
    #: The body is known under another id and the source refuses such requests: nothing was stored.
    replay: bool = False
    deliveries: int = 0
    #: The draft's ``unique`` key belongs to this event already: nothing was stored.
    taken: bool = False
    #: The draft's ``once`` key was used for another body: nothing was stored.
    misused: bool = False


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A wish for deliveries of one endpoint that are due.

    ``fifo``: strictly in order. Nothing while the oldest is not due, because it waits for its next try or is leased;
    else the unbroken run of what is due, from the oldest on.
    """

    endpoint_id: str
    limit: int
    max_bytes: int
    now_ms: int
    lease: str
    until_ms: int
    fifo: bool = False


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """The leased deliveries, and when the endpoint is owed something next (None: nothing more).

    Where order counts, the next is what follows the leased ones, or the oldest when nothing could be leased.
    """

    works: list[Work]
    next_due_ms: int | None


class Settled(msgspec.Struct, frozen=True, gc=False):
    """Whether a settlement held its lease; if not, it changed nothing."""

    held: bool
    #: Endpoints that are owed an operational webhook about it.
    owed: tuple[str, ...] = ()


class Worker(Protocol):
    """Who sends what is stored.

    While an event is being committed, ``reserve`` decides whether this process makes the first try itself;
    it and ``release`` are called on the writer's thread, the others on the event loop after the commit.
    """

    def reserve(self, endpoint_id: str, size: int) -> tuple[str, int] | None:
        """A lease token and its end in milliseconds, or None when there is no room."""
        ...

    def release(self, endpoint_id: str, size: int, lease: str) -> None:
        """The reservation came to nothing: the transaction was rolled back, as far as anybody heard."""
        ...

    def leased(self, works: Sequence[Work]) -> None:
        """These deliveries are on disk, leased to this process."""
        ...

    def owed(self, endpoint_ids: Iterable[str]) -> None:
        """Deliveries to these endpoints are on disk, leased to nobody, due now."""
        ...

    def look(self) -> None:
        """Sources, endpoints or deliveries changed in a way that is not told in detail."""
        ...

    def wide(self) -> None:
        """An event is on disk that goes to so many endpoints that its deliveries are still to be written."""
        ...


class EventFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which events. Empty fields do not restrict. Times are milliseconds, ``until`` is exclusive."""

    source_id: str = ""
    status: str = ""
    type: str = ""  #: exact, ``order.*``, or ``*``
    provider_event_id: str = ""
    since_ms: int = 0
    until_ms: int = 0
    endpoint_id: str = ""  #: only for replays: only the deliveries of this endpoint
    types: tuple[str, ...] = ()  #: any of these, exactly
    channel: str = ""
    tag: str = ""
