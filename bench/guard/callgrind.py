"""Counting the instructions of a piece: it is done on callgrind, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.guard.dump import read_dump
from bench.guard.record import LEAST_SHARE, Cost
from bench.guard.steps import GROUP

#: Enough that what happens once in some groups (a page of the database is split) has its share in all.
GROUPS = 12
#: What one piece may take; usually it is ten seconds.
LIMIT_S = 300.0

_ROOT = Path(__file__).parents[2]

MISSING = (
    "There is no valgrind here, which counts the instructions. On Debian and Ubuntu: sudo apt-get install valgrind; "
    "on Fedora: sudo dnf install valgrind."
)


class PieceFailed(Exception):
    """A piece could not be counted; the message is what it said."""


def is_there() -> bool:
    """Whether valgrind is installed."""
    return shutil.which("valgrind") is not None


def valgrind_version() -> str:
    """As in ``valgrind-3.19.0``."""
    return subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def count(name: str) -> Cost:
    """What the piece of this name costs per event. Raises PieceFailed."""
    with tempfile.TemporaryDirectory(prefix="hookline-guard-") as folder:
        out = Path(folder) / "callgrind.out"
        said = _run(name, out)
        # The first part is what was written when the piece turned the counting off; what follows is its end.
        return cost(read_dump(out.with_name("callgrind.out.1")), json.loads(said))


def cost(instructions: dict[str, int], calls: dict[str, float]) -> Cost:
    """Per event, from the instructions of each C function in a whole run."""
    events = GROUPS * GROUP
    total = sum(instructions.values())
    most = [name for name, own in instructions.items() if own >= LEAST_SHARE * total]
    functions = {name: round(instructions[name] / events) for name in sorted(most)}
    return Cost(round(total / events), functions=functions, calls=calls)


def _run(name: str, out: Path) -> str:
    command = [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={out}",
        sys.executable,
        "-m",
        "bench.guard.piece",
        name,
        str(GROUPS),
    ]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HOOKLINE_", "PYTHON"))}
    environ = kept | {"PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(command, cwd=_ROOT, env=environ, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise PieceFailed(f"{name}: it took longer than {LIMIT_S:g} s") from None
    if done.returncode:
        raise PieceFailed(f"{name}: {done.stderr.strip()[-2000:]}")
    return done.stdout
