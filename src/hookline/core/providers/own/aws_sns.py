"""Amazon SNS: a signature in the body over some of its members, under a certificate that the message names.

The certificates are Amazon's, not a customer's: whoever has an AWS account can have messages of their own topic signed.
So the secret of a source is the ARN of its topic, and no other topic counts. Behind the ARN, on lines of its own, the
certificate (or its public key) may stand in PEM, for machines that cannot fetch it.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any

import msgspec

from hookline.core.body import BodyKind, ParsedBody
from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import index, occurrences
from hookline.core.model import Request, Response
from hookline.core.providers.encoding import decode_signature
from hookline.core.providers.public_key import is_signed_by, load_public_key, sign_with
from hookline.core.providers.refusal import repeated
from hookline.core.providers.scheme import Encoding, TimeUnit
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special
from hookline.core.providers.timestamp import time_parser, write_time

#: What is signed, in this order; members that are absent or null are left out.
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

_ALGORITHMS = {"1": "sha1", "2": "sha256"}

#: Headers that repeat a member of the body. The members are signed, so the headers must not say something else.
_REPEATED_IN_HEADERS = (
    (b"x-amz-sns-message-id", "MessageId"),
    (b"x-amz-sns-message-type", "Type"),
    (b"x-amz-sns-topic-arn", "TopicArn"),
)

# Amazon's own pattern allows any region of three characters, and so the host of an S3 bucket called `sns` in
# `s3-us-west-2`. Regions have no digit in their first part.
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE_URL = re.compile(_HOST + r"/[A-Za-z0-9_.-]{1,200}\.pem")
_SUBSCRIBE_URL = re.compile(_HOST + r"/\?[!-~]{1,2000}")
_SECRET = re.compile(
    r"(?P<topic>arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,261})"
    r"(?:\s+(?P<key>-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s]+-----END [A-Z ]+-----))?\s*"
)
_EXAMPLE = {
    "Type": "Notification",
    "MessageId": "00000000-0000-4000-8000-000000000001",
    "TopicArn": "arn:aws:sns:us-east-1:000000000000:example",
    "Message": "",
    "SignatureVersion": "2",
    "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
}
_parse_time = time_parser(TimeUnit.ISO)


def verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    """Raises VerificationError unless one of the topics (``secrets``) sent this message."""
    message = _message(request)
    signature = message.get("Signature")
    if not isinstance(signature, str) or not signature:
        raise VerificationError(
            "missing_signature",
            "Amazon SNS proves itself in /Signature of the body, and this request has nothing there. Check that raw "
            "message delivery is off in the subscription: raw messages are not signed",
        )
    _certificate_url(message)
    version = message.get("SignatureVersion")
    algorithm = _ALGORITHMS.get(version) if isinstance(version, str) else None
    if algorithm is None:
        raise VerificationError(
            "unsupported_algorithm",
            "the message has a /SignatureVersion that is not known; there are 1 and 2. Check that the source names "
            "the right provider",
        )
    position, key = _key(message, secrets, certificate)
    raw = decode_signature(Encoding.BASE64, signature.encode("utf-8", "surrogatepass"))
    if raw is None:
        raise VerificationError(
            "malformed_signature",
            "/Signature of the body is not base64. Check that nothing on the way changes the body",
        )
    if not is_signed_by(load_public_key(key), raw, canonical(message), algorithm):
        raise VerificationError(
            "bad_signature",
            "the signature in /Signature of the body is not that of this message under Amazon's certificate. Check "
            "that nothing on the way changes the body",
        )
    _check_headers(request, message)
    if _says_twice(request.body):  # after the proof: it takes long, and nobody else shall make us do it
        raise _malformed("the body has two members of one name")  # which of them counts would be the reader's choice
    return Proof(position, _sent_s(message))


def key_url(request: Request, options: Options) -> str:
    """Where the certificate is. Raises VerificationError for an address that is not one of Amazon SNS."""
    try:
        message = _message(request)
    except VerificationError:
        return ""  # verify says what is wrong
    return _certificate_url(message) if message.get("Signature") else ""


def sign(request: Request, secret: str, now_s: float, options: Options) -> Request:
    """The message as Amazon would sign it under a private key in PEM; it gets the members that it lacks."""
    document = ParsedBody(BodyKind.JSON, request.body).value() if request.body else {}
    if not isinstance(document, dict):
        raise InvalidInput("an Amazon SNS message is a JSON object, and this body is not one")
    message: dict[str, Any] = {**_EXAMPLE, **document}
    if message_id := request.lookup.get(b"x-amz-sns-message-id"):
        message["MessageId"] = message_id.decode("utf-8", "replace")
    message["Timestamp"] = write_time(TimeUnit.ISO, now_s).decode()
    algorithm = _ALGORITHMS.get(str(message["SignatureVersion"]))
    if algorithm is None or any(not isinstance(message.get(name, ""), str | None) for name in SIGNED):
        raise InvalidInput("this is not a message that Amazon SNS could send")
    raw = sign_with(secret.encode("utf-8", "replace"), canonical(message), algorithm)
    message["Signature"] = b2a_base64(raw, newline=False).decode()
    named = {name for name, _ in _REPEATED_IN_HEADERS}
    lines = [line for line in request.headers if line[0].lower() not in named]
    lines += [(name, str(message[member]).encode()) for name, member in _REPEATED_IN_HEADERS]
    return msgspec.structs.replace(
        request, headers=tuple(lines), lookup=index(tuple(lines)), body=msgspec.json.encode(message)
    )


def confirm(request: Request, question: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The answer to a SubscriptionConfirmation: the address that confirms it is to be visited."""
    try:
        message = _message(request)
    except VerificationError:
        return None
    url = message.get("SubscribeURL")
    if message.get("Type") != "SubscriptionConfirmation" or not isinstance(url, str):
        return None
    return Response(200, visit=url) if _SUBSCRIBE_URL.fullmatch(url) else None


