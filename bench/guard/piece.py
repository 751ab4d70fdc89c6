"""Does one piece: ``python -m bench.guard.piece NAME GROUPS``, alone or on callgrind (``--instr-atstart=no``).

First some groups that do not count, because the interpreter adapts to what it has seen; then those of which callgrind
counts the instructions; then some of which we count the calls. Prints the calls per event as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
from collections.abc import Iterator

import uvloop

from bench.guard.calls import Calls
from bench.guard.pieces import PIECES
from bench.guard.steps import GROUP, Piece
from bench.guard.switch import Switch

#: Groups that do not count. Bytecode is specialised after a few dozen runs, caches fill with the first.
WARM_UP = 4
#: Groups of which the calls are counted.
CALLED = 4


def main() -> int:
    """By the command line."""
    _, name, groups = sys.argv
    print(json.dumps(run(PIECES[name], int(groups), Switch())))
    return 0


def run(piece: Piece, groups: int, switch: Switch | None) -> dict[str, float]:
    """Do a piece for so many groups while ``switch`` is on; calls per event by function."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(piece, groups, switch))


async def _run(piece: Piece, groups: int, switch: Switch | None) -> dict[str, float]:
    async with piece.prepare(WARM_UP + groups + CALLED) as step:
        for _ in range(WARM_UP):
            await step()
        with _counted(switch) if switch is not None else contextlib.nullcontext():
            for _ in range(groups):
                await step()
        with Calls() as calls:
            for _ in range(CALLED):
                await step()
    return calls.per(CALLED * GROUP)


@contextlib.contextmanager
def _counted(switch: Switch) -> Iterator[None]:
    """The collector comes once, at the end: when it comes by itself depends on what was there before.

    So cycles that an event leaves behind cost what they cost, and everything else is left out as in a server.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    switch.on()
    yield
    gc.collect()
    switch.off()
    gc.enable()
    gc.unfreeze()


if __name__ == "__main__":
    sys.exit(main())
