"""The only outgoing HTTP of Hookline.

``HttpSender.send`` posts one body to one target and says what came of it, as a value. It never follows a
redirect, never connects to an address that its policy refuses, and reads no more of a response than it was
told to keep.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from hookline.core.model import Headers
from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy, Resolver
from hookline.delivery.connection import Connection
from hookline.delivery.connector import ConnectFailed, Connector
from hookline.delivery.head import UnsendableHeader, render_head
from hookline.delivery.outcome import Outcome, failure
from hookline.delivery.pool import Pool
from hookline.delivery.resolver import ThreadResolver

__all__ = ["HttpSender", "Outcome", "Sender"]


#: Told what came of a request; an exception is a fault of ours.
Done: TypeAlias = Callable[[Outcome | BaseException], None]
#: Gives up what was begun: nobody is told what came of it.
Cancel: TypeAlias = Callable[[], object]


class Sender(Protocol):
    """Whatever can post a body to a target."""

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        """Post ``body``; failures are Outcomes too, only cancellation is raised."""
        ...

    def begin(
        self,
        target: Target,
        headers: Headers,
        body: bytes,
        *,
        connect_timeout_s: float,
        timeout_s: float,
        done: Done,
    ) -> Cancel:
        """The same without somebody who waits: ``done`` is called later with what came of it."""
        ...

    async def close(self) -> None:
        """Close all connections; whoever still waits gets an Outcome with error ``shutdown``."""
        ...


def begin_as_task(sending: Coroutine[Any, Any, Outcome], done: Done) -> Cancel:
    """Have a task wait for what comes of it."""
    task = asyncio.get_running_loop().create_task(sending)

    def ended(task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled():
            error = task.exception()
            done(task.result() if error is None else error)

    task.add_done_callback(ended)
    return task.cancel


class _Exchange:
    """One request that was begun over a connection that was open. ``anew`` sends it once more, over a fresh one."""

    __slots__ = ("_anew", "_cancel_anew", "_cancelled", "_connection", "_done", "_pool")

    def __init__(
        self, connection: Connection, pool: Pool, done: Done, anew: Callable[[], Coroutine[Any, Any, Outcome]]
    ) -> None:
        self._connection, self._pool, self._done, self._anew = connection, pool, done, anew
        self._cancelled = False
        self._cancel_anew: Cancel | None = None

    def ended(self, outcome: Outcome) -> None:
        """The connection has an answer, or is gone."""
        if self._connection.usable:
            self._pool.give(self._connection)
        if self._cancelled:
            return
        if self._connection.went_stale and not self._pool.is_closed:
            self._cancel_anew = begin_as_task(self._anew(), self._done)
        else:
            self._done(outcome)

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if self._cancel_anew is not None:
            self._cancel_anew()
        elif not self._cancelled:
            self._cancelled = True
            self._connection.close()


class HttpSender:
    """A Sender over pooled HTTP/1.1 connections (RFC 9110, RFC 9112). For one event loop.

    ``response_cap_bytes`` of a response's body are kept; when there is more the connection is closed and the
    response counts as complete. At most ``max_idle`` connections rest in all, ``max_idle_per_origin`` for
    one scheme, host and port, each for ``idle_timeout_s``. After ``max_age_s`` a connection is not used
    again, so that a name which has moved is noticed even when its connections never rest. ``resolver`` and
    ``ssl_context`` replace the system's name look-up and trust store.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        response_cap_bytes: int = 16_384,
        idle_timeout_s: float = 15.0,
        max_idle_per_origin: int = 64,
        max_idle: int = 512,
        max_age_s: float = 300.0,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._cap = response_cap_bytes
        self._system_resolver = ThreadResolver()
        self._connector = Connector(policy, resolver or self._system_resolver, ssl_context, self._make)
        self._pool = Pool(
            idle_timeout_s=idle_timeout_s,
            max_age_s=max_age_s,
            max_idle_per_origin=max_idle_per_origin,
            max_idle=max_idle,
        )

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        """Post ``body``. ``headers`` go out byte for byte, after Host and Content-Length.

        User-Agent and Accept are added unless given. ``connect_timeout_s`` covers name look-up, connecting
        and TLS; ``timeout_s`` all of it, to the last byte of the response. Raises nothing but
        CancelledError; then its connection is closed.
        """
        started = time.perf_counter()
        try:
            head = render_head(target, headers, len(body))
        except UnsendableHeader as problem:
            return failure(started, "bad_request", str(problem))
        deadline = asyncio.get_running_loop().time() + timeout_s
        connection = self._pool.take(target.origin)
        if connection is not None:
            outcome = await self._exchange(connection, head, body, deadline, started)
            if not connection.went_stale or self._pool.is_closed:
                return outcome
        return await self._send_anew(target, head, body, connect_timeout_s, deadline, started)

    async def _send_anew(
        self, target: Target, head: bytes, body: bytes, connect_timeout_s: float, deadline: float, started: float
    ) -> Outcome:
        """Send over a fresh connection: none is open, or the server closed it while our request was on its way.

        RFC 9110 §9.2.2 asks for care because a POST might be processed twice then, but a receiver recognises the second
        one by its webhook-id, and the retry schedule would send it anyway.
        """
        now = asyncio.get_running_loop().time()
        try:
            connection = await self._connect(target, min(deadline, now + connect_timeout_s))
        except ConnectFailed as failed:
            return failure(started, failed.code, failed.detail, failed.address)
        return await self._exchange(connection, head, body, deadline, started)

    def begin(
        self,
        target: Target,
        headers: Headers,
        body: bytes,
        *,
        connect_timeout_s: float,
        timeout_s: float,
        done: Done,
    ) -> Cancel:
        """Post ``body`` as `send` does. Over a connection that is open no task is needed."""
        started, loop = time.perf_counter(), asyncio.get_running_loop()
        try:
            head = render_head(target, headers, len(body))
        except UnsendableHeader as problem:
            return loop.call_soon(done, failure(started, "bad_request", str(problem))).cancel
        deadline = loop.time() + timeout_s

        def anew() -> Coroutine[Any, Any, Outcome]:
            return self._send_anew(target, head, body, connect_timeout_s, deadline, started)

        connection = self._pool.take(target.origin)
        if connection is None:
            return begin_as_task(anew(), done)
        exchange = _Exchange(connection, self._pool, done, anew)
        connection.exchange(head, body, deadline, started, exchange.ended)
        return exchange.cancel

    async def close(self) -> None:
        """Close all connections and wait until they are gone."""
        self._connector.close()
        await self._pool.close("shutdown", "the sender was closed")
        self._system_resolver.close()

    async def _connect(self, target: Target, deadline: float) -> Connection:
        connection = await self._connector.connect(target, deadline)
        self._pool.add(connection)
        if self._pool.is_closed:
            connection.close()
            raise ConnectFailed("shutdown", "the sender was closed")
        return connection

    async def _exchange(
        self, connection: Connection, head: bytes, body: bytes, deadline: float, started: float
    ) -> Outcome:
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def answered(outcome: Outcome) -> None:
            if not waiter.done():
                waiter.set_result(outcome)

        connection.exchange(head, body, deadline, started, answered)
        try:
            outcome = await waiter
        except asyncio.CancelledError:
            connection.close()
            raise
        if connection.usable:
            self._pool.give(connection)
        return outcome

    def _make(self, target: Target, address: str) -> Connection:
        return Connection(target.origin, address, self._cap, self._pool.lost)