def check_secret(secret: str) -> None:
    """Raises InvalidInput when the secret is not the ARN of a topic, with or without a key behind it."""
    found = _SECRET.fullmatch(secret)
    if found is None:
        raise InvalidInput("the secret of an Amazon SNS source is the ARN of its topic, as arn:aws:sns:REGION:…:NAME")
    if found["key"]:
        load_public_key(found["key"].encode())


def canonical(message: dict[str, Any]) -> bytes:
    """What is signed: name and value of each member, a line each."""
    lines = [f"{name}\n{message[name]}\n" for name in SIGNED if message.get(name) is not None]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _message(request: Request) -> dict[str, Any]:
    document = ParsedBody(BodyKind.JSON, request.body).value()
    if not isinstance(document, dict):
        raise _malformed("the body is not a JSON object")
    if any(not isinstance(document.get(name), str | None) for name in SIGNED):
        raise _malformed("a member of the body that is signed is not a text")
    return document


def _malformed(problem: str) -> VerificationError:
    return VerificationError(
        "malformed_body",
        f"{problem}, and an Amazon SNS message is one of texts. Check that raw message delivery is off in the "
        "subscription",
    )


def _says_twice(body: bytes) -> bool:
    twice: list[bool] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        twice.append(len({name for name, _ in pairs}) < len(pairs))

    try:
        json.loads(body.decode("utf-8-sig"), object_pairs_hook=note)
    except (ValueError, RecursionError):
        return True
    return any(twice)


def _certificate_url(message: dict[str, Any]) -> str:
    url = message.get("SigningCertURL")
    if not isinstance(url, str) or not _CERTIFICATE_URL.fullmatch(url):
        raise VerificationError(
            "untrusted_key",
            "/SigningCertURL of the body does not name a certificate of Amazon SNS, https://sns.REGION.amazonaws.com/"
            "….pem. Check that the source names the right provider",
        )
    return url


def _key(message: dict[str, Any], secrets: Sequence[str], certificate: bytes | None) -> tuple[int, bytes]:
    """The position of the topic that the message names, and the key that proves it. Raises VerificationError."""
    named = str(message.get("TopicArn")).encode("utf-8", "surrogatepass")
    usable = False
    for position, secret in enumerate(secrets):
        try:
            check_secret(secret)
        except InvalidInput:
            continue
        usable = True
        found = _SECRET.fullmatch(secret)
        if found is not None and compare_digest(found["topic"].encode(), named):
            return position, found["key"].encode() if found["key"] else _fetched(certificate)
    if not usable:
        raise VerificationError(
            "no_secret",
            "this source has no secret that is the ARN of a topic. Give it the ARN of the topic, exactly as Amazon SNS "
            "shows it",
        )
    raise VerificationError(
        "bad_claim",
        "/TopicArn of the body is not a topic of this source. Check that the subscribed topic is the one whose ARN the "
        "source has as its secret",
    )


def _fetched(certificate: bytes | None) -> bytes:
    if certificate is not None:
        try:
            load_public_key(certificate)
        except InvalidInput:
            certificate = None
    if certificate is None:
        raise VerificationError(
            "key_unavailable",
            "the certificate of Amazon SNS that the message names could not be fetched. Check that this machine can "
            "reach sns.REGION.amazonaws.com over HTTPS, or put the certificate behind the ARN in the secret",
        )
    return certificate


def _check_headers(request: Request, message: dict[str, Any]) -> None:
    for name, member in _REPEATED_IN_HEADERS:
        value = request.lookup.get(name)
        if value is None:
            continue
        if occurrences(request.headers, name) > 1:
            raise repeated(f"the {name.decode()} header")
        if value != str(message.get(member)).encode("utf-8", "surrogatepass"):
            raise VerificationError(
                "body_mismatch",
                f"the signature is right, but the {name.decode()} header does not say what /{member} of the body says. "
                "Check that nothing on the way changes headers",
            )


def _sent_s(message: dict[str, Any]) -> float:
    text = message.get("Timestamp")
    if not text:
        raise VerificationError(
            "missing_timestamp",
            "Amazon SNS writes the time of sending in /Timestamp of the body, and this message has nothing there. "
            "Check that the source names the right provider",
        )
    try:
        return _parse_time(text.encode("utf-8", "surrogatepass"))
    except (ValueError, OverflowError):
        raise VerificationError(
            "malformed_timestamp",
            "/Timestamp of the body is not a time written in `iso`. Check that the source names the right provider",
        ) from None


SNS_RSA = Special(
    words="a signature in the body, under a certificate of Amazon that is fetched, of a topic that the source names",
    is_asymmetric=True,
    verify=verify,
    sign=sign,
    key_url=key_url,
    check_secret=check_secret,
    tolerance_s=3600.0,
)
