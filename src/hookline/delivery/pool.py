"""All open connections of a sender, and which of them rest until the next request to their origin."""

from __future__ import annotations

import asyncio

from hookline.delivery.connection import Connection


class Pool:
    """Last in, first out: the busiest connections stay warm and the rest time out.

    ``idle_timeout_s`` should be shorter than servers' own (5 s in Node.js, 60–75 s elsewhere), because a
    connection that closes while a request is on its way costs a second try. ``max_age_s`` makes us notice
    that a name has moved to another address although its connection never rests.
    """

    def __init__(self, *, idle_timeout_s: float, max_age_s: float, max_idle_per_origin: int, max_idle: int) -> None:
        self._idle_timeout_s = idle_timeout_s
        self._max_age_s = max_age_s
        self._max_idle_per_origin = max_idle_per_origin
        self._max_idle = max_idle
        self._open: set[Connection] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self.is_closed = False  #: no connection is opened any more
        self._by_origin: dict[str, list[Connection]] = {}
        #: All of them, the one that has rested longest first.
        self._resting: dict[Connection, None] = {}

    def take(self, origin: str) -> Connection | None:
        """The connection to ``origin`` that was used last, or None."""
        idle = self._by_origin.get(origin)
        while idle:
            connection = idle.pop()
            del self._resting[connection]
            if not idle:
                del self._by_origin[origin]
            if connection.usable:
                return connection
        return None

    def give(self, connection: Connection) -> None:
        """Keep ``connection`` for later, or close it when there is no room or it is too old."""
        now = connection.rest(self._idle_timeout_s)
        idle = self._by_origin.setdefault(connection.origin, [])
        if len(idle) >= self._max_idle_per_origin or now - connection.born_s >= self._max_age_s:
            connection.close()
            self._drop_if_empty(connection.origin)
            return
        idle.append(connection)
        self._resting[connection] = None
        if len(self._resting) > self._max_idle:
            oldest = next(iter(self._resting))
            self._forget(oldest)
            oldest.close()

    async def close(self, code: str, detail: str) -> None:
        """Close every open connection and wait until all are gone; waiting requests fail with ``code``."""
        self.is_closed = True
        for connection in tuple(self._open):
            connection.close(code, detail)
        await self._none_open.wait()

    def add(self, connection: Connection) -> None:
        """Take charge of a new connection. It may be gone already."""
        if not connection.gone:
            self._open.add(connection)
            self._none_open.clear()

    def lost(self, connection: Connection) -> None:
        """A connection is gone; told by itself."""
        self._open.discard(connection)
        self._forget(connection)
        if not self._open:
            self._none_open.set()

    def _forget(self, connection: Connection) -> None:
        if connection in self._resting:
            del self._resting[connection]
            self._by_origin[connection.origin].remove(connection)
            self._drop_if_empty(connection.origin)

    def _drop_if_empty(self, origin: str) -> None:
        if not self._by_origin[origin]:
            del self._by_origin[origin]
