"""What the bench needs to know of a webhook server: how to set it up, and how a request that publishes looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from bench.requests import Recipe, stock


class System(Protocol):
    """A running server. Everything goes through its own HTTP API."""

    name: str
    address: str  #: ``http://HOST:PORT``
    token: str  #: what its API asks for

    def prepare(self, urls: Sequence[str]) -> None:
        """Make what an event is published for, with an endpoint at each of ``urls``. Raises Refused."""
        ...

    def recipe(self) -> Recipe:
        """How an event is published to all of those endpoints. After `prepare`."""
        ...

    def requests(self, count: int, body_bytes: int, first: int = 0) -> list[bytes]:
        """So many of them, for the events ``first`` and following, with payloads of ``body_bytes``."""
        return stock(self.recipe().of_size(body_bytes), urlsplit(self.address).netloc, first, count).whole()
