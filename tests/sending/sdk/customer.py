"""A customer of the product: an application with endpoints, whose webhooks are verified with the official libraries."""

from __future__ import annotations

import json
from typing import Any

import standardwebhooks
from svix.api import (
    ApplicationIn,
    ApplicationOut,
    EndpointIn,
    EndpointOut,
    MessageAttemptOut,
    MessageIn,
    MessageOut,
    SvixAsync,
)
from svix.webhooks import Webhook

from hookline.testing.receiver import Received

from .world import World


class Customer:
    """One application and its first endpoint."""

    def __init__(self, world: World, svix: SvixAsync, app: ApplicationOut, endpoint: EndpointOut) -> None:
        self.world, self.svix, self.app, self.endpoint = world, svix, app, endpoint

    @classmethod
    async def create(cls, world: World, svix: SvixAsync, name: str, **endpoint: Any) -> Customer:
        """A customer who receives at ``/{name}``."""
        app = await svix.application.create(ApplicationIn(name=name.title(), uid=name))
        url = endpoint.pop("url", f"{world.receiver.url}/{name}")
        return cls(world, svix, app, await svix.endpoint.create(app.id, EndpointIn(url=url, **endpoint)))

    async def publish(self, event_type: str = "order.paid", payload: Any = None, **more: Any) -> MessageOut:
        """A message, after everything was tried that could be."""
        message = await self.svix.message.create(
            self.app.id, MessageIn(event_type=event_type, payload={"order": 1} if payload is None else payload, **more)
        )
        await self.world.delivered()
        return message

    async def attempts(self) -> list[MessageAttemptOut]:
        """Every attempt at the first endpoint, the latest first."""
        return (await self.svix.message_attempt.list_by_endpoint(self.app.id, self.endpoint.id)).data

    async def secret(self) -> str:
        """What the first endpoint's webhooks are signed with."""
        return (await self.svix.endpoint.get_secret(self.app.id, self.endpoint.id)).key

    @property
    def received(self) -> list[Received]:
        """What came in, in order."""
        return self.world.receiver.requests


def verify(secret: str, received: Received) -> Any:
    """The JSON of a webhook that both official libraries believe. Raises their errors."""
    headers = {name.decode().lower(): value.decode() for name, value in received.headers}
    Webhook(secret).verify(received.body, headers)
    svix_only = {name: value for name, value in headers.items() if name.startswith("svix-")}
    Webhook(secret).verify(received.body, svix_only)
    standardwebhooks.Webhook(secret).verify(received.body, headers)
    return json.loads(received.body)
