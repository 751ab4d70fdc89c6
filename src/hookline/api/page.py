"""Lists, a page at a time. A page names where the next one begins, so rows that come meanwhile shift nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import Response

from hookline.api.answer import answer
from hookline.config.fields import problem

T = TypeVar("T")


class Query(BaseModel):
    """The parameters of a query string. Unknown ones are refused: a filter with a typo would show everything."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PageQuery(Query):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=250, description="How many at most.")
    iterator: str = Field(
        default="", max_length=128, description="The `iterator` of the page before; none for the first."
    )

    @field_validator("iterator")
    @classmethod
    def _check_iterator(cls, iterator: str) -> str:
        if iterator and not re.fullmatch(r"[a-z0-9_-]+", iterator):
            raise problem("must be the `iterator` of the page before, unchanged")
        return iterator


def page(query: PageQuery, found: Sequence[T], present: Callable[[T], dict[str, Any]], key: str = "id") -> Response:
    """One page of ``found``, of which one more than ``query.limit`` was asked for, to know whether it goes on."""
    shown = [present(one) for one in found[: query.limit]]
    done = len(found) <= query.limit
    return answer({"data": shown, "iterator": shown[-1][key] if shown and not done else None, "done": done})


def page_by_name(query: PageQuery, everything: Sequence[dict[str, Any]]) -> Response:
    """One page of a short list that is sorted by name."""
    rest = [one for one in everything if one["name"] > query.iterator]
    return page(query, rest[: query.limit + 1], lambda one: one, "name")
