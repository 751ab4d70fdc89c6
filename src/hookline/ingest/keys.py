"""Public keys of providers that publish them at an address: fetched once, kept, and given to the pure core.

Only the core decides which address may be asked (`Provider.key_url`): a sender must not choose where we go. A key that
is not to be had is never a verdict: the door answers 503, and the sender tries again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec

from hookline.core.clock import Clock
from hookline.core.model import Request
from hookline.core.providers.provider import Provider
from hookline.core.providers.public_key import PEM
from hookline.core.providers.special import KeyRequest

#: Asks for a document and gives its bytes; None when it is not to be had. Never raises but for being cancelled.
Fetch: TypeAlias = Callable[[KeyRequest], Awaitable[bytes | None]]

#: How long a key is used before it is asked for again; mostly a rotated key has an address or an id of its own.
KEEP_MS = 24 * 3_600_000
#: How old it is, at least, when it is asked for again because a request was refused under it: sets of keys change.
DOUBT_MS = 300_000
#: How long nobody asks again after a failure.
PAUSE_MS = 5_000
#: Keys that are kept; a sender can name as many addresses of a provider as it likes.
MOST_KEPT = 256
#: Documents that are being fetched at a time, for the same reason.
MOST_UNDER_WAY = 8
#: Requests that wait for a key with their bodies in memory.
MOST_WAITING = 64


class _Kept(msgspec.Struct):
    document: bytes
    fetched_ms: int
    asked_ms: int  #: when it was last asked for, be it without success

    def serves(self, now_ms: int, *, doubted: bool = False) -> bool:
        """Whether nobody has to ask again."""
        if doubted:
            return now_ms < self.asked_ms + DOUBT_MS
        return now_ms < max(self.fetched_ms + KEEP_MS, self.asked_ms + PAUSE_MS)


class Keys:
    """The documents of all providers. For one event loop."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        #: Apart from each other: addresses that nobody has must not push out those that somebody needs.
        self._kept: OrderedDict[KeyRequest, _Kept] = OrderedDict()
        self._failed: OrderedDict[KeyRequest, int] = OrderedDict()
        self._waiting = 0
        self._under_way: dict[KeyRequest, asyncio.Task[bytes | None]] = {}

    async def wanted_by(
        self, provider: Provider, request: Request, secrets: Sequence[str], *, doubted: bool = False
    ) -> bytes | None:
        """The document that ``request`` is proven by; None when it wants none, or it is not to be had.

        ``doubted``: the request was refused under the one that is known.

        A source that has a key or certificate among its secrets, in PEM, trusts that one and no other: for trials,
        and for machines that may not fetch. Raises VerificationError for an address that is not the provider's.
        """
        wanted = provider.key_request(request, secrets)
        if wanted is None:
            return None
        own = next((secret[secret.index(PEM) :] for secret in secrets if PEM in secret), None)
        return own.encode() if own is not None else await self.get(wanted, doubted=doubted)

    async def get(self, wanted: KeyRequest, *, doubted: bool = False) -> bytes | None:
        """A document; None when it is not to be had now."""
        kept, now_ms = self._kept.get(wanted), self._clock.now_ms()
        known = kept.document if kept is not None else None  # an old one is better than none
        if kept is not None:
            self._kept.move_to_end(wanted)
            if kept.serves(now_ms, doubted=doubted):
                return known
        elif now_ms < self._failed.get(wanted, 0) + PAUSE_MS:
            return None
        task = self._under_way.get(wanted)
        if self._waiting >= MOST_WAITING or (task is None and not self._has_room_for(wanted)):
            return known
        if task is None:
            task = self._under_way[wanted] = asyncio.ensure_future(self._ask(wanted))
        self._waiting += 1
        try:
            return await asyncio.shield(task) or known  # others may wait for it too
        finally:
            self._waiting -= 1

    def _has_room_for(self, wanted: KeyRequest) -> bool:
        """Whether one more may be fetched: what is known already, and is to be renewed, comes before what is not."""
        return len(self._under_way) < (2 * MOST_UNDER_WAY if wanted in self._kept else MOST_UNDER_WAY)

    async def visit(self, url: str) -> bool:
        """Call an address that finishes a handshake; whether it was answered with success."""
        return await self._fetch(KeyRequest(url)) is not None

    async def _ask(self, wanted: KeyRequest) -> bytes | None:
        try:
            document = await self._fetch(wanted)
        finally:
            del self._under_way[wanted]
        now_ms, kept = self._clock.now_ms(), self._kept.get(wanted)
        if document is not None:
            self._kept[wanted] = _Kept(document, now_ms, now_ms)
            self._failed.pop(wanted, None)
        elif kept is not None:
            kept.asked_ms = now_ms
        else:
            self._failed[wanted] = now_ms
        for remembered in (self._kept, self._failed):
            while len(remembered) > MOST_KEPT:
                remembered.popitem(last=False)
        return document


async def no_keys(_: KeyRequest) -> bytes | None:
    """A Fetch for where nothing may be fetched."""
    return None
