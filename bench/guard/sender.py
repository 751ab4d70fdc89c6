"""A sender without a network."""

from __future__ import annotations

import asyncio

from hookline.core.model import Headers
from hookline.core.target import Target
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import Cancel, Done

#: What an endpoint answers that has nothing to say.
OK = Outcome(status=200, headers=((b"content-length", b"0"),), duration_ms=1.5, address="127.0.0.1")


class AnswersAtOnce:
    """A `Sender` that has a 200 for everything, in the next turn of the event loop."""

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        """Say so."""
        return OK

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
        """Say so to ``done``."""
        return asyncio.get_running_loop().call_soon(done, OK).cancel

    async def close(self) -> None:
        """There is nothing to close."""
