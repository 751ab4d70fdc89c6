"""Finding what a request names: sources and endpoints by name or id, events by filter."""

from __future__ import annotations

from hookline.api.answer import invalid
from hookline.api.dependencies import Caller
from hookline.api.inputs import Selection
from hookline.api.when import parse_moment
from hookline.core import ids
from hookline.core.errors import InvalidInput, NotFound
from hookline.storage.base import EventFilter


def event_filter(me: Caller, chosen: Selection, endpoint: str = "") -> EventFilter:
    """What the store selects by. Raises InvalidRequest, NotFound for a source or endpoint that is not there."""
    source_id = find_source(me, chosen.source)
    endpoint_id = ""
    if endpoint:
        endpoint_id = find_endpoint(me, endpoint, source_id)
        known = me.routing.endpoints.get(endpoint_id)
        if known is None or known.org_id != me.org_id:
            raise NotFound(f"there is no endpoint {endpoint!r}")
        source_id = known.source_id
    return EventFilter(
        source_id=source_id,
        status=chosen.status or "",
        type=chosen.type if chosen.type != "*" else "",
        provider_event_id=chosen.provider_event_id,
        since_ms=_moment(me, "since", chosen.since),
        until_ms=_moment(me, "until", chosen.until),
        endpoint_id=endpoint_id,
    )


def find_source(me: Caller, name_or_id: str) -> str:
    """The id of a source or application, also of one that was deleted and is named by id. Raises NotFound."""
    if not name_or_id:
        return ""
    found = me.routing.source(me.org_id, name_or_id) or me.routing.application(me.org_id, name_or_id)
    if found is not None:
        return found.id
    if name_or_id.startswith((ids.SOURCE, ids.APPLICATION)):
        return name_or_id  # its events may still be there; the store shows only those of the organisation
    raise NotFound(f"there is no source {name_or_id!r}")


def find_endpoint(me: Caller, text: str, source_id: str = "") -> str:
    """The id of an endpoint: given as id, as ``source/endpoint``, or as name at ``source_id``. Raises NotFound."""
    source, slash, name = text.rpartition("/")
    if slash:
        source_id = find_source(me, source)
    if source_id and (found := me.routing.endpoint(me.org_id, source_id, name)) is not None:
        return found.id
    if name.startswith(ids.ENDPOINT) and not source_id:
        return name
    if not source_id:
        raise invalid("endpoint", words="must be an id, or `source/endpoint`")
    raise NotFound(f"there is no endpoint {text!r}")


def _moment(me: Caller, field: str, text: str) -> int:
    try:
        return parse_moment(text, me.now_ms()) if text else 0
    except InvalidInput as error:
        raise invalid(field, words=error.message) from None
