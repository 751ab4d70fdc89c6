"""The demo for people: a live table in a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hookline.cli.demo import words
from hookline.cli.demo.invite import Invitation
from hookline.cli.demo.judge import Verdict
from hookline.cli.demo.narrator import Narrator
from hookline.cli.demo.play import Scene
from hookline.cli.demo.programme import Ending
from hookline.cli.demo.stage import Stage
from hookline.core.notice import Notice

_WIDTH = 79  #: also in a wide window: a line must be read at a glance


class Plain:
    """Plain lines, one for each webhook that has ended. Also what both have in common."""

    pace_s = 0.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self._narrator = Narrator()
        self._scenes: Sequence[Scene] = ()

    def say(self, text: str = "", style: str = "") -> None:
        """A line as it is: never wrapped, never taken for markup."""
        self.console.print(Text(text, style), soft_wrap=True, highlight=False)

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        """Say where everything is."""
        self._scenes = scenes
        self.say()
        self.say(f"Hookline listens on {stage.address}", "bold")
        self.say(f"and stores in {stage.folder}{'' if stage.kept else ' until it ends'}.", "dim")
        if stage.moved:
            self.say(f"Port {stage.wanted_port} could not be had, so it is {stage.settings.port}.", "yellow")
        self.say(f"{len(scenes)} webhooks are signed as their providers sign, and sent to it over HTTP.", "dim")
        self.say()

    def changed(self) -> None:
        """Plain lines do not change."""

    def ended(self, scene: Scene, verdict: Verdict) -> None:
        """Its line."""
        cells = (words.sender(scene), scene.webhook.event_type, words.door(scene), words.status(scene))
        line = "{:<12}  {:<24}  {:<3}  {:<15}".format(*cells)
        self.say(f"{'ok ' if verdict.ok else 'NO '} {line}  {words.tries(scene):>5}  {words.took(scene):>7}")

    def close(self) -> None:
        """Nothing is open."""

    def stopped(self, keep: Path | None) -> None:
        """A last line."""
        self.close()
        self.say()
        self.say(f"Stopped. What was stored is still in {keep}." if keep else "Stopped. Nothing is left behind.", "dim")

    def finish(self, verdicts: Sequence[Verdict], took_ms: float) -> None:
        """What was special, or what was wrong."""
        self.say()
        if all(verdict.ok for verdict in verdicts):
            self._special()
            self.say()
            self.say(
                f"All {len(verdicts)} ended as they should, in {words.duration(took_ms)}. What arrived was byte for "
                "byte\nwhat was sent, and carried a valid Standard Webhooks signature.",
                "green",
            )
            return
        for verdict in verdicts:
            if not verdict.ok:
                self.say("\n".join(words.story(verdict)), "red")
        self.say()
        wrong = sum(not verdict.ok for verdict in verdicts)
        self.say(f"{wrong} of {len(verdicts)} did not end as they should.", "bold red")

    def _special(self) -> None:
        for scene in self._scenes:
            sentence = words.SENTENCES.get(Ending(scene.act.ending))
            if sentence:
                self.say(f"  {scene.webhook.event_type:<24}  {sentence}", "dim")

    def invite(self, invitation: Invitation) -> None:
        """What to do next."""
        self.say()
        self.say("Now it is your turn", "bold")
        for address, what in invitation.pages:
            self.say(f"  {address:<31}  {what}")
        self.say()
        self.say("Send an event of your own, from another terminal:", "bold")
        self.say(invitation.curl)
        self.say("Send it again: a duplicate. Change a letter of the body: 401 bad_signature.", "dim")
        self.say()
        self.say("See everything that happened:", "bold")
        self.say(invitation.events.replace(" --config", " \\\n  --config"))
        self.say()
        self.say("Serving until Ctrl-C. What comes in is told here:", "bold")

    def happened(self, notice: Notice) -> None:
        """A line for whatever comes in."""
        for text, style in self._narrator.tell(notice):
            self.say(text, style)


class LiveTable(Plain):
    """A table that is drawn again with everything that happens."""

    pace_s = 0.15

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live: Live | None = None

    def begin(self, stage: Stage, scenes: Sequence[Scene]) -> None:
        super().begin(stage, scenes)
        self._live = Live(self._drawing(), console=self.console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def changed(self) -> None:
        if self._live is not None:
            self._live.update(self._drawing(), refresh=True)

    def ended(self, scene: Scene, verdict: Verdict) -> None:
        self.changed()

    def close(self) -> None:
        """Leave the table as it is now."""
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()
            self._live = None

    def finish(self, verdicts: Sequence[Verdict], took_ms: float) -> None:
        self.close()
        super().finish(verdicts, took_ms)

    def _drawing(self) -> Group:
        over = sum(scene.verdict is not None for scene in self._scenes)
        bar = ProgressBar(total=len(self._scenes), completed=over, width=40)
        progress = Table.grid(padding=(0, 2))
        progress.add_row("", bar, Text(f"{over} of {len(self._scenes)}", "dim"))
        return Group(self._table(), progress)

    def _table(self) -> Table:
        table = Table(box=None, width=_WIDTH, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("", width=1)
        table.add_column("from", width=12)
        table.add_column("event", width=24)
        table.add_column("door", width=4)
        table.add_column("status", width=15)
        table.add_column("tries", width=5, justify="right")
        table.add_column("time", width=6, justify="right")
        for scene in self._scenes:
            table.add_row(*_cells(scene, self.console.options.ascii_only))
        return table


def _cells(scene: Scene, ascii_only: bool) -> list[Text]:
    mark, style = _mark(scene, ascii_only)
    quiet = "dim" if not scene.started else ""
    return [
        Text(mark, style),
        Text(words.sender(scene), quiet),
        Text(scene.webhook.event_type, quiet),
        Text(words.door(scene), "" if words.door(scene) == "200" else "yellow"),
        Text(words.status(scene) if scene.started else "", style),
        Text(words.tries(scene)),
        Text(words.took(scene), "dim"),
    ]


def _mark(scene: Scene, ascii_only: bool) -> tuple[str, str]:
    if scene.verdict is None:
        failing = bool(scene.attempts) and not 200 <= scene.attempts[-1].status < 300
        return ("." if ascii_only else "·"), ("yellow" if failing else "dim")
    if scene.verdict.ok:
        return ("+" if ascii_only else "✓"), "green"
    return ("x" if ascii_only else "✗"), "bold red"
