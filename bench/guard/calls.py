"""Which functions of Hookline are called how often: the same every time, and named, unlike instructions."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import hookline

_HOOKLINE = str(Path(hookline.__file__).parent) + "/"

#: Functions to one Python and not to the next (PEP 709): not counted in either.
_INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")


class Calls:
    """Counts while it is entered, in this thread. A generator counts each time it goes on."""

    def __init__(self) -> None:
        self._counts: Counter[CodeType] = Counter()

    def __enter__(self) -> Calls:
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def per(self, events: int) -> dict[str, float]:
        """Calls per event by function (``ingest.http:Door.take``), those of Hookline only."""
        found: Counter[str] = Counter()
        for code, count in self._counts.items():
            if code.co_filename.startswith(_HOOKLINE) and code.co_name not in _INLINED:
                found[_name(code)] += count
        return {name: round(found[name] / events, 3) for name in sorted(found)}

    def _seen(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._counts[frame.f_code] += 1


def _name(code: CodeType) -> str:
    module = code.co_filename.removeprefix(_HOOKLINE).removesuffix(".py").replace("/", ".")
    return f"{module}:{code.co_qualname}"
