"""Your own product: it has customers, and publishes messages to their endpoints."""

from __future__ import annotations

import json
from typing import Any

from hookline.api.token import create_token
from hookline.app import Server
from hookline.config.application_spec import ApplicationEndpointSpec, ApplicationSpec
from hookline.core.model import DEFAULT_ORG
from hookline.storage.application_endpoints import NewEndpoint
from hookline.storage.applications import NewApplication
from hookline.storage.events import Story
from hookline.storage.stored import StoredApplicationEndpoint
from tests.simulation.world import request


class Product:
    """Works with whichever server runs now: give it the next one after a restart."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._published = 0

    @property
    def now_ms(self) -> int:
        """What time it is for the server."""
        return self.server.clock.now_ms()

    async def customer(self, **spec: Any) -> str:
        """A new application; its id."""
        new = NewApplication(DEFAULT_ORG, ApplicationSpec(title="A customer", **spec), self.now_ms)
        return (await self.server.store.applications.create(new)).value.id

    async def endpoint(self, customer: str, url: str, *, secret: str = "", **spec: Any) -> str:
        """A new endpoint of a customer; its id."""
        wanted = ApplicationEndpointSpec.model_validate({"name": "new", "url": url, **spec})
        new = NewEndpoint(DEFAULT_ORG, customer, wanted, self.now_ms, secret=secret)
        return (await self.server.store.application_endpoints.create(new)).value.id

    async def stored(self, customer: str, endpoint_id: str) -> StoredApplicationEndpoint:
        """An endpoint as it is stored."""
        return await self.server.store.application_endpoints.get(DEFAULT_ORG, customer, endpoint_id)

    async def change(self, customer: str, endpoint_id: str, **fields: Any) -> None:
        """Change some fields of an endpoint."""
        await self.server.store.application_endpoints.edit(
            DEFAULT_ORG,
            customer,
            endpoint_id,
            lambda spec: ApplicationEndpointSpec.model_validate({**spec.model_dump(), **fields}),
            self.now_ms,
        )

    async def publish(self, customer: str, type: str = "order.paid", **fields: Any) -> str:
        """A message, over HTTP; its id."""
        self._published += 1
        message = {"eventType": type, "payload": {"number": self._published}, **fields}
        token = create_token(self.server.settings.secret, DEFAULT_ORG, self.now_ms // 1000)
        status, answer = await request(
            self.server,
            f"/api/v1/app/{customer}/msg",
            json.dumps(message).encode(),
            ((b"content-type", b"application/json"), (b"authorization", f"Bearer {token}".encode())),
        )
        assert status == 202, answer
        event_id: str = answer["id"]
        return event_id

    async def story(self, event_id: str) -> Story:
        """One message with all that became of it."""
        story = await self.server.store.events.story(DEFAULT_ORG, event_id)
        assert story is not None
        return story
