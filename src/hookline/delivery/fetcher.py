"""Fetching small public documents: keys of providers, addresses that finish a handshake.

The same guarded connections as deliveries: no redirect is followed, and no private address connected to.
"""

from __future__ import annotations

from hookline.core.errors import InvalidInput
from hookline.core.providers.special import KeyRequest
from hookline.core.target import Target
from hookline.delivery.sender import Sender

#: A document that takes longer than this is not to be had: the sender of a webhook waits for it.
TIMEOUT_S = 4.0
CONNECT_TIMEOUT_S = 2.0

#: The largest document; a certificate has 2 KB, a set of keys 10 KB.
MOST_BYTES = 262_144


class Fetcher:
    """Fetches documents. ``sender`` keeps ``MOST_BYTES`` of a response."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def fetch(self, wanted: KeyRequest) -> bytes | None:
        """The body of a successful answer; None for every other, and for none."""
        try:
            target = Target.parse(wanted.url).asked_by(wanted.method)
        except InvalidInput:
            return None
        outcome = await self._sender.send(
            target, wanted.headers, wanted.body, connect_timeout_s=CONNECT_TIMEOUT_S, timeout_s=TIMEOUT_S
        )
        whole = len(outcome.body) < MOST_BYTES
        return outcome.body if 200 <= outcome.status < 300 and whole else None

    async def close(self) -> None:
        """Close all connections."""
        await self._sender.close()
