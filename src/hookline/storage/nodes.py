"""The servers that work on one database: who is there, who gives signs of life, and who is dead.

No clocks are compared. A server makes its ``beat`` grow; another one that sees for a while that it does not, by its own
clock, declares it dead: its row goes and its leases with it, in one transaction. A server that was only asleep finds
its row gone, and everything that it still does under its old leases changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookline.core.errors import HooklineError
from hookline.storage.base import Database, Row, Stream, Transaction, on

#: The role of a server that is about to end.
STOPPING = "stopping"
#: Leases released per statement.
LEASES_PER_STEP = 1_000


class Node(msgspec.Struct, frozen=True):
    """A server that is running."""

    id: str
    name: str  #: of its machine, for people
    role: str
    version: str
    started_at_ms: int
    beat: int = 0


class Pulse(msgspec.Struct, frozen=True):
    """What a server hears when it gives a sign of life: whether it is still counted, and who is."""

    is_counted: bool
    nodes: tuple[Node, ...]


class Buried(msgspec.Struct, frozen=True):
    """What became of a server that was to be declared dead: the endpoints that are owed what it had leased."""

    was_dead: bool
    owed: tuple[str, ...] = ()


class Nodes:
    """The servers of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self, node: Node) -> None:
        """A server begins."""
        await self._database.write(_join_batch, node)

    async def beat(self, node_id: str) -> Pulse:
        """A server gives a sign of life."""
        return await self._database.write(_beat_batch, node_id)  # type: ignore[no-any-return]

    async def retire(self, node_id: str) -> None:
        """A server delivers nothing new, but still what it has begun."""
        await self._database.write(_retire_batch, node_id)

    async def leave(self, node_id: str) -> None:
        """A server ends; it gave back what it had leased."""
        await self._database.write(_leave_batch, node_id)

    async def bury(self, node: Node, now_ms: int) -> Buried:
        """Declare a server dead that gave no sign of life since ``node`` was read; what it had leased is due now."""
        return await self._database.write(_bury_batch, (node, now_ms))  # type: ignore[no-any-return]

    async def all(self) -> list[Node]:
        """Every server that is counted."""
        return await self._database.read(_all)


def _all(tx: Transaction) -> list[Node]:
    return [_node(row) for row in tx.rows("nodes")]


def _node(row: Row) -> Node:
    return Node(row["id"], row["name"], row["role"], row["version"], row["started_at_ms"], row["beat"])


@on(Stream.PULSE)
def _join_batch(tx: Transaction, nodes: Sequence[Node]) -> list[None]:
    for node in nodes:
        tx.run("join", msgspec.structs.asdict(node))
    return [None] * len(nodes)


@on(Stream.PULSE)
def _beat_batch(tx: Transaction, node_ids: Sequence[str]) -> list[Pulse]:
    counted = [bool(tx.run("beat", {"id": node_id})) for node_id in node_ids]
    nodes = tuple(_all(tx))
    return [Pulse(is_counted, nodes) for is_counted in counted]


@on(Stream.PULSE)
def _retire_batch(tx: Transaction, node_ids: Sequence[str]) -> list[None]:
    for node_id in node_ids:
        tx.run("retire", {"id": node_id, "role": STOPPING})
    return [None] * len(node_ids)


@on(Stream.PULSE)
def _leave_batch(tx: Transaction, node_ids: Sequence[str]) -> list[None]:
    for node_id in node_ids:
        tx.run("leave", {"id": node_id})
    return [None] * len(node_ids)


@on(Stream.CHORES)  # it may have to wait for what the dead one still holds
def _bury_batch(tx: Transaction, items: Sequence[tuple[Node, int]]) -> list[Buried | HooklineError]:
    return [_bury(tx, node, now_ms) for node, now_ms in items]


def _bury(tx: Transaction, node: Node, now_ms: int) -> Buried:
    if not tx.run("bury_node", {"id": node.id, "beat": node.beat}):
        return Buried(False)
    held = {"low": node.id, "high": node.id + "~", "limit": LEASES_PER_STEP}
    owed: set[str] = set()
    while leases := tx.rows("leases_of_node", held):
        tx.each("release_lease", [{"id": row["id"], "now_ms": now_ms} for row in leases])
        owed.update(row["endpoint_id"] for row in leases)
    return Buried(True, tuple(owed))
