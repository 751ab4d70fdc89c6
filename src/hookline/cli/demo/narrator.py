"""What comes in while the demo serves, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from hookline.cli.demo.words import duration
from hookline.core.model import EventStatus
from hookline.core.notice import (
    AttemptMade,
    EndpointDisabled,
    EndpointPaused,
    EventAccepted,
    EventDuplicate,
    HandshakeAnswered,
    Notice,
    RequestRejected,
    ServiceFailed,
)
from hookline.core.state import OWED, DeliveryState

#: Events whose deliveries are still awaited; more than these are told by their id alone.
MOST_REMEMBERED = 1_000


class Narrator:
    """Remembers which event is which until it is delivered."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def tell(self, notice: Notice) -> Iterator[tuple[str, str]]:
        """Lines and their styles."""
        match notice:
            case EventAccepted():
                name = f"{notice.source} {notice.event_type}"
                if notice.deliveries and len(self._names) < MOST_REMEMBERED:
                    self._names[notice.event_id] = name
                unusual = "" if notice.status == EventStatus.PENDING else f", {notice.status}"
                yield f"  {name}: accepted as {notice.event_id}{unusual}", ""
            case EventDuplicate():
                yield f"  {notice.source}: a duplicate of {notice.event_id}", "yellow"
            case RequestRejected():
                yield f"  {notice.source}: {notice.status} {notice.cause}", "yellow"
            case HandshakeAnswered():
                yield f"  {notice.source}: handshake answered", ""
            case AttemptMade():
                yield self._attempt(notice)
            case EndpointPaused() | EndpointDisabled():
                yield f"  endpoint {notice.endpoint_id} is held back: {notice.reason}", "yellow"
            case ServiceFailed():
                yield f"  {notice.service}: {notice.error}", "red"

    def _attempt(self, made: AttemptMade) -> tuple[str, str]:
        state = DeliveryState(made.state)
        name = self._names.get(made.event_id, made.event_id)
        if state not in OWED:
            self._names.pop(made.event_id, None)
        answer = f"{made.status or made.error} in {duration(made.duration_ms)}, try {made.number}"
        if state is DeliveryState.DELIVERED:
            return f"  {name}: delivered ({answer})", "green"
        return f"  {name}: {state} ({answer})", "yellow"
