"""The course of the demo: set up, play, judge, serve, clear away."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console

from hookline.cli.demo.invite import invitation
from hookline.cli.demo.judge import Verdict
from hookline.cli.demo.play import Scene, play, prepare_receiver, scene, send
from hookline.cli.demo.programme import PROGRAMME, TRICKLE
from hookline.cli.demo.screen import LiveTable, Plain
from hookline.cli.demo.show import JsonLines, OneSummary, Show
from hookline.cli.demo.stage import Stage, set_up
from hookline.cli.demo.words import story
from hookline.cli.exits import Exit
from hookline.config.units import parse_duration
from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.notice import Notice

#: What a shell says of a program that Ctrl-C ended.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``trickle_s`` is the wait between two further webhooks, 0 for none."""

    port: int
    once: bool
    as_json: bool
    keep: Path | None
    trickle_s: float

    @classmethod
    def make(cls, *, port: int, once: bool, as_json: bool, keep: Path | None, trickle: str) -> Options:
        """Read what was written. Raises ConfigError."""
        try:
            trickle_s = parse_duration(trickle) if trickle else 0.0
        except InvalidInput as error:
            raise ConfigError(error.message, where="--trickle") from None
        if once and trickle:
            raise ConfigError("contradicts --once, which ends when all has happened", where="--trickle")
        if trickle and trickle_s < 0.01:
            raise ConfigError("must be at least 10ms", where="--trickle")
        return cls(port, once, as_json, keep, trickle_s)


def run(options: Options) -> int:
    """Play and, unless it is only once, serve until a signal comes. The exit code."""
    show = _show(options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_signalled(options, show))


def _show(options: Options) -> Show:
    if options.as_json:
        return OneSummary(_print) if options.once else JsonLines(_print)
    console = Console()
    return LiveTable(console) if console.is_terminal and not console.is_dumb_terminal else Plain(console)


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has had enough; rich ends the same way
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(Exit.FAILED) from None


async def _until_signalled(options: Options, show: Show) -> int:
    course = asyncio.create_task(_course(options, show))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _signalled, course)
    await asyncio.wait([course])
    if not course.cancelled():
        return course.result()
    return INTERRUPTED if options.once else Exit.OK


def _signalled(course: asyncio.Task[int]) -> None:
    if course.cancelling():
        os._exit(INTERRUPTED)  # somebody is in a hurry; everything that was acknowledged is on disk
    course.cancel()


async def _course(options: Options, show: Show) -> int:
    try:
        async with set_up(options.port, options.keep) as stage:
            verdicts = await play_all(stage, show)
            if options.once:
                return judged(verdicts, as_json=options.as_json)
            await _serve(stage, show, options.trickle_s)
    except asyncio.CancelledError:
        show.stopped(options.keep)
        raise
    finally:
        show.close()
    return Exit.OK


async def play_all(stage: Stage, show: Show) -> list[Verdict]:
    """All acts at the same time, begun one after the other."""
    scenes = [scene(act, stage, show.changed, pause_s=4 * show.pace_s) for act in PROGRAMME]
    prepare_receiver(stage)
    stage.watch.listen(lambda _: show.changed())
    show.begin(stage, scenes)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for each in scenes:
            tasks.append(group.create_task(_play_one(each, show)))
            await asyncio.sleep(show.pace_s)
    verdicts = [task.result() for task in tasks]
    show.finish(verdicts, (time.perf_counter() - started) * 1000)
    return verdicts


async def _play_one(each: Scene, show: Show) -> Verdict:
    verdict = await play(each)
    show.ended(each, verdict)
    return verdict


def judged(verdicts: Sequence[Verdict], *, as_json: bool) -> int:
    """The exit code; with JSON on standard output the story of what went wrong goes to standard error."""
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    if as_json:
        for verdict in wrong:
            sys.stderr.write("\n".join(story(verdict)) + "\n")
    return Exit.OK if verdicts and not wrong else Exit.FAILED


async def _serve(stage: Stage, show: Show, trickle_s: float) -> None:
    """Tell what comes in, for ever."""
    stage.watch.forget()
    stage.receiver.requests.clear()
    show.invite(invitation(stage))

    def happened(notice: Notice) -> None:
        stage.receiver.requests.clear()  # nobody will ask for them any more
        show.happened(notice)

    stage.watch.listen(happened)
    if trickle_s:
        await _trickle(stage, trickle_s)
    await asyncio.Event().wait()


async def _trickle(stage: Stage, wait_s: float) -> None:
    for act in itertools.cycle(TRICKLE):
        await send(stage, act, scene(act, stage, _nothing).webhook)
        await asyncio.sleep(wait_s)


def _nothing() -> None:
    """Nobody looks on."""
