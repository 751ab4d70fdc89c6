"""A world in which there is one of everything."""

from __future__ import annotations

from .conftest import SOURCE_SECRET, Json, World

#: Stands in everything that the first organisation has.
MARK = "marked"


class Full:
    """The ids of one of everything, by the name of the path parameter."""

    def __init__(self, world: World, ids: dict[str, str]) -> None:
        self.world, self.ids = world, ids

    def path(self, template: str) -> str:
        return template.format(**self.ids)

    def body(self, method: str, template: str) -> Json | None:
        """A body that is right for this operation."""
        source = {"name": "github", "provider": "github", "secrets": [SOURCE_SECRET], "owner": MARK}
        endpoint = {"name": "build", "url": f"{self.world.receiver.url}/{MARK}"}
        if method not in ("POST", "PUT"):
            return None
        if template.endswith(("/sources", "/sources/{source}")):
            return source
        if template.endswith(("/endpoints", "/endpoints/{endpoint}")):
            return endpoint
        if template.endswith("/diagnosis"):
            return {"headers": [["X-Says", MARK]], "body": "{}"}
        return {"status": "failed"} if template.endswith("/replays") else None


async def fill(world: World) -> Full:
    """One source, endpoint, event, dead delivery, rejection and replay."""
    source = await world.source(owner=MARK)
    endpoint = await world.endpoint(url=f"{world.receiver.url}/{MARK}", retry={"schedule": []})
    world.receiver.script([500, 500])
    event = await world.event(b'{"says":"%b"}' % MARK.encode(), id=MARK)
    await world.webhook(secret="a-wrong-not-real-secret-0123456789", headers=[("X-Says", MARK)])
    replay = await world.got("POST", "/api/v1/replays", {"status": "failed"}, status=202)
    while (await world.got("GET", f"/api/v1/replays/{replay['id']}"))["state"] == "running":
        pass
    await world.receiver.wait_for(2)
    await world.server.dispatcher.quiet()
    deliveries = (await world.got("GET", "/api/v1/deliveries"))["data"]
    rejections = (await world.got("GET", "/api/v1/rejections"))["data"]
    ids = {
        "source": source["id"],
        "endpoint": endpoint["id"],
        "event": event,
        "delivery": deliveries[0]["id"],
        "rejection": rejections[0]["id"],
        "replay": replay["id"],
    }
    return Full(world, ids)
