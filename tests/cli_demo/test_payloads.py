"""The webhooks of the demo are what they say they are, and no two are ever the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.demo.payloads.webhook import Occasion, Webhook
from hookline.cli.demo.play import sent_body
from hookline.cli.demo.programme import PROGRAMME, TRICKLE, Act, Ending
from hookline.core.body import BodyKind, ParsedBody
from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.providers import registry, sign

NOW_S = 1_790_000_000
FAKE_SECRET = "whsec_b2J2aW91c2x5IGZha2Ugc2VjcmV0IGZvciB0ZXN0cw=="
MAKERS = sorted({act.make for act in PROGRAMME}, key=lambda make: make.__qualname__ + make.__module__)

tokens = st.text("0123456789abcdef", min_size=32, max_size=32)
times = st.integers(1_600_000_000, 2_500_000_000)


def request_of(webhook: Webhook) -> Request:
    headers = sign.sign(
        registry.get(webhook.provider),
        body=webhook.body,
        secret=FAKE_SECRET,
        now_s=NOW_S,
        event_id=webhook.event_id,
        event_type=webhook.event_type,
    )
    return Request("POST", "/", b"", headers, index(headers), webhook.body)


@given(st.sampled_from(MAKERS), times, tokens)
def test_a_webhook_is_verified_and_known_by_the_id_and_type_it_claims(
    make: Callable[[Occasion], Webhook], now_s: int, token: str
) -> None:
    webhook = make(Occasion(now_s, token))
    provider, request = registry.get(webhook.provider), request_of(webhook)
    assert provider.verify(request, [FAKE_SECRET], NOW_S).level == "verified"
    if webhook.event_id:
        identity = provider.identify(request, ParsedBody(BodyKind.JSON, webhook.body))
        assert (identity.event_id, identity.event_type) == (webhook.event_id, webhook.event_type)
    else:
        assert provider.handshake(request, [FAKE_SECRET], NOW_S) is not None


@given(st.sampled_from(MAKERS), times, st.lists(tokens, min_size=2, max_size=2, unique=True))
def test_two_occasions_share_neither_id_nor_body(
    make: Callable[[Occasion], Webhook], now_s: int, pair: list[str]
) -> None:
    first, second = (make(Occasion(now_s, token)) for token in pair)
    assert first.body != second.body
    assert first.event_id != second.event_id or not first.event_id


@pytest.mark.parametrize("act", PROGRAMME, ids=lambda act: act.key)
def test_only_what_is_to_be_tampered_with_differs_from_what_was_signed(act: Act) -> None:
    webhook = act.make(Occasion(NOW_S, "0" * 32))
    body = sent_body(act.ending, webhook)
    assert (body != webhook.body) is (act.ending is Ending.TAMPERED)
    assert json.loads(body), "also tampered with it is JSON: the signature alone gives it away"


def test_the_programme_has_every_ending_and_names_everything_once() -> None:
    assert {act.ending for act in PROGRAMME} == set(Ending)
    assert len({act.key for act in PROGRAMME}) == len(PROGRAMME)
    assert {act.source for act in TRICKLE} == {act.source for act in PROGRAMME}
