"""An event loop in which nothing takes time but what is said to: when nothing can run, it is the next timer's time.

The code that runs on it is the real one, with its tasks, time limits and queues. Minutes of many servers pass in a
second, and the same seed is the same history.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import selectors
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from unittest.mock import patch

from hookline.testing.clock import START_MS
from tests.simulation.fleet.process import owned_task

T = TypeVar("T")


class _NoFiles(selectors.SelectSelector):
    """Waits for no file: whoever waits is at the end of the wait at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is left that could happen")
        self.now_s += max(0.0, timeout)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop whose time is its own."""

    def __init__(self) -> None:
        self._files = _NoFiles()
        super().__init__(self._files)
        self._clock_resolution = 1e-9
        self.set_task_factory(owned_task)

    def time(self) -> float:
        return self._files.now_s


def now_ms() -> int:
    """The true time, which no server knows."""
    return START_MS + int(asyncio.get_running_loop().time() * 1000 + 1e-6)


def simulate(seed: int, play: Callable[[random.Random], Coroutine[Any, Any, T]]) -> T:
    """Play with the dice of ``seed``, in simulated time."""
    with _all_chance_from(seed) as dice, asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(play(dice))


@contextlib.contextmanager
def _all_chance_from(seed: int) -> Iterator[random.Random]:
    """What the product draws by itself (ids, the spread of retries) follows the seed too."""
    dice, before = random.Random(seed), random.getstate()
    random.seed(seed)
    with patch("os.urandom", random.Random(seed + 1).randbytes):
        yield dice
    random.setstate(before)
