from __future__ import annotations

from hookline.core.model import DEFAULT_ORG
from hookline.storage.base import EventFilter

from .conftest import Json, World


async def finished(world: World, replay: str) -> Json:
    """The replay when it is over. It is pushed by the server; this only looks."""
    while True:
        found = await world.got("GET", f"/api/v1/replays/{replay}")
        if found["state"] != "running":
            assert isinstance(found, dict)
            return found


async def three_dead_events(world: World) -> list[str]:
    await world.source()
    await world.endpoint(retry={"schedule": []})
    world.receiver.script([500, 500, 500])
    events = []
    for number in range(3):
        events.append(await world.event(b'{"n":%d}' % number, id=f"d-{number}"))
        world.advance(60)
    return events


async def test_a_dry_run_says_how_many_and_starts_nothing(world: World) -> None:
    await three_dead_events(world)
    asked = {"status": "failed", "dry_run": True}
    assert await world.got("POST", "/api/v1/replays", asked) == {
        "dry_run": True,
        "events": 3,
        "oldest_at": "2026-01-01T00:00:00.000Z",
        "newest_at": "2026-01-01T00:02:00.000Z",
    }
    assert (await world.got("GET", "/api/v1/replays"))["data"] == []


async def test_a_replay_sends_every_event_that_fits(world: World) -> None:
    await three_dead_events(world)
    wanted = {"source": "github", "status": "failed", "since": "2026-01-01T00:00:30Z"}
    started = await world.got("POST", "/api/v1/replays", wanted, status=202)
    assert started["total"] == 2 and started["filter"]["since"] == "2026-01-01T00:00:30.000Z"
    done = await finished(world, started["id"])
    assert (done["state"], done["seen"], done["replayed"]) == ("done", 2, 2)
    await world.receiver.wait_for(5)
    assert {one.body for one in world.receiver.requests[3:]} == {b'{"n":1}', b'{"n":2}'}
    assert (await world.got("GET", "/api/v1/replays"))["data"] == [done]


async def test_a_replay_can_be_only_to_one_endpoint(world: World) -> None:
    await three_dead_events(world)
    audit = await world.endpoint(name="audit")
    for endpoint in ("github/audit", audit["id"]):
        started = await world.got("POST", "/api/v1/replays", {"endpoint": endpoint, "since": 1}, status=202)
        assert started["filter"]["endpoint_id"] == audit["id"]
        assert (await finished(world, started["id"]))["replayed"] == 3
        await world.server.dispatcher.quiet()
    assert {one.path for one in world.receiver.requests[3:]} == {"/audit"}


async def test_a_replay_that_is_over_cannot_be_cancelled(world: World) -> None:
    await three_dead_events(world)
    started = await world.got("POST", "/api/v1/replays", {"status": "failed"}, status=202)
    await finished(world, started["id"])
    assert "done already" in (await world.refused(409, "POST", f"/api/v1/replays/{started['id']}/cancel"))["detail"]


async def test_a_running_replay_can_be_cancelled(world: World) -> None:
    await three_dead_events(world)
    # Started where nobody pushes it, as by a command line beside the server.
    running = await world.server.store.replays.start(DEFAULT_ORG, EventFilter(status="failed"), 1)
    assert (await world.got("POST", f"/api/v1/replays/{running.id}/cancel"))["state"] == "cancelled"


async def test_a_replay_of_everything_must_be_meant(world: World) -> None:
    for wanted in ({}, {"dry_run": True}, {"type": "*"}):
        error = await world.refused(422, "POST", "/api/v1/replays", wanted)
        assert "since" in error["detail"]


async def test_a_replay_of_what_cannot_be_is_refused(world: World) -> None:
    await world.source()
    refused: list[tuple[Json, int]] = [
        ({"source": "nobody"}, 404),
        ({"endpoint": "github/nobody"}, 404),
        ({"endpoint": "ep_0"}, 404),
        ({"endpoint": "nobody"}, 422),
        ({"status": "lost"}, 422),
        ({"since": "yesterday"}, 422),
        ({"since": None}, 422),
        ({"stauts": "failed"}, 422),
        ({"dry_run": "yes", "status": "failed"}, 422),
    ]
    for wanted, status in refused:
        await world.refused(status, "POST", "/api/v1/replays", wanted)


async def test_a_replay_that_is_not_there_is_not_found(world: World) -> None:
    await world.refused(404, "GET", "/api/v1/replays/rpl_0")
    await world.refused(404, "POST", "/api/v1/replays/rpl_0/cancel")
