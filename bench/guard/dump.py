"""Reading what callgrind writes: https://valgrind.org/docs/manual/cl-format.html."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

#: ``fn=(17) name`` says a name once, ``fn=(17)`` says it again.
_NAMED = re.compile(r"(fn|ob)=\((\d+)\)(?: (.+))?")
#: A level of recursion, and a version of a symbol: neither is part of a name.
_SUFFIX = re.compile(r"'\d+$|@@.*$")


def read_dump(path: Path) -> dict[str, int]:
    """Instructions of each C function itself, without those of what it calls, by name.

    Functions of a library whose names were stripped count together under the name of the library.
    """
    with path.open(errors="replace") as lines:
        return _own(lines)


def _own(lines: Iterable[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    names: dict[tuple[str, str], str] = {}
    function = library = ""
    is_callees = False
    for line in lines:
        first = line[:1]
        if first.isdigit() or first in ("+", "-", "*"):
            if not is_callees:
                found[function] += int(line.split()[1])
            is_callees = False
        elif line.startswith("calls="):
            is_callees = True  # the next line is what the function that is called costs, all in all
        elif said := _NAMED.match(line.removeprefix("c")):
            kind, number, name = said[1], said[2], said[3]
            if name:
                names[kind, number] = name
            if first == "c":
                continue  # the name of what is called
            if kind == "ob":
                library = PurePath(names[kind, number]).name
            else:
                function = _shown(names[kind, number], library)
    return dict(found)


def _shown(name: str, library: str) -> str:
    return f"{library} (without names)" if name.startswith(("0x", "???")) else _SUFFIX.sub("", name)
