"""Everything a server said, and waiting for what it will say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from hookline.core.notice import AttemptMade, Notice, Notify, ServiceFailed

N = TypeVar("N", bound=Notice)
Wish: TypeAlias = Callable[[], bool]

#: Long, because other things run on the machines that run tests; a test that passes never waits for it.
LIMIT_S = 30.0


class Notices:
    """A sink that keeps what it was told; ``until`` waits for it."""

    def __init__(self) -> None:
        self.said: list[Notice] = []
        self.also: Notify = lambda notice: None
        self._waiting: list[tuple[Wish, asyncio.Future[None]]] = []

    def __call__(self, notice: Notice) -> None:
        self.said.append(notice)
        self.also(notice)
        for wish, future in self._waiting:
            if not future.done() and wish():
                future.set_result(None)

    def of(self, kind: type[N], wanted: Callable[[N], bool] = lambda _: True) -> list[N]:
        """All notices of one kind so far."""
        return [said for said in self.said if isinstance(said, kind) and wanted(said)]

    async def until(
        self,
        kind: type[N],
        wanted: Callable[[N], bool] = lambda _: True,
        *,
        count: int = 1,
        timeout_s: float = LIMIT_S,
    ) -> list[N]:
        """The first ``count`` notices of this kind, as soon as there are so many. Raises TimeoutError."""
        seen, checked = 0, 0

        def enough() -> bool:
            nonlocal seen, checked
            for said in self.said[checked:]:
                seen += isinstance(said, kind) and wanted(said)
            checked = len(self.said)
            return seen >= count

        if not enough():
            await self._wait(enough, timeout_s, lambda: f"{seen} of {count} {kind.__name__} were said")
        return self.of(kind, wanted)[:count]

    async def settled(self, *states: str, event_id: str = "", count: int = 1) -> list[AttemptMade]:
        """The first ``count`` attempts that ended in one of ``states`` (of one event)."""
        return await self.until(
            AttemptMade, lambda made: made.state in states and event_id in ("", made.event_id), count=count
        )

    def failures(self) -> list[ServiceFailed]:
        """What went wrong behind the scenes."""
        return self.of(ServiceFailed)

    async def _wait(self, wish: Wish, timeout_s: float, words: Callable[[], str]) -> None:
        entry = (wish, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                await entry[1]
        except TimeoutError:
            raise TimeoutError(f"{words()} within {timeout_s:g} s; the last: {self.said[-5:]}") from None
        finally:
            self._waiting.remove(entry)
