"""What is said of a webhook, in one word for a table and in one sentence for a list."""

from __future__ import annotations

from hookline.cli.demo.judge import Verdict
from hookline.cli.demo.play import Scene
from hookline.cli.demo.programme import Ending
from hookline.core.providers import registry
from hookline.core.state import OWED, DeliveryState

#: What is worth telling about those that did not simply work.
SENTENCES = {
    Ending.REVIVED: "its receiver never answered: dead, then replayed",
    Ending.RETRIED: "its receiver failed twice: the third try got through",
    Ending.TAMPERED: "changed after it was signed: refused and kept",
    Ending.STALE: "signed an hour ago: refused and kept",
    Ending.DUPLICATE: "sent twice: one event, one delivery",
    Ending.ANSWERED: "Slack asked whether the address is ours: answered",
}


def sender(scene: Scene) -> str:
    """The provider by its name, short enough for a column."""
    return registry.get(scene.webhook.provider).name.replace("Standard", "Std")


def door(scene: Scene) -> str:
    """The status that the door answered."""
    if scene.answer is None:
        return ""
    return str(scene.answer.status or scene.answer.error)


def status(scene: Scene) -> str:
    """Where it is now."""
    if scene.verdict is not None:
        return _ended(scene.verdict)
    if scene.answer is None:
        return "sending"
    if not scene.attempts:
        return "pending"
    last = scene.attempts[-1]
    if DeliveryState(last.state) is DeliveryState.DEAD:
        return "replaying" if scene.replayed else "dead"
    if DeliveryState(last.state) in OWED:
        return f"retry: {last.status or last.error}"
    return "delivered"


def _ended(verdict: Verdict) -> str:
    if not verdict.ok:
        return "WRONG"
    result = verdict.result
    if Ending(result.ending) is Ending.ANSWERED:
        return "answered"
    return result.status or result.door_code


def tries(scene: Scene) -> str:
    """How many attempts were made."""
    return str(len(scene.attempts) or "")


def duration(milliseconds: float) -> str:
    """As people say it."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def took(scene: Scene) -> str:
    """How long it took from the first byte sent to its end."""
    return duration(scene.verdict.result.took_ms) if scene.verdict is not None else ""


def story(verdict: Verdict) -> list[str]:
    """The lines that tell what went wrong with one webhook, and everything that was seen of it."""
    result = verdict.result
    lines = [f"{result.key} ({result.source} {result.type}) should have been {result.ending}:"]
    lines += [f"  wrong: {problem}" for problem in verdict.problems]
    lines.append(f"  door answered {result.door_status or 'nothing'} {result.door_code}".rstrip())
    if result.event_id:
        lines.append(
            f"  event {result.event_id} is {result.status}, "
            f"{result.deliveries} deliveries, {result.duplicates} duplicates, {result.arrived} requests arrived"
        )
    lines += [
        f"  try {made.number}: {made.status or made.error} after {duration(made.duration_ms)}, then {made.state}"
        for made in result.attempts
    ]
    return lines
