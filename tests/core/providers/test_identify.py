"""Which event a request carries."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.providers.identity import MAX_LENGTH, Identity
from hookline.core.providers.registry import all_providers, build_generic, get
from hookline.core.providers.sign import sign

from .making import NOW, SECRETS, request_of


def identify(slug: str, body: bytes, *headers: tuple[bytes, bytes], kind: BodyKind = BodyKind.JSON) -> Identity:
    return get(slug).identify(request_of(headers, body), ParsedBody(kind, body))


def test_stripe_says_both_in_the_body() -> None:
    assert identify("stripe", b'{"id": "evt_1", "type": "invoice.paid"}') == Identity("evt_1", "invoice.paid")


def test_github_appends_the_action() -> None:
    headers = ((b"x-github-delivery", b"d-1"), (b"x-github-event", b"pull_request"))
    assert identify("github", b'{"action": "opened"}', *headers) == Identity("d-1", "pull_request.opened")
    assert identify("github", b'{"zen": "x"}', *headers) == Identity("d-1", "pull_request")
    assert identify("github", b"{", *headers) == Identity("d-1", "pull_request")
    assert identify("github", b'{"action": {"a": 1}}', *headers) == Identity("d-1", "pull_request")


def test_shopify_is_known_by_the_webhook_not_by_the_action_behind_several_topics() -> None:
    headers = (
        (b"x-shopify-hmac-sha256", b"x"),
        (b"x-shopify-event-id", b"one-action"),
        (b"x-shopify-webhook-id", b"w-1"),
        (b"x-shopify-topic", b"orders/create"),
    )
    assert identify("shopify", b"{}", *headers) == Identity("w-1", "orders/create")
    newer = ((b"shopify-hmac-sha256", b"x"), (b"shopify-webhook-id", b"w-2"), (b"shopify-topic", b"orders"))
    assert identify("shopify", b"{}", *newer) == Identity("w-2", "orders")


@pytest.mark.parametrize(
    ("kind", "body", "event_id", "event_type"),
    [
        (BodyKind.JSON, b'{"event_id":"Ev1","type":"event_callback","event":{"type":"app_home"}}', "Ev1", "app_home"),
        (BodyKind.JSON, b'{"type":"app_rate_limited"}', "", "app_rate_limited"),
        (BodyKind.FORM, b"command=%2Fdeploy&trigger_id=1.7", "1.7", "/deploy"),
        (BodyKind.FORM, b"payload=%7B%22type%22%3A%22shortcut%22%2C%22trigger_id%22%3A%221.2%22%7D", "1.2", "shortcut"),
    ],
)
def test_slack_speaks_in_events_commands_and_interactions(
    kind: BodyKind, body: bytes, event_id: str, event_type: str
) -> None:
    assert identify("slack", body, kind=kind) == Identity(event_id, event_type)


def test_a_standard_webhooks_id_is_that_of_the_spelling_that_was_signed() -> None:
    provider, secret = get("standard_webhooks"), SECRETS["standard_webhooks"]
    body = b'{"type": "user.created"}'
    captured = sign(provider, body=body, secret=secret, now_s=NOW, event_id="msg_1", event_type="", scheme="svix")
    replayed = request_of((*captured, (b"webhook-id", b"msg_never_seen")), body)
    assert provider.verify(replayed, [secret], NOW).scheme == "svix"
    assert provider.identify(replayed, ParsedBody(BodyKind.JSON, body)) == Identity("msg_1", "user.created")


#: Senders whose events have no id of their own, or one that means something else (a payment, an envelope).
WITHOUT_ID = """
adyen airtable alertmanager asana ashby bigcommerce braintree brevo cal_com calendly clickup cloudflare cursor
deepgram docusign doppler dropbox dropbox_sign elevenlabs figma front grafana huggingface jenkins
lemon_squeezy mailchimp mailersend mailjet mandrill messagebird meta mongodb_atlas netlify none npm onfleet
paystack pipedrive plaid plivo pusher recurly sendbird tiktok unisender_go vonage webflow websub woocommerce x
xero zoom
"""
#: Senders who write the id where they do not sign: the replay guard watches their bodies.
UNSIGNED_ID = """
assemblyai auth0 aws_sns bitbucket buildkite chargebee cloudevents contentful convoy datadog eventbridge gitea
github gitlab google_push jira linear mailgun mercado_pago microsoft_graph modern_treasury mollie monday okta
paypal postmark razorpay revenuecat salesforce sanity sentry shopify sinch sparkpost supabase telegram twilio
wise
"""


def test_which_providers_sign_the_id() -> None:
    without_any = {
        row.slug for row in all_providers() if not any(scheme.event_id or row.event_id for scheme in row.schemes)
    }
    unsigned = {row.slug for row in all_providers() if not row.id_is_signed} - without_any
    assert without_any == set(WITHOUT_ID.split())
    assert unsigned == set(UNSIGNED_ID.split())


def test_a_number_within_a_channel_is_an_id_only_together_with_it() -> None:
    def of(channel: bytes) -> str:
        lines = ((b"x-goog-channel-id", channel), (b"x-goog-message-number", b"7"))
        return identify("google_push", b"", *lines).event_id

    assert of(b"a") == "a/7"
    assert of(b"b") == "b/7"


def test_a_batch_has_an_id_only_when_it_holds_one_item() -> None:
    def of(*items: dict[str, str]) -> Identity:
        return identify("sendgrid", msgspec.json.encode(items))

    first, second = {"sg_event_id": "1", "event": "open"}, {"sg_event_id": "2", "event": "click"}
    assert of(first) == Identity("1", "open")
    assert of(first, first) == Identity("", "open")
    assert of(first, second) == Identity("", "batch")
    assert of() == Identity("", "")


def test_a_generic_source_takes_the_first_place_that_has_something() -> None:
    provider = build_generic(
        {"header": "X-Sig", "event_id": ["header:X-Id", "body:/meta/id"], "event_type": "query:kind"}
    )
    body = b'{"meta": {"id": 7}}'
    request = request_of([], body, query=b"kind=a.b")
    assert provider.identify(request, ParsedBody(BodyKind.JSON, body)) == Identity("7", "a.b")
    request = request_of([(b"x-id", b"h")], body)
    assert provider.identify(request, ParsedBody(BodyKind.JSON, body)) == Identity("h", "")


def test_an_id_in_an_xml_body_is_found() -> None:
    provider = build_generic({"header": "X-Sig", "event_id": "body:/order/@id", "event_type": "body:/order/kind"})
    body = b'<order id="9"><kind>paid</kind></order>'
    assert provider.identify(request_of([]), ParsedBody(BodyKind.XML, body)) == Identity("9", "paid")


def test_long_ids_that_differ_only_at_the_end_stay_different() -> None:
    one, other = (identify("stripe", msgspec.json.encode({"id": "x" * 1000 + end})).event_id for end in ("a", "b"))
    assert one != other
    assert len(one) == len(other) == MAX_LENGTH


def test_control_characters_do_not_reach_ids() -> None:
    body = b'{"id": " e\\u0000v\\u001b[31m\\u202e\\n1 ", "type": "\\u00e9"}'
    assert identify("stripe", body) == Identity("ev[31m1", "é")
    assert identify("github", b"", (b"x-github-event", b"a\x00\xff\x7f")).event_type == "a\ufffd"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "event", "action", "payload", "event_id"]), inner, max_size=4)
    ),
    max_leaves=8,
)
any_body = (
    st.binary(max_size=200)
    | json_values.map(lambda value: msgspec.json.encode(value))
    | st.dictionaries(
        st.sampled_from(["payload", "command", "trigger_id", "ssl_check"]), st.text(max_size=20), max_size=4
    ).map(lambda form: "&".join(f"{key}={value}" for key, value in form.items()).encode("utf-8", "replace"))
)
any_headers = st.lists(
    st.tuples(
        st.sampled_from([b"x-github-event", b"x-github-delivery", b"svix-id", b"webhook-id", b"x-shopify-topic"]),
        st.binary(max_size=400),
    ),
    max_size=4,
)


@given(st.sampled_from(all_providers()), any_headers, any_body, st.sampled_from(list(BodyKind)))
@settings(max_examples=500)
def test_any_request_has_an_identity_that_is_safe_to_store(
    provider: Any, headers: list[tuple[bytes, bytes]], body: bytes, kind: BodyKind
) -> None:
    identity = provider.identify(request_of(headers, body), ParsedBody(kind, body))
    for text in (identity.event_id, identity.event_type):
        assert len(text) <= MAX_LENGTH
        assert text.encode().decode() == text
        assert not any(ord(character) < 32 or ord(character) == 127 for character in text)
