"""Name look-up in a few threads of its own.

``getaddrinfo`` blocks, for half a minute and more when a name server is silent, and cannot be interrupted.
In the default executor it would take everybody's threads with it. Here a name occupies at most one thread no
matter how many deliveries wait for it, look-ups that nobody waits for any more are not started, and the
threads are daemons, so that a hung one never delays the end of the process.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

Lookup: TypeAlias = Callable[[str, int], list[str]]


def system_lookup(host: str, port: int) -> list[str]:
    """Addresses as the operating system finds them (hosts file, DNS), in its preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Question:
    """One name being looked up, for everyone who waits for it."""

    __slots__ = ("answer", "host", "loop", "port", "waiting")

    def __init__(self, host: str, port: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.host, self.port = host, port
        self.answer: asyncio.Future[list[str]] = self.loop.create_future()
        self.waiting = 1


class ThreadResolver:
    """A Resolver over a blocking ``lookup``, in at most ``threads`` threads. For one event loop."""

    def __init__(self, *, threads: int = 32, lookup: Lookup = system_lookup) -> None:
        self._most_threads = threads
        self._lookup = lookup
        self._threads = 0
        self._asked: SimpleQueue[_Question | None] = SimpleQueue()
        self._open: dict[tuple[str, int], _Question] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """Addresses of ``host``. Raises OSError when it has none; waits as long as it takes."""
        question = self._open.get((host, port))
        if question is None:
            question = self._open[host, port] = _Question(host, port)
            self._ask(question)
        else:
            question.waiting += 1
        try:
            return await asyncio.shield(question.answer)
        finally:
            question.waiting -= 1

    def close(self) -> None:
        """Let the threads end. Look-ups that hang are abandoned."""
        for _ in range(self._threads):
            self._asked.put(None)
        self._threads = 0

    def _ask(self, question: _Question) -> None:
        if self._threads < min(self._most_threads, len(self._open)):
            self._threads += 1
            Thread(target=self._work, name="hookline-dns", daemon=True).start()
        self._asked.put(question)

    def _work(self) -> None:
        while (question := self._asked.get()) is not None:
            result = self._look_up(question) if question.waiting else None
            try:
                question.loop.call_soon_threadsafe(self._settle, question, result)
            except RuntimeError:
                return  # the loop is closed: nobody is left to answer

    def _look_up(self, question: _Question) -> list[str] | Exception:
        try:
            return self._lookup(question.host, question.port)
        except Exception as error:
            return error

    def _settle(self, question: _Question, result: list[str] | Exception | None) -> None:
        if result is None and question.waiting:
            self._asked.put(question)  # somebody joined just after a thread had skipped it
            return
        del self._open[question.host, question.port]
        if isinstance(result, Exception):
            question.answer.set_exception(result)
            question.answer.exception()  # seen: whoever waited may have given up by now
        else:
            question.answer.set_result(result or [])
