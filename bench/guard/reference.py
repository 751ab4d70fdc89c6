"""The piece that all others are held against where counts cannot be compared as they are.

Another Python, another SQLite or another processor takes other counts for the same work. What it takes for work that
has nothing to do with Hookline, but is of the same kinds and in about the same shares, says by how much: lines are
read, functions of Python called, JSON decoded, bytes hashed, rows inserted.

With another build of the same Python all pieces stayed within 7 % of their recorded ratios. From 3.11 to 3.13 most
stayed within 10 %, but `read a request` cost a third more: its parser calls back for every part of a line.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.guard.steps import GROUP, Step, expect, groups
from bench.requests import payload

_KEY = b"a key of thirty-two bytes or so."
_HEAD = b"\r\n".join(b"X-Example-Header-%d: value number %d" % (number, number) for number in range(12))


class _Line:
    """A header line."""

    __slots__ = ("name", "value")

    def __init__(self, text: bytes) -> None:
        self.name, _, value = text.partition(b":")
        self.value = value.strip()

    @property
    def key(self) -> bytes:
        return self.name.lower()

    def is_called(self, name: bytes) -> bool:
        return self.key == name


@asynccontextmanager
async def reference(count: int) -> AsyncIterator[Step]:
    """Work of the same kinds as Hookline's, without it."""
    with tempfile.TemporaryDirectory(prefix="hookline-guard-") as folder:
        connection = _tables(Path(folder) / "reference.db")
        bodies = iter(groups([payload(number) for number in range(count * GROUP)]))

        async def step() -> None:
            made = [_made(body) for body in next(bodies)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO event VALUES (?, ?, ?)", [event for event, _ in made])
            connection.executemany("INSERT INTO payload VALUES (?, ?, ?)", [payload for _, payload in made])
            connection.execute("COMMIT")

        yield step
        expect(connection.execute("SELECT count(*) FROM event").fetchone()[0], count * GROUP, "rows")
        connection.close()


def _tables(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE event (id TEXT PRIMARY KEY, type TEXT, proof TEXT) WITHOUT ROWID")
    connection.execute("CREATE TABLE payload (id TEXT PRIMARY KEY, head BLOB, body BLOB) WITHOUT ROWID")
    return connection


def _made(body: bytes) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A row for each of the tables."""
    lines = [_Line(text) for text in _HEAD.split(b"\r\n")]
    kept = [line for line in lines if not _is_ours(line)]
    by_name = {line.key: line.value for line in kept}
    document = json.loads(body)
    name, kind = _text(document, "data", "id"), _text(document, "type")
    proof = hmac.digest(_KEY, body, "sha256").hex()
    head = b"".join([b"%b: %b\r\n" % pair for pair in by_name.items()])
    return (name, kind, proof), (name, head, body)


def _is_ours(line: _Line) -> bool:
    return line.is_called(b"host") or line.is_called(b"content-length")


def _text(document: Any, *steps: str) -> str:
    for step in steps:
        document = document[step]
    return str(document)
