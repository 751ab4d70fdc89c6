"""Several server processes behind one socket, so that one machine uses all of its cores.

The parent opens the socket, forks, and from then on only waits, and starts anew what died. Each child is a whole server
of its own, a node like one on another machine. It holds the reading end of a pipe that nobody ever writes to: when
that ends, because the parent wishes so or is gone, it stops.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

#: A child that lived for less than this is started anew only after as long a pause.
SHORT_LIFE_S = 5.0
#: How often the parent looks whether a pause is over.
LOOK_S = 0.5

_READY = b"1"


@dataclass(frozen=True, slots=True)
class Child:
    """What a child knows of its place: its number, the parent's pipe, and whom to tell that it answers."""

    number: int
    parent_is_alive: int  #: a file that becomes readable when the parent is gone
    ready: int  #: a file to write to when requests are answered

    def say_ready(self) -> None:
        """This process answers requests."""
        with contextlib.suppress(OSError):
            os.write(self.ready, _READY)


class Processes:
    """The parent. ``live`` is the life of a child: it returns its exit code. ``all_ready`` is called once."""

    def __init__(self, count: int, live: Callable[[Child], int], all_ready: Callable[[list[int]], None]) -> None:
        self._count, self._live, self._all_ready = count, live, all_ready
        self._children: dict[int, int] = {}  #: number by process id
        self._started_at: dict[int, float] = {}
        self._due_at: dict[int, float] = {}  #: when a child that died young is started anew
        self._ready: set[int] = set()
        self._announced = self._stopping = False
        self._signals = 0
        self._alive_read, self._alive_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        self._woken_read, self._woken_write = os.pipe()

    def run(self) -> int:
        """Run until a signal comes and all children have ended; the exit code."""
        os.set_blocking(self._woken_write, False)
        signal.set_wakeup_fd(self._woken_write)
        for wish in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wish, self._signalled)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in range(self._count):
            self._start(number)
        code = 0
        while self._children or (self._due_at and not self._stopping):
            self._wait()
            for number, status in self._ended():
                code = code or self._bury(number, status)
        return code

    # -- starting and ending -----------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        self._due_at.pop(number, None)
        pid = os.fork()
        if not pid:
            os._exit(self._be_child(number))
        self._children[pid] = number
        self._started_at[number] = time.monotonic()

    def _be_child(self, number: int) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes to all of us: it is the parent's
        os.close(self._alive_write)
        try:
            return self._live(Child(number, self._alive_read, self._ready_write))
        except BaseException as error:
            structlog.stdlib.get_logger("hookline").error("process failed", process=number, error=str(error))
            return 1

    def _signalled(self, number: int, frame: object) -> None:
        """Wish that all stop; the second one ends everything at once.

        The wish is the end of the pipe, not a signal: whoever signals all of us (systemd does) has done that already.
        """
        self._signals += 1
        self._stopping = True
        if self._signals == 1:
            os.close(self._alive_write)
            return
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _ended(self) -> Iterator[tuple[int, int]]:
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                yield self._children.pop(pid), os.waitstatus_to_exitcode(status)

    def _bury(self, number: int, status: int) -> int:
        """A child ended: the exit code if that ends us all, else it is started anew."""
        if self._stopping:
            return status if status >= 0 else 128 - status
        if not self._announced:  # it never came to answering: neither will the next one
            self._signalled(signal.SIGTERM, None)
            return (status if status >= 0 else 128 - status) or 1
        lived_s = time.monotonic() - self._started_at[number]
        structlog.stdlib.get_logger("hookline").warning("process died", process=number, status=status)
        self._due_at[number] = time.monotonic() + (0 if lived_s > SHORT_LIFE_S else SHORT_LIFE_S)
        return 0

    # -- waiting -----------------------------------------------------------------------------------------

    def _wait(self) -> None:
        ready, _, _ = select.select([self._ready_read, self._woken_read], [], [], LOOK_S)
        if self._woken_read in ready:
            os.read(self._woken_read, 512)
        if self._ready_read in ready and not self._announced:
            for _ in os.read(self._ready_read, 512):
                self._ready.add(len(self._ready))
            if len(self._ready) >= self._count:
                self._announced = True
                self._all_ready(list(self._children))
        elif self._ready_read in ready:
            os.read(self._ready_read, 512)
        if not self._stopping:
            for number in [number for number, at in self._due_at.items() if at <= time.monotonic()]:
                self._start(number)
