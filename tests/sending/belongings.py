"""Everything that one organisation can have, one of each, and how every route is asked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi.routing import APIRoute

from hookline.api.app import ROUTERS, SENDING
from hookline.api.route import ApiRoute
from hookline.testing.receiver import Answer
from tests.api.full import MARK, Full, fill

from .conftest import Json, Sending

_OFFICE = "/api/v1/operational-webhook/"
_SENDING = tuple(f"/api/v1/{part}" for part in ("app", "event-type", "auth", "operational-webhook", "background-task"))


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and a path of our own document."""

    method: str
    path: str
    has_body: bool
    needs_token: bool
    query: tuple[str, ...]  #: the parameters of the query string that may be any text

    @property
    def name(self) -> str:
        """As in ``GET /api/v1/app``."""
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> set[str]:
        """The names in its path."""
        return set(re.findall(r"\{(\w+)\}", self.path))


async def operations(sending: Sending) -> list[Operation]:
    """Everything under ``/api/v1``: what the served document has, and what is served for older clients besides.

    What only reads comes first, what takes away last, the smallest first.
    """
    document = (await sending.world.http.get("/api/v1/openapi.json")).json()
    found = [
        Operation(method.upper(), path, "requestBody" in operation, bool(operation["security"]), _texts(operation))
        for path, methods in document["paths"].items()
        if path.startswith("/api/v1/")
        for method, operation in methods.items()
    ]
    found += [
        Operation(method, route.path, route.body_field is not None, isinstance(route, ApiRoute), ())
        for room in (*ROUTERS, *SENDING)
        for route in room.router.routes
        if isinstance(route, APIRoute) and not route.include_in_schema and route.path.startswith("/api/v1/")
        for method in sorted(route.methods or ())
    ]
    return sorted(found, key=lambda one: (one.method == "DELETE", one.method != "GET", -len(one.path), one.method))


def _texts(operation: Json) -> tuple[str, ...]:
    """The parameters of the query string that are a text, and so could name something."""
    asked = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    return tuple(one["name"] for one in asked if one["schema"].get("type") == "string" and "enum" not in one["schema"])


@dataclass(frozen=True, slots=True)
class Belongings:
    """What one organisation has, by the names of path parameters, and every text that is only its own."""

    receiving: Full
    ids: dict[str, str]
    uids: dict[str, str]  #: the same things by the names that their owner gave them
    office: str  #: the id of the operational endpoint
    now: datetime

    def path(self, operation: Operation, *, by_uid: bool = False, **other: str) -> str:
        """The path of something that is there. Raises AssertionError for a parameter that nobody thought of."""
        ids = {**self.ids, **(self.uids if by_uid else {}), **other}
        if operation.path.startswith(_OFFICE):
            ids["endpoint_id"] = "own-office" if by_uid else self.office
        unknown = [name for name in sorted(operation.parameters) if name not in ids]
        assert not unknown, f"{operation.name} is not covered: make {unknown} in tests/sending/belongings.py"
        return operation.path.format(**ids)

    def body(self, operation: Operation) -> Json | None:
        """A body that is right. Raises AssertionError for an operation that nobody thought of."""
        if not operation.path.startswith(_SENDING):
            return self.receiving.body(operation.method, operation.path)
        if not operation.has_body or operation.path.startswith("/api/v1/auth/"):
            return {} if operation.has_body else None
        found = self._bodies().get(operation.path.rpartition("/")[2])
        assert found is not None, f"{operation.name} is not covered: give it a body in tests/sending/belongings.py"
        return found

    def seen_in(self, text: str, asked: str) -> list[str]:
        """What of all this is in an answer and was not in the request itself."""
        known = {*self.ids.values(), *self.uids.values(), self.office, MARK}
        return sorted(one for one in known if one in text and one not in asked)

    def _bodies(self) -> dict[str, Json]:
        """By the last part of the path."""
        since = {"since": datetime.fromtimestamp(self.now.timestamp() - 3600, UTC).isoformat()}
        url = {"url": "https://new.example.com/hooks"}
        return {
            "app": {"name": "new"},
            "{app_id}": {"name": "new"},
            "endpoint": url,
            "{endpoint_id}": url,
            "headers": {"headers": {"X-New": "1"}},
            "rotate": {},
            "send-example": {"eventType": self.uids["event_type_name"]},
            "recover": since,
            "replay-missing": since,
            "bulk-replay": since,
            "msg": {"eventType": "new.type", "payload": {"new": 1}},
            "active": {"eventType": self.uids["event_type_name"]},
            "event-type": {"name": "new.type", "description": "new"},
            "{event_type_name}": {"description": "new"},
        }


async def belongings(sending: Sending) -> Belongings:
    """One of everything, of the receiving and of the sending side, with something in it that would be seen."""
    receiving = await fill(sending.world)
    sending.receiver.answers(Answer(200, body=f"{MARK} answer".encode()))
    await sending.event_type("own.type", schemas={"1": {"title": MARK}})
    app = await sending.app("own-app", fields={"metadata": {"says": MARK}})
    endpoint = await sending.endpoint(
        app, f"/{MARK}", uid="own-endpoint", description=MARK, headers={"X-Says": MARK}, metadata={"says": MARK}
    )
    office = await sending.got(
        "POST",
        "/operational-webhook/endpoint",
        {"url": f"{sending.receiver.url}/{MARK}", "uid": "own-office", "description": MARK},
        status=201,
    )
    message = await sending.publish(
        app, "own.type", {"says": MARK}, eventId="own-message", channels=[MARK], tags=[MARK]
    )
    attempts = await sending.got("GET", f"/app/{app}/attempt/msg/{message['id']}")
    since = datetime.fromtimestamp(sending.clock.now_ms() / 1000 - 3600, UTC).isoformat()
    task = await sending.got("POST", f"/app/{app}/endpoint/{endpoint['id']}/recover", {"since": since}, status=202)
    uids = {
        "app_id": "own-app",
        "endpoint_id": "own-endpoint",
        "msg_id": "own-message",
        "event_type_name": "own.type",
    }
    ids = {
        **receiving.ids,
        "app_id": app,
        "endpoint_id": endpoint["id"],
        "msg_id": message["id"],
        "attempt_id": attempts["data"][0]["id"],
        "event_type_name": "own.type",
        "task_id": task["id"],
    }
    now = datetime.fromtimestamp(sending.clock.now_ms() / 1000, UTC)
    return Belongings(receiving, ids, uids, office["id"], now)


async def everything(sending: Sending, has: Belongings) -> list[Any]:
    """All that the organisation sees, but for what time changes."""
    reading = [one for one in await operations(sending) if one.method == "GET" and one.needs_token]
    return [(await sending.ask("GET", has.path(one).removeprefix("/api/v1"))).content for one in reading]
