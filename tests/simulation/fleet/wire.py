"""The receivers of a fleet: what each server sent to whom, how long it took, and what was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hookline.core.model import Headers
from hookline.core.target import Target
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import Cancel, Done, begin_as_task
from tests.simulation.fleet.moment import now_ms
from tests.simulation.fleet.process import Process
from tests.simulation.world import Answer


@dataclass(slots=True)
class Attempt:
    """One attempt as the receiver saw it, in true time."""

    process: Process
    url: str
    event_id: str
    began_ms: int
    ended_ms: int = -1  #: when it was answered, whether its sender still lived or not
    status: int = 0
    beside: list[Attempt] = field(default_factory=list)  #: what was under way to this address when it began

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300


class Receivers:
    """All receivers. ``answer`` says what an address answers; ``watch`` sees each attempt as it begins."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.watch: Callable[[Attempt], None] = lambda attempt: None
        self.arrived: Callable[[Attempt], None] = lambda attempt: None
        self.attempts: list[Attempt] = []
        self._under_way: dict[str, list[Attempt]] = {}

    def begin(self, process: Process, url: str, event_id: str) -> Attempt:
        """An attempt begins."""
        under_way = self._under_way.setdefault(url, [])
        attempt = Attempt(process, url, event_id, now_ms(), beside=list(under_way))
        under_way.append(attempt)
        self.attempts.append(attempt)
        self.watch(attempt)
        return attempt

    def end(self, attempt: Attempt, status: int) -> None:
        """The receiver has answered, or will not any more."""
        self._under_way[attempt.url].remove(attempt)
        attempt.ended_ms, attempt.status = now_ms(), status
        self.arrived(attempt)


class FleetSender:
    """The Sender of one server. An attempt keeps its processor busy for ``cpu_s``, one after the other."""

    def __init__(self, process: Process, receivers: Receivers, cpu_s: float = 0.0) -> None:
        self._process, self._receivers, self._cpu_s = process, receivers, cpu_s
        self._cpu_free_s = 0.0

    async def send(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float
    ) -> Outcome:
        loop = asyncio.get_running_loop()
        event_id = dict(headers)[b"webhook-id"].decode()
        attempt = self._receivers.begin(self._process, target.url, event_id)
        answer = self._receivers.answer(target.url)
        self._cpu_free_s = max(loop.time(), self._cpu_free_s) + self._cpu_s
        wait_s = min(self._cpu_free_s - loop.time() + answer.after_s, timeout_s)
        comes = answer.after_s < timeout_s and answer.status
        outcome = Outcome(error="timeout", duration_ms=wait_s * 1000)
        if comes:
            outcome = Outcome(status=answer.status, duration_ms=wait_s * 1000)
        heard: asyncio.Future[Outcome] = loop.create_future()

        def hear() -> None:
            if not heard.done():
                heard.set_result(outcome)

        def end() -> None:
            self._receivers.end(attempt, answer.status if comes else 0)
            self._process.arrive(hear)

        loop.call_at(loop.time() + wait_s, end)
        return await heard

    def begin(
        self, target: Target, headers: Headers, body: bytes, *, connect_timeout_s: float, timeout_s: float, done: Done
    ) -> Cancel:
        sending = self.send(target, headers, body, connect_timeout_s=connect_timeout_s, timeout_s=timeout_s)
        return begin_as_task(sending, done)

    async def close(self) -> None:
        return None
