"""The demo as JSON. Everything in it comes from results and notices, which hold no secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from hookline.cli.demo.invite import Invitation
from hookline.cli.demo.judge import Verdict
from hookline.cli.demo.words import story
from hookline.core.model import EventStatus
from hookline.core.notice import Notice


def summary(verdicts: Sequence[Verdict], took_ms: float) -> dict[str, Any]:
    """How it all ended: ``ok``, counts, and every webhook."""
    results = [verdict.result for verdict in verdicts]
    return {
        "ok": bool(verdicts) and all(verdict.ok for verdict in verdicts),
        "sent": len(results),
        "processed": sum(result.status == EventStatus.PROCESSED for result in results),
        "rejected": sum(result.door_status >= 400 for result in results),
        "duplicates": sum(result.duplicates for result in results),
        "retried": sum(result.ending == "retried" and result.status == EventStatus.PROCESSED for result in results),
        "dead_lettered": sum(result.dead_lettered for result in results),
        "replayed": sum(result.replayed for result in results),
        "handshakes": sum(result.answered_right for result in results),
        "attempts": sum(len(result.attempts) for result in results),
        "took_ms": round(took_ms, 1),
        "events": [webhook(verdict) for verdict in verdicts],
        "wrong": [line for verdict in verdicts if not verdict.ok for line in story(verdict)],
    }


def webhook(verdict: Verdict) -> dict[str, Any]:
    """One webhook: what was seen of it, and what is wrong with that."""
    seen: dict[str, Any] = msgspec.to_builtins(verdict.result)
    return {**seen, "ok": verdict.ok, "problems": list(verdict.problems)}


def serving(invitation: Invitation) -> dict[str, Any]:
    """What may be done now."""
    return {
        "address": invitation.address,
        "pages": [address for address, _ in invitation.pages],
        "curl": invitation.curl,
        "events": invitation.events,
    }


def notice(said: Notice) -> dict[str, Any]:
    """What happened while the demo goes on serving."""
    return {"notice": type(said).__name__, **msgspec.structs.asdict(said)}


def line(kind: str, about: dict[str, Any]) -> str:
    """One line of the stream."""
    return json.dumps({"kind": kind, **about}, ensure_ascii=False)
