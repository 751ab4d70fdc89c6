"""Playing one act: sign as the provider does, send over HTTP, follow the event to its end, collect what was seen."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hookline.cli.demo.judge import STALE_CODE, TAMPERED_CODE, Result, Try, Verdict, judge
from hookline.cli.demo.payloads import slack
from hookline.cli.demo.payloads.webhook import Occasion, Webhook
from hookline.cli.demo.programme import Act, Ending
from hookline.cli.demo.stage import Stage
from hookline.core.errors import HooklineError
from hookline.core.headers import index
from hookline.core.model import EventStatus, Headers, Request
from hookline.core.notice import AttemptMade
from hookline.core.providers import registry, sign
from hookline.core.target import Target
from hookline.delivery.outcome import Outcome
from hookline.storage.events import Story
from hookline.testing.receiver import Answer, Received

#: Older than any provider of the demo tolerates.
STALE_S = 3600
#: The whole demo takes some three seconds; what takes longer than this will not end well.
PATIENCE_S = 10.0
REQUEST_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Scene:
    """One act under way, for whoever looks on. ``changed`` is called whenever it has changed."""

    act: Act
    stage: Stage
    changed: Callable[[], None]
    pause_s: float  #: before it is replayed, so that somebody can see it dead
    webhook: Webhook
    occasion: Occasion
    started: float = 0.0
    answer: Outcome | None = None
    event_id: str = ""
    dead_lettered: bool = False
    replayed: int = 0
    same_event_twice: bool = False
    verdict: Verdict | None = None

    @property
    def attempts(self) -> tuple[AttemptMade, ...]:
        """Every attempt to deliver it so far."""
        return self.stage.watch.attempts(self.event_id) if self.event_id else ()

    def note(self, **seen: Any) -> None:
        """Something was seen."""
        for name, value in seen.items():
            setattr(self, name, value)
        self.changed()


def scene(act: Act, stage: Stage, changed: Callable[[], None], *, pause_s: float = 0.0) -> Scene:
    """An act that is ready to be played."""
    occasion = Occasion(int(time.time()), os.urandom(16).hex())
    return Scene(act, stage, changed, pause_s, act.make(occasion), occasion)


def prepare_receiver(stage: Stage) -> None:
    """The receiver has a bad day at two of its addresses."""
    stage.receiver.script([500, 503], path="/ledger")
    stage.receiver.answers(Answer.hang(), path="/timetable")


async def play(this: Scene) -> Verdict:
    """Send it, follow it to its end, and judge what was seen."""
    this.started = time.perf_counter()
    trouble = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _send_and_follow(this)
    except TimeoutError:
        trouble = f"it did not end within {PATIENCE_S:g} s"
    except HooklineError as error:
        trouble = error.message
    took_ms = (time.perf_counter() - this.started) * 1000
    verdict = judge(await _result(this, took_ms, trouble))
    this.note(verdict=verdict)
    return verdict


async def send(stage: Stage, act: Act, webhook: Webhook, *, ago_s: float = 0, body: bytes | None = None) -> Outcome:
    """One signed request to the door, over HTTP. ``body`` replaces what was signed."""
    headers = sign.sign(
        registry.get(webhook.provider),
        body=webhook.body,
        secret=stage.secret(act.source),
        now_s=time.time() - ago_s,
        event_id=webhook.event_id,
        event_type=webhook.event_type,
    )
    return await _post(stage, act.source, headers, webhook.body if body is None else body)


async def _post(stage: Stage, source: str, headers: Headers, body: bytes) -> Outcome:
    target = Target.parse(f"{stage.address}/webhooks/{source}")
    return await stage.client.send(
        target, headers, body, connect_timeout_s=REQUEST_TIMEOUT_S, timeout_s=REQUEST_TIMEOUT_S
    )


async def _send_and_follow(this: Scene) -> None:
    act, stage = this.act, this.stage
    ending = act.ending
    answer = await send(stage, act, this.webhook, ago_s=_age_s(ending), body=sent_body(ending, this.webhook))
    this.note(answer=answer, event_id=_said(answer).get("id", ""))
    if not this.event_id:
        return
    if ending is Ending.DUPLICATE:
        again = _said(await send(stage, act, this.webhook))
        this.note(same_event_twice=again.get("id") == this.event_id and again.get("duplicate") is True)
    await stage.watch.ended(this.event_id)
    if ending is Ending.REVIVED:
        await _revive(this)


async def _revive(this: Scene) -> None:
    """See it dead, mend the receiver, and have the event replayed."""
    stage = this.stage
    story = await _story(this)
    this.note(dead_lettered=story is not None and story.event.status == EventStatus.FAILED)
    await asyncio.sleep(this.pause_s)
    stage.receiver.answers(200, path=this.act.path)
    server = stage.server
    owed = await server.store.deliveries.replay_event(stage.settings.organisation, this.event_id, server.clock.now_ms())
    this.note(replayed=owed)
    await stage.watch.ended(this.event_id, times=2)


def _age_s(ending: Ending) -> float:
    return STALE_S if ending is Ending.STALE else 0


def sent_body(ending: Ending, webhook: Webhook) -> bytes:
    """What goes over the wire: the signed bytes, or for the tampered one nearly those."""
    return webhook.body.replace(b'"opened"', b'"closed"', 1) if ending is Ending.TAMPERED else webhook.body


def _said(answer: Outcome) -> dict[str, Any]:
    """The JSON object that the door answered, or an empty one."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


