"""The only outgoing HTTP of Hookline.

``HttpSender.send`` posts one body to one target and says what came of it, as a value. It never follows a
redirect, never connects to an address that its policy refuses, and reads no more of a response than it was
told to keep.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Protocol

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


class Sender(Protocol):
    """Whatever can post a body to a target."""

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        """Post ``body``; failures are Outcomes too, only cancellation is raised."""
        ...

    async def close(self) -> None:
        """Close all connections; whoever still waits gets an Outcome with error ``shutdown``."""
        ...


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
        self._closed = False

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
        now = asyncio.get_running_loop().time()
        deadline = now + timeout_s
        connection = self._pool.take(target.origin)
        if connection is not None:
            outcome = await self._exchange(connection, head, body, deadline, started)
            if not connection.went_stale or self._closed:
                return outcome
            # The server closed an idle connection while our request was on its way. Once more, on a fresh
            # one: RFC 9110 §9.2.2 asks for care because a POST might be processed twice, but a receiver
            # recognises the second one by its webhook-id, and the retry schedule would send it anyway.
        try:
            connection = await self._connect(target, min(deadline, now + connect_timeout_s))
        except ConnectFailed as failed:
            return failure(started, failed.code, failed.detail, failed.address)
        return await self._exchange(connection, head, body, deadline, started)

    async def close(self) -> None:
        """Close all connections and wait until they are gone."""
        self._closed = True
        self._connector.close()
        await self._pool.close("shutdown", "the sender was closed")
        self._system_resolver.close()

    async def _connect(self, target: Target, deadline: float) -> Connection:
        connection = await self._connector.connect(target, deadline)
        self._pool.add(connection)
        if self._closed:
            connection.close()
            raise ConnectFailed("shutdown", "the sender was closed")
        return connection

    async def _exchange(
        self, connection: Connection, head: bytes, body: bytes, deadline: float, started: float
    ) -> Outcome:
        waiter = connection.exchange(head, body, deadline, started)
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
