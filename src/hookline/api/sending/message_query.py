"""Which messages, deliveries or attempts of an application a list is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, Field, WithJsonSchema

from hookline.api.dependencies import Caller
from hookline.api.sending.attempt_out import MessageStatus
from hookline.api.sending.fields import NAME_PATTERN, Channel, ShownUid
from hookline.api.sending.message import check_tag
from hookline.api.sending.paging import PageQuery
from hookline.api.sending.refusal import wrong
from hookline.api.when import parse_moment
from hookline.config.application_spec import LONGEST_UID, check_name
from hookline.config.fields import checked
from hookline.core.errors import InvalidInput
from hookline.storage.messages import MessageFilter

Moment = Annotated[str, Field(max_length=40), WithJsonSchema({"type": "string", "format": "date-time"})]
IdOrUid = Annotated[ShownUid, AfterValidator(checked(check_name))]
Tag = Annotated[str, AfterValidator(checked(check_tag))]

_TYPES = "event_types"
_NAMES = {
    "type": "array",
    "uniqueItems": True,
    "items": {"type": "string", "pattern": NAME_PATTERN, "maxLength": LONGEST_UID},
}


class MessageQuery(PageQuery):
    """Which messages, and which page of them."""

    channel: Channel | None = Field(default=None, description="Published to this channel.")
    tag: Tag | None = Field(default=None, description="Published with this tag.")
    before: Moment | None = Field(default=None, description="Before this moment.")
    after: Moment | None = Field(default=None, description="At this moment or later.")
    event_types: Annotated[list[str], WithJsonSchema(_NAMES)] | None = Field(
        default=None, description="Of one of these event types: repeated, or separated by commas."
    )
    with_content: bool = Field(default=True, description="Whether to show the content too.")


class ProgressQuery(MessageQuery):
    """Which messages, by what became of them."""

    status: MessageStatus | None = Field(
        default=None, description="0 success, 1 pending, 2 fail, 3 sending, 4 canceled."
    )
    expanded_statuses: bool = Field(
        default=False, description="Whether to tell canceled ones from failed ones; older clients know no status 4."
    )


def event_types_in(request: Request) -> tuple[str, ...]:
    """The event types that a query names, in any spelling that SDKs use: repeated, ``[]``, ``[1]``, commas.

    Raises Unprocessable.
    """
    try:
        return tuple(dict.fromkeys(check_name(name) for name in _names(request)))
    except InvalidInput as error:
        raise wrong("query", _TYPES, words=error.message) from None


def _names(request: Request) -> Iterator[str]:
    for name, value in request.query_params.multi_items():
        if name == _TYPES or (name.startswith(f"{_TYPES}[") and name.endswith("]")):
            yield from filter(None, value.split(","))


#: The parameter by which a route learns which event types are asked for.
EventTypes = Annotated[tuple[str, ...], Depends(event_types_in)]


def moment(me: Caller, text: str | None, *place: str) -> int:
    """UTC milliseconds; 0 for None. Raises Unprocessable with the place."""
    try:
        return parse_moment(text, me.now_ms()) if text else 0
    except InvalidInput as error:
        raise wrong(*place, words=error.message) from None


def message_filter(me: Caller, query: MessageQuery, types: tuple[str, ...]) -> MessageFilter:
    """What the store selects by. Raises Unprocessable."""
    return MessageFilter(
        types=types,
        channel=query.channel or "",
        tag=query.tag or "",
        since_ms=moment(me, query.after, "query", "after"),
        until_ms=moment(me, query.before, "query", "before"),
    )
