"""Slack's Events API, for the workspace of an invented observatory."""

from __future__ import annotations

from typing import Any

from hookline.cli.demo.payloads.webhook import Occasion, Webhook, compact

_TEAM = "T0DEMO0001"
_APP = "A0DEMO0001"
_CHANNEL = "C0DEMO0001"


def challenge(occasion: Occasion) -> str:
    """What the door must answer to `url_verification`."""
    return occasion.hex("challenge", 52)


def url_verification(occasion: Occasion) -> Webhook:
    """Before Slack sends anything it asks whether the address is ours: the door must say the challenge back."""
    body = {"token": "obviously-not-a-token", "challenge": challenge(occasion), "type": "url_verification"}
    return Webhook("slack", "url_verification", "", compact(body))


def message(occasion: Occasion) -> Webhook:
    """Somebody wrote in a channel."""
    event = {
        "type": "message",
        "channel": _CHANNEL,
        "channel_type": "channel",
        "user": "U0DEMO0002",
        "text": "The sky clears at ten. Dome opens at a quarter past. :telescope:",
        "ts": f"{occasion.now_s}.000200",
        "event_ts": f"{occasion.now_s}.000200",
        "team": _TEAM,
    }
    return _callback("message", occasion, event)


def app_mention(occasion: Occasion) -> Webhook:
    """Somebody called the bot."""
    event = {
        "type": "app_mention",
        "channel": _CHANNEL,
        "user": "U0DEMO0003",
        "text": "<@U0DEMO0001> how long is Saturn up tonight?",
        "ts": f"{occasion.now_s}.000300",
        "event_ts": f"{occasion.now_s}.000300",
        "team": _TEAM,
    }
    return _callback("app_mention", occasion, event)


def _callback(event_type: str, occasion: Occasion, event: dict[str, Any]) -> Webhook:
    event_id = f"Ev{occasion.hex('event', 9).upper()}"
    body = {
        "token": "obviously-not-a-token",
        "team_id": _TEAM,
        "context_team_id": _TEAM,
        "api_app_id": _APP,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": occasion.now_s,
        "authorizations": [{"team_id": _TEAM, "user_id": "U0DEMO0001", "is_bot": True}],
        "is_ext_shared_channel": False,
        "event_context": f"4-{occasion.hex('context', 40)}",
    }
    return Webhook("slack", event_type, event_id, compact(body))
