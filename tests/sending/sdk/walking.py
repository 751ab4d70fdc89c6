"""Walking through a list of the SDK in both directions, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any


async def forward(ask: Callable[..., Awaitable[Any]], options: Any, *of: str) -> AsyncIterator[Any]:
    """Every page, from the first on. ``of`` are the ids before the options."""
    while True:
        page = await ask(*of, options)
        yield page
        if page.done:
            return
        options = replace(options, iterator=page.iterator)


async def backward(ask: Callable[..., Awaitable[Any]], options: Any, last: Any, *of: str) -> AsyncIterator[Any]:
    """Every page before ``last``, the nearest first."""
    while last.prev_iterator is not None:
        last = await ask(*of, replace(options, iterator=last.prev_iterator))
        if last.data:
            yield last
        if last.done:
            return
