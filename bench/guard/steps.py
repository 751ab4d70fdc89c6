"""What a piece of the hot path is: something that can be done again and again for a group of events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Sized
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: Events of one step: so many connections are open in `make bench`, and so many events share a commit there.
GROUP = 64

#: Turns of the event loop after which a group is answered, whatever becomes of it. It takes one.
_MOST_TURNS = 8

#: Does the piece once for each of a group of events.
Step: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece. ``prepare(count)`` gives a step that is then done ``count`` times; what it needs is made before.

    At its end it raises RuntimeError when the piece did not do what it is meant to do: to do nothing is cheap.
    """

    name: str
    about: str
    prepare: Callable[[int], AbstractAsyncContextManager[Step]]


def groups(items: Sequence[T]) -> list[Sequence[T]]:
    """The items in groups, one for each step."""
    return [items[start : start + GROUP] for start in range(0, len(items), GROUP)]


async def answered(answers: Sized, wanted: int) -> None:
    """Return when there are so many answers. Raises RuntimeError when they do not come."""
    for _ in range(_MOST_TURNS):
        if len(answers) >= wanted:
            return
        await asyncio.sleep(0)
    raise RuntimeError(f"{len(answers)} answers, and not {wanted}")


def expect(found: object, wanted: object, what: str) -> None:
    """Raise RuntimeError when a piece did not do what it is meant to do."""
    if found != wanted:
        raise RuntimeError(f"{what}: {found!r}, and not {wanted!r}")
