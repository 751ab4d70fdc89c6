"""No organisation sees or changes what belongs to another: asked of every route there is."""

from __future__ import annotations

from hookline.api.route import ApiRoute

from .conftest import OTHER_ORG, Json, World
from .full import MARK, Full, fill
from .routes import all_routes, managed


async def everything(full: Full) -> list[Json]:
    """All that the first organisation can see, but for what time changes."""
    return [await full.world.got("GET", full.path(path)) for method, path in managed() if _shows_json(method, path)]


def _shows_json(method: str, path: str) -> bool:
    return method == "GET" and not path.endswith("/body")


async def test_with_the_right_token_every_route_answers(world: World) -> None:
    """So that the refusals below are not for another reason. Deletions come last."""
    full = await fill(world)
    for method, path in sorted(managed(), key=lambda operation: (operation[0] == "DELETE", -len(operation[1]))):
        response = await world.ask(method, full.path(path), full.body(method, path))
        refused = {"/cancel": 409, "/accept": 409}.get("/" + path.rpartition("/")[2])
        refused = 409 if (method, path) in _CREATES else refused
        assert response.status_code in ((refused,) if refused else (200, 202, 204)), f"{method} {path}: {response.text}"


_CREATES = {("POST", "/api/v1/sources"), ("POST", "/api/v1/sources/{source}/endpoints")}


async def test_no_route_shows_or_changes_what_belongs_to_another_organisation(world: World) -> None:
    full = await fill(world)
    before = await everything(full)
    for method, path in sorted(managed()):  # GET before POST
        response = await world.ask(method, full.path(path), full.body(method, path), org=OTHER_ORG)
        operation = f"{method} {path}: {response.status_code} {response.text}"
        if "{" in path:
            assert response.status_code == 404, operation
        elif method == "GET":
            assert response.json() == {"data": [], "iterator": None, "done": True}, operation
        else:
            assert response.status_code in (201, 202), operation
            await _remove_own(world, response.json())
        assert not any(known in response.text for known in full.ids.values() if known not in full.path(path)), operation
    assert await everything(full) == before


async def _remove_own(world: World, created: Json) -> None:
    if created["id"].startswith("src_"):
        await world.got("DELETE", f"/api/v1/sources/{created['id']}", status=204, org=OTHER_ORG)


async def test_no_filter_reaches_what_belongs_to_another_organisation(world: World) -> None:
    full = await fill(world)
    ids = full.ids
    for path in (
        f"/api/v1/events?source={ids['source']}",
        f"/api/v1/events?provider_event_id={MARK}",
        f"/api/v1/events?iterator={ids['event']}~".rstrip("~"),
        f"/api/v1/deliveries?endpoint={ids['endpoint']}",
        f"/api/v1/rejections?source={ids['source']}",
        "/api/v1/rejections?source=github",
    ):
        assert (await world.got("GET", path, org=OTHER_ORG))["data"] == [], path
    for path in ("/api/v1/events?source=github", "/api/v1/deliveries?endpoint=github/build"):
        await world.refused(404, "GET", path, org=OTHER_ORG)
    await world.refused(404, "POST", "/api/v1/replays", {"endpoint": ids["endpoint"]}, org=OTHER_ORG)
    dry = {"source": ids["source"], "dry_run": True}
    assert (await world.got("POST", "/api/v1/replays", dry, org=OTHER_ORG))["events"] == 0


async def test_an_endpoint_is_only_found_at_its_own_source(world: World) -> None:
    full = await fill(world)
    await world.source(name="second")
    await world.refused(404, "GET", f"/api/v1/sources/second/endpoints/{full.ids['endpoint']}")
    await world.refused(404, "POST", f"/api/v1/events/{full.ids['event']}/replay", {"endpoint": "ep_0"})


async def test_without_a_token_no_route_of_an_organisation_answers(world: World) -> None:
    full = await fill(world)
    for method, path in managed():
        error = await world.refused(401, method, full.path(path), full.body(method, path), org=None)
        assert error["code"] == "authentication_failed"


def test_every_route_under_api_needs_a_token() -> None:
    open_ones = {route.path for route in all_routes() if not isinstance(route, ApiRoute)}
    assert open_ones == {"/healthz", "/readyz", "/metrics", "/docs", "/docs/start.js", "/docs/{name}"}
