"""Every route there is but those of the sending API, from the routers themselves."""

from __future__ import annotations

from fastapi.routing import APIRoute

from hookline.api.app import ROUTERS, SENDING


def all_routes() -> list[APIRoute]:
    """Documented and undocumented ones."""
    return [route for room in ROUTERS for route in room.router.routes if isinstance(route, APIRoute)]


def operations() -> list[tuple[str, str]]:
    """Method and path of everything that is documented."""
    return [(method, route.path) for route in all_routes() if route.include_in_schema for method in route.methods or ()]


def managed() -> list[tuple[str, str]]:
    """Method and path of everything that acts for an organisation."""
    return [(method, path) for method, path in operations() if path.startswith("/api/")]


def sending_operations() -> list[tuple[str, str]]:
    """Method and path of everything of the sending API that is documented."""
    routes = [route for room in SENDING for route in room.router.routes if isinstance(route, APIRoute)]
    return [(method, route.path) for route in routes if route.include_in_schema for method in route.methods or ()]