# -- collecting what was seen ------------------------------------------------------------------------------


async def _result(this: Scene, took_ms: float, trouble: str) -> Result:
    answer = this.answer or Outcome(error="no_answer")
    code = str(_said(answer).get("code", ""))
    sent = sent_body(this.act.ending, this.webhook)
    story = await _story(this)
    event = story.event if story is not None else None
    arrived = _arrived(this, sent)
    return Result(
        key=this.act.key,
        provider=this.webhook.provider,
        source=this.act.source,
        type=this.webhook.event_type,
        ending=this.act.ending,
        door_status=answer.status,
        door_code=code or answer.error,
        event_id=this.event_id,
        status=event.status if event else "",
        verification=event.verification if event else "",
        deliveries=len(story.deliveries) if story else 0,
        attempts=_tries(this, story),
        duplicates=event.duplicates if event else 0,
        same_event_twice=this.same_event_twice,
        dead_lettered=this.dead_lettered,
        replayed=this.replayed,
        rejection_kept=code in (STALE_CODE, TAMPERED_CODE) and await _kept(this, code, sent),
        answered_right=answer.body == slack.challenge(this.occasion).encode(),
        arrived=len(arrived),
        stored_intact=event is not None and event.request.body == sent,
        arrived_intact=bool(arrived) and all(request.body == sent for request in arrived),
        signature_verified=bool(arrived) and all(_verifies(this.stage, request) for request in arrived),
        took_ms=round(took_ms, 1),
        trouble=trouble or answer.error,
    )


async def _story(this: Scene) -> Story | None:
    if not this.event_id:
        return None
    return await this.stage.server.store.events.story(this.stage.settings.organisation, this.event_id)


def _tries(this: Scene, story: Story | None) -> tuple[Try, ...]:
    """The attempts as the store has them, and what the notices said became of the delivery."""
    states = {made.number: made.state for made in this.attempts}
    return tuple(
        Try(made.number, made.status, made.error, round(made.duration_ms, 1), states.get(made.number, ""))
        for made in (story.attempts if story else ())
    )


async def _kept(this: Scene, code: str, sent: bytes) -> bool:
    rejections = await this.stage.server.store.rejections.find(
        this.stage.settings.organisation, source_name=this.act.source, cause=code
    )
    return any(rejection.request.body == sent for rejection in rejections)


def _arrived(this: Scene, sent: bytes) -> list[Received]:
    """The requests at the receiver: by our id for an event, by their bytes for what must not have arrived."""
    requests = this.stage.receiver.requests
    if this.event_id:
        return [request for request in requests if request.header("webhook-id") == this.event_id]
    return [request for request in requests if request.body in (sent, this.webhook.body)]


def _verifies(stage: Stage, received: Received) -> bool:
    """Whether a receiver that knows nothing but its secret would trust this request."""
    request = Request("POST", received.path, b"", received.headers, index(received.headers), received.body)
    try:
        registry.get("standard_webhooks").verify(request, [stage.endpoint_secret], time.time())
    except HooklineError:
        return False
    return True
