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


class _Kept(msgspec.Struct):
    document: bytes | None
    asked_ms: int

    def serves(self, now_ms: int, *, doubted: bool = False) -> bool:
        """Whether nobody has to ask again."""
        lasts_ms = PAUSE_MS if self.document is None else DOUBT_MS if doubted else KEEP_MS
        return now_ms < self.asked_ms + lasts_ms


class Keys:
    """The documents of all providers. For one event loop."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._kept: OrderedDict[KeyRequest, _Kept] = OrderedDict()
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
        kept = self._kept.get(wanted)
        if kept is not None and kept.serves(self._clock.now_ms(), doubted=doubted):
            self._kept.move_to_end(wanted)
            return kept.document
        task = self._under_way.get(wanted)
        if task is None:
            if len(self._under_way) >= MOST_UNDER_WAY:
                return None
            task = self._under_way[wanted] = asyncio.ensure_future(self._ask(wanted))
        return await asyncio.shield(task)  # others may wait for it too

    async def visit(self, url: str) -> bool:
        """Call an address that finishes a handshake; whether it was answered with success."""
        return await self._fetch(KeyRequest(url)) is not None

    async def _ask(self, wanted: KeyRequest) -> bytes | None:
        try:
            document = await self._fetch(wanted)
        finally:
            del self._under_way[wanted]
        now_ms, kept = self._clock.now_ms(), self._kept.get(wanted)
        if document is None and kept is not None and kept.document is not None and kept.serves(now_ms):
            return kept.document  # it was only doubted
        self._kept[wanted] = _Kept(document, now_ms)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return document


async def no_keys(_: KeyRequest) -> bytes | None:
    """A Fetch for where nothing may be fetched."""
    return None
