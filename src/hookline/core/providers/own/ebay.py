"""eBay: an ECDSA signature of the body, inside a JSON document that is a header; and the challenge of an endpoint.

The secret is eBay's public key. eBay hands it out only to applications that sign in with OAuth, so nothing is fetched.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request, Response, full_url
from hookline.core.providers.encoding import decode_signature
from hookline.core.providers.handshake import json_response
from hookline.core.providers.options import URL, Option
from hookline.core.providers.public_key import is_signed_by, load_public_key, sign_with
from hookline.core.providers.refusal import repeated
from hookline.core.providers.scheme import Encoding
from hookline.core.providers.sign import put
from hookline.core.providers.signed import Options
from hookline.core.providers.special import Proof, Special
from hookline.core.providers.where import header

VERIFICATION_TOKEN = Option(
    "verification_token",
    "the verification token that you chose at eBay; without it no challenge is answered",
    secret=True,
)

_SIGNATURE = "X-EBAY-SIGNATURE"
_LONGEST = 4_096  #: genuine headers have some 250 characters
_EXAMPLE_KEY_ID = "00000000-0000-4000-8000-000000000000"
_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
_QUESTION = re.compile(rb"[A-Za-z0-9._~-]{1,256}")


def public_key(document: bytes) -> ec.EllipticCurvePublicKey:
    """eBay's key: PEM, also on a single line as eBay writes it, or the answer of getPublicKey as it is.

    Raises InvalidInput when ``document`` holds no such key.
    """
    text = _key_in(document.strip())
    if text.startswith(_BEGIN) and text.endswith(_END):
        text = b"\n".join((_BEGIN, text[len(_BEGIN) : -len(_END)].strip(), _END))
    key = load_public_key(text)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInput("eBay signs under keys of an elliptic curve, and this is another kind of key")
    return key


def check_secret(secret: str) -> None:
    """Raise InvalidInput, without the secret in it, when it cannot be used."""
    public_key(_bytes(secret))


def answer_challenge(request: Request, question: bytes, secrets: Sequence[str], options: Options) -> Response | None:
    """The hash of the question, the verification token and our address; None without a token.

    The address is what `url` says, else that which was called, without its query.
    """
    token = options.get(VERIFICATION_TOKEN.name, "")
    if not token or not _QUESTION.fullmatch(question):
        return None
    address = options.get(URL.name, "") or full_url(request).partition("?")[0]
    digest = hashlib.sha256(question + _bytes(token) + _bytes(address))
    return json_response({"challengeResponse": digest.hexdigest()})


def _verify(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    signature = _read_signature(request)
    usable = False
    for position, secret in enumerate(secrets):
        try:
            key = public_key(_bytes(secret))
        except InvalidInput:
            continue
        usable = True
        if is_signed_by(key, signature, request.body, "sha1"):
            return Proof(position)
    if certificate is not None:
        usable = True
        if is_signed_by(_given_key(certificate), signature, request.body, "sha1"):
            return Proof(-1)
    if not usable:
        raise VerificationError(
            "no_secret",
            "this source has no public key of eBay. Give it the key whose id is `kid` of the "
            f"{_SIGNATURE} header, in PEM, as getPublicKey of eBay's Notification API shows it",
        )
    raise VerificationError(
        "bad_signature",
        f"the signature in the {_SIGNATURE} header is not that of this body under any public key of this source. Check "
        "that the key is that of eBay's production or sandbox, whichever sends, and that nothing on the way changes "
        "the body: compression, re-formatted JSON, an added line end",
    )


def _sign(request: Request, secret: str, now_s: float, options: Options) -> Request:
    signature = b2a_base64(sign_with(_bytes(secret), request.body, "sha1"), newline=False)
    document = {"alg": "ecdsa", "kid": _EXAMPLE_KEY_ID, "signature": signature.decode(), "digest": "SHA1"}
    return put(request, header(_SIGNATURE), b2a_base64(msgspec.json.encode(document), newline=False))


def _read_signature(request: Request) -> bytes:
    if occurrences(request.headers, _SIGNATURE.encode()) > 1:
        raise repeated(f"the {_SIGNATURE} header")
    text = request.lookup.get(_SIGNATURE.lower().encode(), b"")
    if not text:
        raise VerificationError(
            "missing_signature",
            f"eBay proves itself in the {_SIGNATURE} header, and this request has nothing there. Check that nothing "
            "on the way removes it",
        )
    document = _read_header(text)
    algorithm, digest = document.get("alg"), document.get("digest")
    if not (isinstance(algorithm, str) and algorithm.lower() == "ecdsa" and digest == "SHA1"):
        raise VerificationError(
            "unsupported_algorithm",
            f"the {_SIGNATURE} header does not name ECDSA with SHA1, and eBay signs with nothing else. Check that the "
            "source names the right provider",
        )
    written = document.get("signature")
    signature = decode_signature(Encoding.BASE64, _bytes(written)) if isinstance(written, str) else None
    if signature is None:
        raise _malformed("holds no signature written in base64")
    return signature


def _read_header(text: bytes) -> dict[str, object]:
    raw = decode_signature(Encoding.BASE64, text) if len(text) <= _LONGEST else None
    if raw is None:
        raise _malformed("is not base64")
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _malformed("holds no JSON object")
    return document


def _malformed(problem: str) -> VerificationError:
    return VerificationError(
        "malformed_signature",
        f"the {_SIGNATURE} header {problem}. Check that the source names the right provider and that nothing on the "
        "way changes headers",
    )


def _given_key(certificate: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return public_key(certificate)
    except InvalidInput:
        raise VerificationError(
            "key_unavailable",
            "what was given as eBay's public key is not one, so nothing can be said about the signature. Check that "
            "it is the answer of getPublicKey of eBay's Notification API",
        ) from None


def _key_in(document: bytes) -> bytes:
    """The member ``key`` of the answer of getPublicKey; any other document as it is."""
    if not document.startswith(b"{"):
        return document
    try:
        answer = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("this begins like JSON and is not. Give the public key of eBay, in PEM") from None
    key = answer.get("key")
    return _bytes(key).strip() if isinstance(key, str) else document


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


SPECIAL = Special(
    words="an ECDSA signature of the body, inside a JSON document in a header",
    is_asymmetric=True,
    verify=_verify,
    sign=_sign,
    check_secret=check_secret,
)
