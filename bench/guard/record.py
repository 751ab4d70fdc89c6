"""What every piece cost when it was last recorded, in a file that people can read: ``recorded.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

#: C functions with less than this share of their piece are not recorded.
LEAST_SHARE = 0.02

FILE = Path(__file__).with_name("recorded.json")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece costs per event.

    ``instructions`` are all that are executed in user mode, ``functions`` those of the C functions with the largest
    shares. ``calls`` are those of functions of Hookline. ``noise`` is the difference between two runs, as a share.
    """

    instructions: int
    functions: dict[str, int] = field(default_factory=dict)
    calls: dict[str, float] = field(default_factory=dict)
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """The cost of pieces by name, and on what they were counted (`basis.py`)."""

    basis: dict[str, str]
    pieces: dict[str, Cost]


def merged(first: Cost, second: Cost) -> Cost:
    """One cost of two runs, with the noise between them."""
    low, high = sorted((first.instructions, second.instructions))
    return replace(first, instructions=round((low + high) / 2), noise=round((high - low) / low, 5))


def read(path: Path = FILE) -> Record | None:
    """What was recorded; None when nothing was."""
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return Record(found["basis"], {name: Cost(**cost) for name, cost in found["pieces"].items()})


def write(record: Record, path: Path = FILE) -> None:
    """Record it."""
    path.write_text(json.dumps(asdict(record), indent=1, sort_keys=True) + "\n")
