"""Lists, a page at a time, in both directions.

``iterator`` of an answer leads to the page after it, ``prevIterator`` to the one before. A page names where it
begins and ends by what is there, so rows that come meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.storage.base import Slice

T = TypeVar("T")

LARGEST_PAGE = 250

#: In front of an iterator that pages backwards.
_BACK = "-"

#: In front of the rest, where that begins with one of these two itself, as names of event types may.
_ESCAPE = "~"


class SendingQuery(BaseModel):
    """The parameters of a query string. Unknown ones are ignored, as Svix does."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class PageQuery(SendingQuery):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, json_schema_extra={"format": "uint64"})] = Field(
        default=50, description="How many at most."
    )
    iterator: Annotated[str, Field(max_length=600)] | None = Field(
        default=None, description="The `iterator` of the page before, or the `prevIterator` of the page after."
    )

    @property
    def backwards(self) -> bool:
        """Whether the page before is asked for."""
        return bool(self.iterator) and str(self.iterator).startswith(_BACK)

    def part(self, *, descending: bool) -> Slice:
        """The rows to ask the store for: one more than ``limit``, to know whether it goes on."""
        anchor = (self.iterator or "").removeprefix(_BACK).removeprefix(_ESCAPE)
        return Slice(anchor, descending != self.backwards, self.limit + 1)


Ordering = Annotated[
    Literal["ascending", "descending"], WithJsonSchema({"type": "string", "enum": ["ascending", "descending"]})
]


class OrderedQuery(PageQuery):
    """Which page of a list, and in which order."""

    order: Ordering | None = Field(default=None, description="The order of the list.")

    def ordered(self, *, descending: bool) -> Slice:
        """Like `part`, in the order that was asked for, else in this one."""
        return self.part(descending=descending if self.order is None else self.order == "descending")


class ListResponse(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    data: list[T]
    iterator: str | None = Field(description="Send it as `?iterator=` for the next page.")
    prev_iterator: str | None = Field(description="Send it as `?iterator=` for the page before.")
    done: bool = Field(description="Whether there is nothing more in the direction that was asked for.")


def page(
    query: PageQuery, found: Sequence[T], present: Callable[[T], dict[str, Any]], anchor: Callable[[T], str]
) -> Response:
    """The answer with one page of ``found``, which `PageQuery.part` asked for; ``anchor`` names a row's place."""
    shown = list(found[: query.limit])
    if query.backwards:
        shown.reverse()
    return answer(
        {
            "data": [present(one) for one in shown],
            "iterator": _escaped(anchor(shown[-1])) if shown else None,
            "prevIterator": _BACK + _escaped(anchor(shown[0])) if shown else None,
            "done": len(found) <= query.limit,
        }
    )


def _escaped(place: str) -> str:
    return _ESCAPE + place if place.startswith((_BACK, _ESCAPE)) else place
