"""Where an event goes."""

from __future__ import annotations

from collections.abc import Callable

from hookline.core.model import Endpoint, EndpointState
from hookline.storage.routing import Route, Routing

#: An event that goes to more endpoints is stored without its deliveries: `fanout` writes them, a part at a time.
WIDE = 100


def wanting(
    routing: Routing, source_id: str, event_type: str, channels: tuple[str, ...], only_endpoint: str = ""
) -> list[Endpoint]:
    """The endpoints that an event goes to. ``only_endpoint`` is the only one, whatever it usually wants."""
    if not only_endpoint:
        return routing.wanting(source_id, event_type, channels)
    only = routing.endpoints.get(only_endpoint)
    if only is None or only.source_id != source_id or only.state is EndpointState.DISABLED:
        return []
    return [only]


def wants(endpoint: Endpoint) -> Callable[[str, tuple[str, ...], str], bool]:
    """The test whether an event of a type, in channels, with an ``only_endpoint``, goes to this endpoint."""
    route = Route(endpoint)

    def test(event_type: str, channels: tuple[str, ...], only_endpoint: str) -> bool:
        if only_endpoint:
            return only_endpoint == endpoint.id and endpoint.state is not EndpointState.DISABLED
        return route.wants(event_type, channels)

    return test
