"""Every payload that GitHub publishes as an example, signed as GitHub signs it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.model import Headers, Verification
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign

from .making import NOW, SECRETS, request_of

EXAMPLES = Path(__file__).parents[2] / "node/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
SECRET = SECRETS["github"]
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@lru_cache(maxsize=1)
def payloads() -> list[tuple[str, dict[str, Any]]]:
    if not EXAMPLES.exists():
        pytest.fail(f"{EXAMPLES} is missing: run `scripts/node-deps` (make test does) to install GitHub's payloads")
    return [(kind["name"], example) for kind in json.loads(EXAMPLES.read_text()) for example in kind["examples"]]


def expected_type(name: str, payload: dict[str, Any]) -> str:
    return f"{name}.{payload['action']}" if payload.get("action") else name


def signed(event_type: str, body: bytes, content_type: str) -> Headers:
    return sign(
        get("github"),
        body=body,
        secret=SECRET,
        now_s=NOW,
        event_id=DELIVERY,
        event_type=event_type,
        content_type=content_type,
    )


def test_there_are_hundreds_of_them() -> None:
    assert len(payloads()) > 300


def test_each_is_verified_and_known_by_its_event_and_action() -> None:
    for name, payload in payloads():
        body, event_type = json.dumps(payload).encode(), expected_type(name, payload)
        request = request_of(signed(event_type, body, "application/json"), body)
        assert get("github").verify(request, [SECRET], NOW).level is Verification.VERIFIED
        identity = get("github").identify(request, ParsedBody(BodyKind.JSON, body))
        assert (identity.event_id, identity.event_type) == (DELIVERY, event_type)


def test_each_is_known_too_when_it_comes_as_a_form() -> None:
    for name, payload in payloads():
        body, event_type = urlencode({"payload": json.dumps(payload)}).encode(), expected_type(name, payload)
        request = request_of(signed(event_type, body, "application/x-www-form-urlencoded"), body)
        assert get("github").verify(request, [SECRET], NOW).scheme == "default"
        identity = get("github").identify(request, ParsedBody(BodyKind.FORM, body))
        assert (identity.event_id, identity.event_type) == (DELIVERY, event_type)
