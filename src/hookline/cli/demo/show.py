"""Who is told what happens: the protocol, and the two that speak JSON. `screen.py` speaks to people."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from hookline.cli.demo import summary
from hookline.cli.demo.invite import Invitation
from hookline.cli.demo.judge import Verdict
from hookline.cli.demo.play import Scene
from hookline.cli.demo.stage import Stage
from hookline.core.notice import Notice

Write = Callable[[str], None]


class Show(Protocol):
    """Told of everything, in this order; ``ended`` as soon as something has ended, the rest once."""

    #: Seconds between two webhooks, so that somebody can follow.
    pace_s: float

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        """The server answers; nothing is sent yet."""
        ...

    def changed(self) -> None:
        """A scene has changed."""
        ...

    def ended(self, scene: Scene, verdict: Verdict) -> None:
        """A webhook's story is over."""
        ...

    def finish(self, verdicts: Sequence[Verdict], took_ms: float) -> None:
        """All stories are over."""
        ...

    def close(self) -> None:
        """The stories are over or were broken off: nothing more is drawn."""
        ...

    def stopped(self, keep: Path | None) -> None:
        """A signal came and everything is down; ``keep`` is the folder that stays."""
        ...

    def invite(self, invitation: Invitation) -> None:
        """From here on the server waits for the user."""
        ...

    def happened(self, notice: Notice) -> None:
        """Something happened while the server waits for the user."""
        ...


class OneSummary:
    """One JSON document at the end."""

    pace_s = 0.0

    def __init__(self, write: Write) -> None:
        self._write = write

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        """Nothing yet."""

    def changed(self) -> None:
        """Nothing yet."""

    def ended(self, scene: Scene, verdict: Verdict) -> None:
        """Nothing yet."""

    def finish(self, verdicts: Sequence[Verdict], took_ms: float) -> None:
        """The document."""
        self._write(json.dumps(summary.summary(verdicts, took_ms), indent=2, ensure_ascii=False))

    def close(self) -> None:
        """Nothing is open."""

    def stopped(self, keep: Path | None) -> None:
        """Who stopped it knows."""

    def invite(self, invitation: Invitation) -> None:
        """Nobody is invited: the demo ends."""

    def happened(self, notice: Notice) -> None:
        """Nobody waits."""


class JsonLines(OneSummary):
    """One JSON line for each thing that happens."""

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        about = {"address": stage.address, "folder": str(stage.folder), "webhooks": [scene.act.key for scene in scenes]}
        self._write(summary.line("started", about))

    def ended(self, scene: Scene, verdict: Verdict) -> None:
        self._write(summary.line("event", summary.webhook(verdict)))

    def finish(self, verdicts: Sequence[Verdict], took_ms: float) -> None:
        about = summary.summary(verdicts, took_ms)
        del about["events"]  # they had a line each
        self._write(summary.line("summary", about))

    def invite(self, invitation: Invitation) -> None:
        self._write(summary.line("serving", summary.serving(invitation)))

    def happened(self, notice: Notice) -> None:
        self._write(summary.line("notice", summary.notice(notice)))
