"""Telling other servers that there is something for them, by LISTEN and NOTIFY.

It is a hint and no more: whoever misses it finds the same by looking, a little later. So nothing of it is part of a
transaction that stores events (a NOTIFY makes all who commit one wait for each other), several hints become one, and a
connection that was lost begins with the hint to look at everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from hookline.storage.base import LOOK
from hookline.storage.postgres import statements
from hookline.storage.postgres.connection import Connection
from hookline.storage.postgres.encoding import parameter
from hookline.storage.postgres.errors import explained

_log = structlog.stdlib.get_logger("hookline.listener")

CHANNEL: Final = "hookline"
#: Hints of so many seconds go out together.
GATHER_S = 0.01
#: A connection on which nothing comes is tried after so many seconds.
QUIET_S = 5.0
RECONNECT_S = 1.0
#: Bytes of a payload; PostgreSQL allows 8000.
LARGEST = 7_000

_LISTEN = statements.plain("n_listen", f"LISTEN {CHANNEL}")
_NOTIFY = statements.plain("n_notify", f"SELECT pg_notify('{CHANNEL}', $1)")
_STILL_THERE = statements.plain("n_there", "SELECT 1")


class Announcements:
    """A thread that listens, and says what it is given to say. ``heard`` is called on the event loop."""

    def __init__(self, connection: Connection, heard: Callable[[str], None]) -> None:
        self._connection, self._heard = connection, heard
        self._loop = asyncio.get_running_loop()
        self._to_say: dict[str, None] = {}
        self._saying = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="hookline-listener", daemon=True)
        self._thread.start()

    def say(self, news: str) -> None:
        """Tell the other servers. On any thread."""
        with self._saying:
            quiet = not self._to_say
            self._to_say[news] = None
        if quiet:
            self._wake()

    async def close(self) -> None:
        """Say what is to be said, then end."""
        self._ended = True
        self._wake()
        await asyncio.to_thread(self._thread.join)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"\0")

    # -- on the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended:
            try:
                self._listen()
            except Exception as error:  # whatever it is: without this thread, others are found out by looking only
                _log.warning("listening failed", error=f"{type(error).__name__}: {explained(error)}")
                self._connection.close()
                self._wait(None, RECONNECT_S)
        self._connection.close()

    def _listen(self) -> None:
        self._connection.send(_LISTEN)
        self._connection.answer()
        self._tell(LOOK)  # what was said before we listened
        while True:
            pg = self._connection.open()
            ready = self._wait(pg.socket, QUIET_S)
            if self._wake_read in ready:
                time.sleep(GATHER_S)
                self._say_all()
            if pg.socket in ready:
                pg.consume_input()
            elif not ready:
                self._connection.send(_STILL_THERE)
                self._connection.answer()
            while (notified := pg.notifies()) is not None:
                if notified.be_pid != pg.backend_pid:
                    self._tell(notified.extra.decode())
            if self._ended:
                return

    def _wait(self, socket: int | None, limit_s: float) -> set[int]:
        """Until something comes, or there is something to say; which of them."""
        poll = select.poll()
        for file in (self._wake_read, *([socket] if socket is not None else [])):
            poll.register(file, select.POLLIN)
        ready = {file for file, _ in poll.poll(limit_s * 1000)}
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        return ready

    def _say_all(self) -> None:
        with self._saying:
            news, self._to_say = list(self._to_say), {}
        for payload in _joined(news):
            self._connection.send(_NOTIFY, [parameter(payload)])
        if news:
            self._connection.answer()

    def _tell(self, payload: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone
            for news in payload.split(" "):
                self._loop.call_soon_threadsafe(self._heard, news)


def _joined(news: list[str]) -> list[str]:
    """As few payloads as hold all of it; one hint is one word."""
    payloads: list[str] = []
    for word in news:
        if payloads and len(payloads[-1]) + len(word) < LARGEST:
            payloads[-1] += f" {word}"
        else:
            payloads.append(word)
    return payloads
