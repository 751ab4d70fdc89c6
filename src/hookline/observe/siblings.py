"""Metrics of several processes behind one socket: whichever is asked answers for all of them.

Each process counts for itself, and the kernel decides which of them answers a request. So each also gives its metrics
through a Unix socket in a folder that they share, and whoever is asked at ``/metrics`` puts them together, with a label
``process`` that says whose each one is. What is read from the database is the same for all: only its own is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from pathlib import Path

#: How long a sibling may take; one that does not answer is left out.
LIMIT_S = 1.0
#: Families that are read from the database when they are asked for.
FROM_DATABASE = ("hookline_queue_depth", "hookline_queue_oldest_age_seconds", "hookline_nodes")

_FAMILY = re.compile(r"# HELP (\S+)")
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S.*)$")


class Siblings:
    """The processes of one machine that share a socket; ``own`` gives this one's metrics."""

    def __init__(self, folder: Path, number: int, count: int, own: Callable[[], bytes]) -> None:
        self._folder, self._number, self._count, self._own = folder, number, count, own
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Give metrics to siblings that ask."""
        path = self._path(self._number)
        path.unlink(missing_ok=True)  # of a process that had this number before
        self._server = await asyncio.start_unix_server(self._give, path)

    async def close(self) -> None:
        """Give no more."""
        if self._server is not None:
            self._server.close()

    async def text(self) -> bytes:
        """The metrics of all."""
        others = [number for number in range(self._count) if number != self._number]
        answers = await asyncio.gather(*(self._ask(number) for number in others))
        texts = {self._number: self._own().decode()}
        texts |= {number: text for number, text in zip(others, answers, strict=True) if text}
        return joined(texts, self._number).encode()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.sock"

    async def _give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            writer.write(self._own())
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    async def _ask(self, number: int) -> str:
        try:
            async with asyncio.timeout(LIMIT_S):
                reader, writer = await asyncio.open_unix_connection(self._path(number))
                with contextlib.closing(writer):
                    return (await reader.read(-1)).decode()
        except (OSError, TimeoutError):
            return ""


def joined(texts: dict[int, str], own: int) -> str:
    """Several expositions as one, with the number of its process at each sample."""
    families: dict[str, list[str]] = {}
    heads: dict[str, list[str]] = {}
    for number in sorted(texts):
        family = ""
        for line in texts[number].splitlines():
            if found := _FAMILY.match(line):
                family = found[1]
            if line.startswith("#"):
                _add_once(heads.setdefault(family, []), line)
            elif family not in FROM_DATABASE:
                families.setdefault(family, []).append(_labelled(line, number))
            elif number == own:
                families.setdefault(family, []).append(line)
    lines = [line for family in heads for line in (*heads[family], *families.get(family, ()))]
    return "\n".join(lines) + "\n"


def _add_once(lines: list[str], line: str) -> None:
    if line not in lines:
        lines.append(line)


def _labelled(line: str, number: int) -> str:
    found = _SAMPLE.match(line)
    if found is None:
        return line
    name, labels, value = found.groups()
    more = f'{labels},process="{number}"' if labels else f'process="{number}"'
    return f"{name}{{{more}}} {value}"
