"""Taking a message that was checked: it becomes an event, and when `take` returns it is on disk."""

from __future__ import annotations

import math

import msgspec

from hookline.api.sending.access import find_event_type
from hookline.api.sending.enforcement import Enforcement
from hookline.api.sending.message import Message
from hookline.config.settings import Settings
from hookline.core import ids
from hookline.core.clock import Clock
from hookline.core.errors import Conflict
from hookline.core.model import Event, Request, Source, Verification
from hookline.core.notice import EventAccepted, EventDuplicate, Notify
from hookline.mint import Mint
from hookline.storage.base import Draft, Once, Receipt
from hookline.storage.messages import EVENT_ID_KEY
from hookline.storage.store import Store

#: What metrics name as the source of all messages: a series for each customer would be too many.
SOURCE_IN_METRICS = "applications"

_NO_QUERY = b""


class Published(msgspec.Struct, frozen=True, gc=False):
    """A message that is on disk: its id, and the UTC millisecond at which it was published."""

    id: str
    at_ms: int


class Publisher:
    """Takes messages for all applications."""

    def __init__(
        self, store: Store, clock: Clock, notify: Notify, settings: Settings, mint: Mint | None = None
    ) -> None:
        self._store, self._clock, self._notify = store, clock, notify
        self._mint = mint or Mint()
        self._enforcement = Enforcement()
        self._enforce_by_default = settings.enforce_schemas
        window_s = settings.dedupe_window_s
        #: How long the ids that publishers give are known; None is for ever.
        self._window_ms = None if math.isinf(window_s) else int(window_s * 1000)

    async def take(
        self,
        source: Source,
        message: Message,
        now_ms: int,
        *,
        once: Once | None = None,
        client: str = "",
        only_endpoint: str = "",
    ) -> Published:
        """Store ``message`` for the application ``source``, and what it owes: to ``only_endpoint``, if that is given.

        Raises Unprocessable when its schema is enforced, Conflict for an id or idempotency key that is taken,
        StoreError when nothing was stored.
        """
        if not only_endpoint:  # an example only shows what messages look like
            await self._enforce(source, message)
        draft = self.draft(source, message, now_ms, once=once, client=client, only_endpoint=only_endpoint)
        return self.judged(draft, await self._store.events.accept(draft))

    def enforces(self, source: Source) -> bool:
        """Whether messages of this application must have a known type and match its schema."""
        enforced = source.enforce_schemas
        return self._enforce_by_default if enforced is None else enforced

    def draft(
        self, source: Source, message: Message, now_ms: int, *, once: Once | None, client: str, only_endpoint: str = ""
    ) -> Draft:
        """What the store is asked to keep for ``message``."""
        event_id = self._mint.make(ids.EVENT, now_ms)
        key = message.event_id
        return Draft(
            event=_event(source, message, event_id, now_ms, client),
            key=EVENT_ID_KEY + key if key else "",
            expires_at_ms=now_ms + self._window_ms if key and self._window_ms is not None else None,
            unique=True,
            once=once,
            only_endpoint=only_endpoint,
            due_at_ms=message.due_at_ms,
            payload_expires_at_ms=message.payload_expires_at_ms,
        )

    async def _enforce(self, source: Source, message: Message) -> None:
        if self.enforces(source):
            known = await find_event_type(self._store, source.org_id, message.event_type)
            self._enforcement.check(known, message.event_type, message.payload, message.content_type)

    def judged(self, draft: Draft, receipt: Receipt) -> Published:
        """What the receipt of a draft means for its publisher. Raises Conflict."""
        event = draft.event
        if receipt.misused:
            raise Conflict(
                f"this Idempotency-Key was used for {receipt.event_id} with another body; "
                "use a new key for a new message",
                code="idempotency_key_reused",
            )
        if receipt.taken:
            raise Conflict(f"the eventId `{event.provider_event_id}` belongs to {receipt.event_id} already")
        if receipt.duplicate:
            self._notify(EventDuplicate(receipt.event_id, SOURCE_IN_METRICS))
            return Published(receipt.event_id, ids.made_at_ms(receipt.event_id))
        self._notify(EventAccepted(receipt.event_id, SOURCE_IN_METRICS, event.type, receipt.status, receipt.deliveries))
        return Published(receipt.event_id, event.received_at_ms)


def _event(source: Source, message: Message, event_id: str, now_ms: int, client: str) -> Event:
    """The message as an event: a request that was never sent in this form, but is delivered in it."""
    content_type = message.content_type
    request = Request(
        method="POST",
        path="",
        query=_NO_QUERY,
        headers=((b"content-type", content_type),),
        lookup={b"content-type": content_type},
        body=message.payload,
        client=client,
    )
    return Event(
        id=event_id,
        org_id=source.org_id,
        source_id=source.id,
        type=message.event_type,
        received_at_ms=now_ms,
        status="",
        request=request,
        provider_event_id=message.event_id,
        verification=Verification.AUTHENTICATED,
        channels=message.channels,
        tags=message.tags,
    )
