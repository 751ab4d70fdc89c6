"""HubSpot signs the method, the address and the body, in versions that differ in how, and names the version.

Version 2 is a bare hash with the secret in front. What is signed as one version must not count as another, so a
request proves itself as version 2 only where X-HubSpot-Signature-Version says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from hmac import compare_digest

from hookline.core.errors import VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request, full_url
from hookline.core.providers.encoding import key_decoder
from hookline.core.providers.refusal import repeated
from hookline.core.providers.scheme import KeyEncoding
from hookline.core.providers.sign import put
from hookline.core.providers.signed import Options, Signed
from hookline.core.providers.special import Proof, Special, first_fitting
from hookline.core.providers.where import header

SIGNATURE = header("X-HubSpot-Signature")
VERSION = header("X-HubSpot-Signature-Version")
TIMESTAMP = header("X-HubSpot-Request-Timestamp")

_NAMES = tuple(place.name.lower().encode() for place in (SIGNATURE, VERSION))

#: What HubSpot decodes in an address before it signs it: : / ? @ ! $ ' ( ) * , ;
_DECODED = re.compile(rb"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)

#: How what is signed as version 2 begins. The header that names the version is not signed.
_BEGINS_AS_V2 = re.compile(rb"[A-Z]{3,7}https?://")

_key = key_decoder(KeyEncoding.UTF8)


def _make_v1(request: Request, _timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    if _BEGINS_AS_V2.match(request.body):
        raise VerificationError(
            "malformed_body",
            "this body is what HubSpot signs as version 2, method and address included. Check that nothing on the way "
            "changes the body or removes X-HubSpot-Signature-Version",
        )
    return (request.body,)


BODY_ALONE = Signed("the body", _make_v1)


def _start(request: Request, url: bytes) -> bytes:
    return request.method.upper().encode("utf-8", "replace") + url


def _url(request: Request) -> bytes:
    return full_url(request).encode("utf-8", "replace")


def _make_v3(request: Request, timestamp: bytes, _options: Options) -> tuple[bytes, ...]:
    url = _url(request)
    decoded = _DECODED.sub(lambda found: bytes([int(found[1], 16)]), url)
    urls = (decoded,) if decoded == url else (decoded, url)
    return tuple(_start(request, one) + request.body + timestamp for one in urls)


V3 = Signed(
    words="the method, the address, the body and the timestamp",
    make=_make_v3,
    binds_url=True,
    covers=(TIMESTAMP,),
)


def _says_v2(request: Request) -> bool:
    return request.lookup.get(_NAMES[1]) == b"v2"


def _hash_v2(request: Request, secret: str) -> bytes:
    message = _key(secret) + _start(request, _url(request)) + request.body
    return hashlib.sha256(message).hexdigest().encode()


def _verify_v2(request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options) -> Proof:
    given = request.lookup.get(_NAMES[0])
    if not given:
        raise VerificationError(
            "missing_signature",
            "HubSpot proves itself in the X-HubSpot-Signature header, and this request has nothing there. Check that "
            "the source names the right provider, and that nothing on the way removes it",
        )
    for name in _NAMES:
        if occurrences(request.headers, name) > 1:
            raise repeated(f"the {name.decode()} header")
    if not _says_v2(request):
        raise VerificationError(
            "missing_header",
            "X-HubSpot-Signature-Version does not say `v2`. Check that nothing on the way removes it, and which "
            "version this source asks for",
        )
    no_secret = VerificationError("no_secret", "this source has no secret. Give it the client secret of the app")
    position = first_fitting(secrets, lambda secret: compare_digest(_hash_v2(request, secret), given), no_secret)
    if position >= 0:
        return Proof(position)
    raise VerificationError(
        "bad_signature",
        "the hash in the X-HubSpot-Signature header is not that of this request under any secret of this source. Check "
        "that the client secret is the same on both sides, that the source's address is the one HubSpot calls, and "
        "that nothing on the way changes the body",
    )


def _sign_v2(request: Request, secret: str, _now_s: float, _options: Options) -> Request:
    return put(put(request, VERSION, b"v2"), SIGNATURE, _hash_v2(request, secret))


V2 = Special(
    words="the SHA-256 of the secret, the method, the address and the body",
    verify=_verify_v2,
    sign=_sign_v2,
    is_present=lambda request: _NAMES[0] in request.lookup and _says_v2(request),
    check_secret=_key,
    binds_url=True,
)
