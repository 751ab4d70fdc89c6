"""Opening a connection: look the name up once, vet every address, connect to a vetted one and no other."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy, Resolver
from hookline.delivery.connection import Connection

T = TypeVar("T")

#: A name may have hundreds of addresses; trying more than these would turn us into a port scanner.
MAX_ADDRESSES = 4


class ConnectFailed(Exception):
    """No connection; ``code`` is one of the stable codes of an Outcome."""

    def __init__(self, code: str, detail: str, address: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.address = code, detail, address


class Connector:
    """Makes connections that ``policy`` allows. ``make`` builds the protocol for a target and an address."""

    def __init__(
        self,
        policy: AddressPolicy,
        resolver: Resolver,
        ssl_context: ssl.SSLContext | None,
        make: Callable[[Target, str], Connection],
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._context = ssl_context or _trusting_context()
        self._make = make
        self._limits: set[asyncio.Timeout] = set()
        self._closed = False

    async def connect(self, target: Target, deadline: float) -> Connection:
        """An open connection. ``deadline`` (loop time) covers look-up, connecting, TLS. Raises ConnectFailed."""
        if self._closed:
            raise _shut_down()
        addresses = (await self._vetted_addresses(target, deadline))[:MAX_ADDRESSES]
        loop = asyncio.get_running_loop()
        for left in range(len(addresses), 1, -1):
            address = addresses[-left]
            # An address that never answers must leave time for those behind it.
            share = loop.time() + (deadline - loop.time()) / left
            try:
                return await self._connect_to(address, target, share)
            except ConnectFailed as failed:
                if failed.code == "shutdown":
                    raise
        return await self._connect_to(addresses[-1], target, deadline)

    def close(self) -> None:
        """Whoever is connecting now gets ConnectFailed("shutdown")."""
        self._closed = True
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(0)

    async def _vetted_addresses(self, target: Target, deadline: float) -> list[str]:
        found = [target.host] if target.literal else await self._resolve(target, deadline)
        refusals = {address: self._policy.refusal(address) for address in found}
        allowed = [address for address, words in refusals.items() if words is None]
        if not allowed:
            address, words = next(iter(refusals.items()))
            raise ConnectFailed("blocked_address", f"{address} may not be connected to ({words})", address)
        return allowed

    async def _resolve(self, target: Target, deadline: float) -> list[str]:
        detail = f"{target.host} was not found in time"
        try:
            found = await self._within(
                deadline, self._resolver.resolve(target.host, target.port), "dns_timeout", detail
            )
        except ConnectFailed:
            raise
        except Exception as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ConnectFailed("dns_failed", f"{target.host} has no address: {words}") from error
        if not found:
            raise ConnectFailed("dns_failed", f"{target.host} has no address")
        return found

    async def _connect_to(self, address: str, target: Target, deadline: float) -> Connection:
        opening = asyncio.get_running_loop().create_connection(
            lambda: self._make(target, address),
            address,
            target.port,
            ssl=self._context if target.tls else None,
            server_hostname=target.host if target.tls else None,
        )
        shown = f"{target.host} ({address}) port {target.port}"
        try:
            _, connection = await self._within(
                deadline, opening, "connect_timeout", f"{shown} did not accept a connection in time"
            )
        except ConnectFailed as failed:
            failed.address = address
            raise
        except Exception as error:
            raise ConnectFailed(*_why(error, shown, target.tls), address) from error
        return connection

    async def _within(self, deadline: float, work: Awaitable[T], code: str, detail: str) -> T:
        try:
            async with asyncio.timeout_at(deadline) as limit:
                self._limits.add(limit)
                try:
                    return await work
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            if self._closed:
                raise _shut_down() from None
            raise ConnectFailed(code, detail) from None


def _shut_down() -> ConnectFailed:
    return ConnectFailed("shutdown", "the sender was closed")


def _why(error: Exception, shown: str, tls: bool) -> tuple[str, str]:
    """Code and words for what ``create_connection`` raised."""
    if isinstance(error, ConnectionRefusedError):
        return "connect_refused", f"{shown} refused the connection"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls_failed", f"the certificate of {shown} was not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return "tls_failed", f"TLS handshake with {shown} failed: {reason}"
    if tls and isinstance(error, ConnectionError):
        return "tls_failed", f"{shown} closed the connection during the TLS handshake"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "connect_failed", f"no connection to {shown}: {words}"


@functools.cache
def _trusting_context() -> ssl.SSLContext:
    """The system's trust store, read once and at the start: later there might be no file descriptor to read it with."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
