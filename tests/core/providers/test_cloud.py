"""What the rows of cloud.py refuse and answer beyond the vectors."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import msgspec
import pytest

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.providers.jwt import make_claims, sign_token
from hookline.core.providers.own.contentful import signed_path
from hookline.core.providers.registry import get
from hookline.core.providers.sign import sign_request

from .making import NOW, SNS_TOPIC, ec_pair, request_of, rsa_pair, sample_of


def sns_request(**members: object) -> Request:
    provider = get("aws_sns")
    kind, body = sample_of(provider, provider.schemes[0])
    body = json.dumps({**json.loads(body), **members}).encode()
    return sign_request(provider, body=body, secret=rsa_pair()[0], now_s=NOW, content_type=kind)


def sns_cause(request: Request, secrets: list[str] | None = None, certificate: bytes | None = None) -> str:
    with pytest.raises(VerificationError) as refusal:
        get("aws_sns").verify(
            request, [f"{SNS_TOPIC}\n{rsa_pair()[1]}"] if secrets is None else secrets, NOW, None, certificate
        )
    return refusal.value.cause


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    lines = (*((n, v) for n, v in request.headers if n != name), (name, value))
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


def test_headers_of_sns_must_say_what_the_body_says() -> None:
    request = sns_request()
    assert request.lookup[b"x-amz-sns-message-type"] == b"Notification"
    for name in (b"x-amz-sns-message-id", b"x-amz-sns-message-type", b"x-amz-sns-topic-arn"):
        assert sns_cause(with_header(request, name, b"other")) == "body_mismatch"


def test_sns_counts_only_for_the_topics_of_the_source() -> None:
    request = sns_request()
    assert sns_cause(request, [SNS_TOPIC + "x\n" + rsa_pair()[1]]) == "bad_claim"
    assert sns_cause(request, [SNS_TOPIC]) == "key_unavailable"
    assert sns_cause(request, [SNS_TOPIC], b"<html>") == "key_unavailable"
    assert get("aws_sns").verify(request, [SNS_TOPIC], NOW, None, rsa_pair()[1].encode()).secret_index == 0
    twice = msgspec.structs.replace(request, body=b'{"Message":"evil",' + request.body[1:])
    assert sns_cause(twice) == "malformed_body"
    raw = request_of([(b"x-amz-sns-rawdelivery", b"true")], b'{"a": 1}')
    assert sns_cause(raw) == "missing_signature"
    for body in (
        b"[" * 100000,
        b'{"Message": ' + b"9" * 6000 + b"}",
        b'{"Signature":"\\ud800"}',
        b"\xff",
        b"",
        b"eyJ.e30.x",
    ):
        assert sns_cause(request_of([], body))


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.s3-us-west-2.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.evil.com/x.pem",
        "https://sns.us-east-1.amazonaws.com:8443/x.pem",
        "https://a@sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem\n",
        "https://sns.us-east-1.amazonaws.com/x?a.pem",
        "https://sns.us-east-1.amazonaws.com@evil.com/x.pem",
        7,
        None,
    ],
)
def test_a_certificate_of_sns_is_fetched_from_amazon_only(url: object) -> None:
    request = sns_request(SigningCertURL=url)
    with pytest.raises(VerificationError) as refusal:
        get("aws_sns").key_url(request)
    assert refusal.value.cause == "untrusted_key"
    assert sns_cause(request) == "untrusted_key"
    for good in ("us-east-1", "us-gov-west-1", "ap-southeast-2"):
        assert get("aws_sns").key_url(sns_request(SigningCertURL=f"https://sns.{good}.amazonaws.com/S-1.pem"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/?Action=ConfirmSubscription",
        "http://sns.us-east-1.amazonaws.com/?a",
        None,
        "https://sns.us-east-1.amazonaws.com:1/?a",
    ],
)
def test_a_subscription_is_confirmed_at_amazon_only(url: object) -> None:
    request = sns_request(Type="SubscriptionConfirmation", SubscribeURL=url, Token="t")
    secrets = [f"{SNS_TOPIC}\n{rsa_pair()[1]}"]
    assert get("aws_sns").handshake(request, secrets, NOW) is None
    good = sns_request(
        Type="SubscriptionConfirmation",
        SubscribeURL="https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&T=1",
        Token="t",
    )
    answer = get("aws_sns").handshake(good, secrets, NOW)
    assert answer is not None and answer.visit.startswith("https://sns.eu-west-1.amazonaws.com/")
    assert get("aws_sns").handshake(good, [SNS_TOPIC + "y\n" + rsa_pair()[1]], NOW) is None


def test_the_secret_of_sns_is_an_arn() -> None:
    get("aws_sns").check_secret(SNS_TOPIC)
    for bad in ("", "x", SNS_TOPIC + " x", SNS_TOPIC + "\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"):
        with pytest.raises(InvalidInput):
            get("aws_sns").check_secret(bad)


def ask(slug: str, query: str, block: dict[str, str] | None = None) -> bytes | None:
    provider = get(slug).configured(block) if block else get(slug)
    response = provider.handshake(request_of([], method="GET", query=query.encode()), ["s"], NOW)
    return None if response is None else response.body


def test_websub_confirms_what_is_meant() -> None:
    q = "hub.mode={}&hub.topic=https%3A%2F%2Fa.example%2Ffeed&hub.challenge=abc&hub.lease_seconds=9"
    topic = {"topic": "https://b.example/ https://a.example/feed"}
    assert ask("websub", q.format("subscribe")) == b"abc"
    assert ask("websub", q.format("unsubscribe")) == b"abc"
    assert ask("websub", q.format("subscribe"), topic) == b"abc"
    assert ask("websub", q.format("unsubscribe"), topic) is None
    assert ask("websub", q.format("subscribe"), {"topic": "https://c"}) is None
    assert ask("websub", q.format("unsubscribe"), {"topic": "https://c"}) == b"abc"
    assert ask("websub", "hub.mode=denied&hub.topic=x") == b""
    assert ask("websub", q.format("other")) is None
    assert ask("websub", "hub.mode=subscribe&hub.challenge=abc") is None
    assert ask("websub", q.format("subscribe") + "&hub.topic=y") is None


def test_kinde_is_proved_by_a_key_or_at_an_address() -> None:
    provider = get("kinde")
    request = sign_request(
        provider, body=b'{"type":"user.created","event_id":"event_1"}', secret=rsa_pair()[0], now_s=NOW, event_id="w"
    )
    assert request.lookup[b"content-type"] == b"application/jwt"
    assert provider.identify(request, ParsedBody(BodyKind.JSON, request.body)) == provider.identify(
        request, ParsedBody(BodyKind.JSON, b'{"type":"user.created","event_id":"event_1"}')
    )
    wanted = provider.key_request(request, ["x", "https://you.kinde.com"])
    assert wanted is not None and wanted.url == "https://you.kinde.com/.well-known/jwks.json"
    assert provider.key_request(request, [rsa_pair()[1]]) is None
    assert provider.fetches_keys
    verified = provider.verify(request, ["https://you.kinde.com"], NOW, None, rsa_pair()[1].encode())
    assert verified.secret_index == 0
    for secrets, cert, cause in (
        (["https://you.kinde.com"], None, "key_unavailable"),
        (["https://you.kinde.com"], b"{}", "key_unavailable"),
        (["https://you.kinde.com"], ec_pair()[1].encode(), "bad_signature"),
        ([], rsa_pair()[1].encode(), "no_secret"),
    ):
        with pytest.raises(VerificationError) as refusal:
            provider.verify(request, secrets, NOW, None, cert)
        assert refusal.value.cause == cause, cause
    none = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=") + b"." + request.body.split(b".")[1] + b"." + b"AA"
    hs = sign_token("HS256", rsa_pair()[1].encode(), {"type": "x"})
    for body in (none, hs):
        with pytest.raises(VerificationError) as refusal:
            provider.verify(request_of([], body), [rsa_pair()[1]], NOW, None)
        assert refusal.value.cause == "unsupported_algorithm"
    deep = (
        urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=")
        + b"."
        + urlsafe_b64encode(b"[" * 90000).rstrip(b"=")
        + b".AA"
    )
    with pytest.raises(VerificationError):
        provider.verify(request_of([], deep), [rsa_pair()[1]], NOW, None)


def test_a_public_key_of_fusionauth_is_no_shared_secret() -> None:
    provider = get("fusionauth")
    pem = rsa_pair()[1]
    bare = "".join(pem.strip().splitlines()[1:-1])
    for secret in (pem, bare):
        rules = provider.schemes[0].jwt
        assert rules is not None
        token = sign_token("HS256", secret.encode(), make_claims(rules, request_of([], b"{}"), "", NOW))
        with pytest.raises(VerificationError):
            provider.verify(request_of([(b"x-fusionauth-signature-jwt", token)], b"{}"), [secret], NOW, None)
    signed = sign_request(provider, body=b"{}", secret=rsa_pair()[0], now_s=NOW, scheme="jwt-public-key")
    assert provider.verify(signed, [bare], NOW).scheme == "jwt-public-key"
    assert (
        provider.configured({"issuer": "https://auth.example.com/"}).key_url(signed)
        == "https://auth.example.com/.well-known/jwks.json"
    )
    assert provider.key_url(signed) == ""
    with pytest.raises(VerificationError):
        provider.configured({"issuer": "http://auth.example.com"}).key_url(signed)


def test_contentful_encodes_a_query_twice() -> None:
    assert signed_path("https://h.example/a b%20?x=1&y=a%20b") == "/a%20b%2520?x%253D1%2526y%253Da%252520b"
    assert signed_path("https://h.example") == "/"
    assert signed_path("https://h.example/ü") == "/%C3%BC"


def test_cloudevents_grants_only_what_is_a_name_and_a_rate() -> None:
    answer = get("cloudevents").handshake(
        request_of([(b"webhook-request-origin", b"a.example"), (b"webhook-request-rate", b"x\r\ny")], method="OPTIONS"),
        [],
        NOW,
    )
    assert answer is not None and dict(answer.headers)[b"webhook-allowed-rate"] == b"*"
    assert (
        get("cloudevents").handshake(request_of([(b"webhook-request-origin", b"a\r\nb")], method="OPTIONS"), [], NOW)
        is None
    )


def test_deepgram_is_proved_by_a_secret_in_its_extra_metadata() -> None:
    body = b'{"metadata":{"request_id":"r","extra":{"callback_secret":"abc"}}}'
    request = request_of([(b"content-type", b"application/json")], body)
    assert get("deepgram").verify(request, ["abc"], NOW).scheme == "extra"
