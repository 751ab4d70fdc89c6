"""A folder in which a server has sent: an application with two endpoints, and messages with every ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from hookline.api.token import create_token
from hookline.app import Server, build
from hookline.clock import SystemClock
from hookline.config.settings import load_settings
from hookline.core.model import DEFAULT_ORG
from hookline.testing.receiver import Receiver
from tests.cli.running import SERVER_SECRET

#: Obviously fake.
ORDERS_SECRET = "whsec_bm90IGEgcmVhbCBzZWNyZXQsIDMyIGJ5dGVzIGxvbmc="

MESSAGES = (
    {"eventType": "order.paid", "eventId": "order-1", "payload": {"order": 1}, "tags": ["first"]},
    {"eventType": "invoice.paid", "payload": {"invoice": 17}},
    {"eventType": "order.paid", "payload": {"order": 2}, "channels": ["eu"]},
    {
        "eventType": "report.ready",
        "contentType": "text/csv",
        "transformationsParams": {"rawPayload": "day,sum\nmonday,12.50\n"},
    },
)


class Client:
    """Asks a server in this process, with a token of the organisation."""

    def __init__(self, server: Server) -> None:
        token = create_token(SERVER_SECRET, DEFAULT_ORG, SystemClock().now_ms() // 1000)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=server),
            base_url="http://hookline.example/api/v1",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def post(self, path: str, body: Any) -> Any:
        """The JSON of a successful answer."""
        answer = await self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def close(self) -> None:
        """Close it."""
        await self._http.aclose()


async def make(folder: Path) -> None:
    """Messages of which one went everywhere, one failed at one endpoint, and one was wanted nowhere.

    `orders` answers 200 and wants only order.paid; `broken` answers 500 and has no second try.
    """
    flags = {"database": f"sqlite:///{folder}/hookline-data/hookline.db", "data_dir": str(folder / "hookline-data")}
    environ = {"HOOKLINE_SECRET": SERVER_SECRET, "HOOKLINE_ALLOW_PRIVATE_ENDPOINTS": "127.0.0.1"}
    server = build(load_settings(flags, environ))
    async with Receiver() as orders, Receiver() as broken:
        broken.script([500])
        await server.start(services=False)
        client = Client(server)
        await _configure(client, orders.url, broken.url)
        for message in MESSAGES:
            await client.post("/app/acme/msg", message)
            await server.dispatcher.quiet()
        await client.close()
        await server.stop()


async def _configure(client: Client, orders_url: str, broken_url: str) -> None:
    for name in ("order.paid", "invoice.paid"):
        await client.post("/event-type", {"name": name, "description": f"What {name} means."})
    await client.post("/app", {"name": "Acme", "uid": "acme", "metadata": {"plan": "gold"}})
    orders = {"url": f"{orders_url}/orders", "uid": "orders", "eventTypes": ["order.paid"], "secret": ORDERS_SECRET}
    await client.post("/app/acme/endpoint", orders)
    broken = {"url": f"{broken_url}/all", "uid": "broken", "eventTypes": ["invoice.paid"], "retrySchedule": []}
    await client.post("/app/acme/endpoint", {**broken, "headers": {"X-Api-Key": "not-a-real-api-key"}})
