"""Convoy (https://github.com/frain-dev/convoy), by the ``/api/v1/projects/…`` routes of its ``api/api.go``.

The address ends in the id of an outgoing project, the token is an API key of that project:
``convoy=http://127.0.0.1:5005/01J…,CO.…``. The project must allow ``http://`` endpoints
(``config.ssl.enforce_secure_endpoints: false``) and the server addresses of the loopback.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from bench.requests import Recipe
from bench.systems.api import Refused, post
from bench.systems.system import System


class Convoy(System):
    """One endpoint gets an event of its own (``/events``), several get it by their owner (``/events/fanout``)."""

    def __init__(self, address: str, token: str, name: str = "convoy") -> None:
        where = urlsplit(address)
        project = where.path.strip("/")
        if not project:
            raise Refused(f"{name}: the address ends in the id of a project, as in http://127.0.0.1:5005/PROJECT")
        self.name, self.address, self.token = name, f"{where.scheme}://{where.netloc}", token
        self._project = f"/api/v1/projects/{project}"
        self._to = ""

    def prepare(self, urls: Sequence[str]) -> None:
        owner = f"bench-{os.urandom(6).hex()}"
        endpoints = [self._endpoint(owner, number, url) for number, url in enumerate(urls)]
        if len(endpoints) == 1:
            self._to = f'"endpoint_id":"{endpoints[0]}"'
        else:
            self._to = f'"owner_id":"{owner}"'

    def recipe(self) -> Recipe:
        route = "events" if "endpoint_id" in self._to else "events/fanout"
        return Recipe(
            "plain",
            f"{self._project}/{route}",
            (
                "User-Agent: Example-Product/1.0",
                "Accept: */*",
                f"Authorization: Bearer {self.token}",
                "Content-Type: application/json",
            ),
            f'{{{self._to},"event_type":"order.paid","data":',
            "}",
        )

    def _endpoint(self, owner: str, number: int, url: str) -> str:
        """The id of a new endpoint that is subscribed to everything."""
        name = f"{owner}-{number}"
        wanted = {"name": name, "url": url, "owner_id": owner, "http_timeout": 15}
        made = post(self.address, f"{self._project}/endpoints", self.token, wanted)
        endpoint: str = made["data"]["uid"]
        subscription = {"name": name, "endpoint_id": endpoint, "filter_config": {"event_types": ["*"]}}
        post(self.address, f"{self._project}/subscriptions", self.token, subscription)
        return endpoint
