"""Svix's open-source server (https://github.com/svix/svix-webhooks), and whatever speaks its API.

It must be allowed to send to the loopback: ``SVIX_WHITELIST_SUBNETS='["127.0.0.0/8"]'``. ``svix-server jwt generate``
prints a token.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from bench.requests import Recipe, publishing
from bench.systems.api import post
from bench.systems.system import System


class Svix(System):
    """An application of its own for every measurement, so that what was there before gets nothing."""

    def __init__(self, address: str, token: str, name: str = "svix") -> None:
        self.name, self.address, self.token = name, address.rstrip("/"), token
        self._application = ""

    def prepare(self, urls: Sequence[str]) -> None:
        uid = f"bench-{os.urandom(6).hex()}"
        post(self.address, "/api/v1/app", self.token, {"name": "A customer", "uid": uid})
        for url in urls:
            post(self.address, f"/api/v1/app/{uid}/endpoint", self.token, {"url": url, "description": "bench"})
        self._application = uid

    def recipe(self) -> Recipe:
        return publishing(self._application, given_token=self.token)
