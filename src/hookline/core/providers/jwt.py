"""Signed tokens (JWS compact serialisation, RFC 7515; claims of RFC 7519) that speak of the request they came with.

Only algorithms that the row lists count: a token that names another, or ``none``, is refused before its
signature is looked at. A public key never serves as the key of an HMAC.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Request
from hookline.core.providers.public_key import is_signed_by, load_public_key, sign_with
from hookline.core.providers.signed import Options
from hookline.core.providers.special import KeyRequest

#: A token is a header line, and those are bounded; this is what its parts may hold.
MAX_LENGTH = 16_384

Claims: TypeAlias = Mapping[str, Any]

_FROM_URL = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_COORDINATE_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}


@dataclass(frozen=True, slots=True)
class Jwt:
    """What a provider's token must say.

    ``body_hash`` is the claim with the SHA-256 of the body, ``hash_encoding`` how it is written. ``url`` is the claim
    with the address of the endpoint, ``url_hash`` that with its SHA-256 in hexadecimal. ``max_age_s`` bounds ``iat``.
    """

    algorithms: tuple[str, ...]
    claims: tuple[tuple[str, str], ...] = ()  #: those that must have these values
    required: tuple[str, ...] = ()  #: those that must be there: ``exp``, ``nbf``, ``iat``
    body_hash: str = ""
    hash_encoding: str = "hex"  #: or ``base64``
    empty_body_has_hash: bool = True
    url_claim: str = ""
    url_hash: str = ""
    max_age_s: float | None = None
    leeway_s: float = 0.0
    #: Names the document with the public keys, by the token's ``kid``; VerificationError for one that cannot be.
    key_url: Callable[[str, Options], str] | None = None
    #: How to ask for it, by its address, the ``kid`` and the secrets (None: not at all); without this, with a GET.
    key_request: Callable[[str, str, Sequence[str]], KeyRequest | None] | None = None
    #: Raises InvalidInput for a secret that cannot be used, where it may be something else than a key.
    check_secret: Callable[[str], object] | None = None
    #: Further conditions: a sentence for the refusal, or an empty one.
    check: Callable[[Request, Claims], str] = field(default=lambda _request, _claims: "")
    #: The further claims of a genuine token, of a request and its address, where `check` asks for some.
    makes: Callable[[Request, str], Claims] = field(default=lambda _request, _url: {})

    @property
    def covers_body(self) -> bool:
        """Whether the token speaks of every byte of the body."""
        return bool(self.body_hash)

    @property
    def binds_url(self) -> bool:
        """Whether the token speaks of the address."""
        return bool(self.url_claim or self.url_hash)


class Token(msgspec.Struct, frozen=True, gc=False):
    """A token that was read, and not yet believed."""

    algorithm: str
    key_id: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def read_token(text: bytes) -> Token:
    """Take a token apart. Raises ValueError, whatever the bytes."""
    parts = text.split(b".")
    if len(parts) != 3 or len(text) > MAX_LENGTH:
        raise ValueError("not three parts")
    header, claims = (_object(part) for part in parts[:2])
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(key_id, str) or "crit" in header:
        raise ValueError("its header cannot be used")
    return Token(algorithm, key_id, claims, parts[0] + b"." + parts[1], decode_base64url(parts[2]))


def is_proved(token: Token, key: bytes) -> bool:
    """Whether the token is signed under ``key``: the bytes of a secret for HS*, a public key (PEM, DER, JWK) else.

    Raises InvalidInput for a key that is not one.
    """
    bits = token.algorithm[2:]
    if token.algorithm.startswith("HS"):
        return compare_digest(hmac_digest(key, token.signed, f"sha{bits}"), token.signature)
    signature = token.signature
    if token.algorithm in _COORDINATE_BYTES:
        size = _COORDINATE_BYTES[token.algorithm]
        if len(signature) != 2 * size:
            return False
        signature = encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
    return is_signed_by(load_public_key(key), signature, token.signed, f"sha{bits}")


def sign_token(algorithm: str, key: bytes, claims: Claims, key_id: str = "") -> bytes:
    """A token under ``key``: the bytes of a secret for HS*, a private key in PEM else."""
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    signed = _write(header) + b"." + _write(claims)
    bits = algorithm[2:]
    if algorithm.startswith("HS"):
        signature = hmac_digest(key, signed, f"sha{bits}")
    else:
        signature = sign_with(key, signed, f"sha{bits}")
        if algorithm in _COORDINATE_BYTES:
            size = _COORDINATE_BYTES[algorithm]
            signature = b"".join(number.to_bytes(size) for number in decode_dss_signature(signature))
    return signed + b"." + encode_base64url(signature)


def check_claims(
    rules: Jwt, claims: Claims, request: Request, url: str, now_s: float, tolerance_s: float | None
) -> float | None:
    """The time of sending in UTC seconds, None when the token does not say it.

    Raises VerificationError when a claim contradicts the request, the rules or the clock.
    """
    for name, wanted in rules.claims:
        if claims.get(name) != wanted:
            raise _bad_claim(f"`{name}` of the token is not {wanted!r}")
    for name in rules.required:
        if name not in claims:
            raise _bad_claim(f"the token has no `{name}`")
    _check_hashes(rules, claims, request, url)
    if problem := rules.check(request, claims):
        raise _bad_claim(problem)
    return _check_times(rules, claims, now_s, tolerance_s)


def make_claims(rules: Jwt, request: Request, url: str, now_s: float) -> dict[str, Any]:
    """The claims of a genuine token: for tests and ``hookline trigger``."""
    claims: dict[str, Any] = dict(rules.claims)
    if rules.body_hash and (request.body or rules.empty_body_has_hash):
        claims[rules.body_hash] = _hash(request.body, rules.hash_encoding)
    if rules.url_claim:
        claims[rules.url_claim] = url
    if rules.url_hash:
        claims[rules.url_hash] = hashlib.sha256(url.encode()).hexdigest()
    claims.update(rules.makes(request, url))
    return claims | {"iat": int(now_s), "nbf": int(now_s), "exp": int(now_s) + 60}


def decode_base64url(text: bytes) -> bytes:
    """Base64 of the URL alphabet without padding (RFC 7515 §2). Raises ValueError for anything else."""
    if b"=" in text or b"+" in text or b"/" in text:
        raise ValueError("not base64url")
    raw = a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4), strict_mode=True)
    if encode_base64url(raw) != text:
        raise ValueError("stray bits")
    return raw


def encode_base64url(raw: bytes) -> bytes:
    """The inverse of `decode_base64url`."""
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)


def _object(part: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(decode_base64url(part))
    except (msgspec.DecodeError, Base64Error, UnicodeDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _write(value: Claims) -> bytes:
    return encode_base64url(msgspec.json.encode(value))


def _hash(body: bytes, encoding: str) -> str:
    digest = hashlib.sha256(body).digest()
    return b64encode(digest).decode() if encoding == "base64" else digest.hex()


def _check_hashes(rules: Jwt, claims: Claims, request: Request, url: str) -> None:
    if rules.body_hash:
        wanted = _hash(request.body, rules.hash_encoding) if request.body or rules.empty_body_has_hash else None
        if not _same(claims.get(rules.body_hash), wanted):
            raise VerificationError(
                "body_mismatch",
                f"the token is genuine, but its `{rules.body_hash}` is not the hash of this body. Check that "
                "nothing on the way changes the body: compression, re-formatted JSON, an added line end",
            )
    if rules.url_hash and not _same(claims.get(rules.url_hash), hashlib.sha256(url.encode()).hexdigest()):
        raise _wrong_url(rules.url_hash, url)
    if rules.url_claim and not _same(claims.get(rules.url_claim), url):
        raise _wrong_url(rules.url_claim, url)


def _same(given: object, wanted: str | None) -> bool:
    if wanted is None or not isinstance(given, str):
        return given is wanted
    return compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _check_times(rules: Jwt, claims: Claims, now_s: float, tolerance_s: float | None) -> float | None:
    leeway_s = rules.leeway_s if tolerance_s is None else max(rules.leeway_s, tolerance_s)
    times = {name: _seconds(claims, name) for name in ("exp", "nbf", "iat")}
    expires_s, begins_s, issued_s = times["exp"], times["nbf"], times["iat"]
    if expires_s is not None and now_s > expires_s + leeway_s:
        raise _stale(f"its token was good until {now_s - expires_s:.0f} s ago")
    if begins_s is not None and now_s < begins_s - leeway_s:
        raise _future(f"its token is good only in {begins_s - now_s:.0f} s")
    max_age_s = rules.max_age_s if tolerance_s is None else tolerance_s if rules.max_age_s is not None else None
    if max_age_s is not None and issued_s is not None:
        if now_s - issued_s > max_age_s:
            raise _stale(f"its token was made {now_s - issued_s:.0f} s ago and {max_age_s:.0f} s are allowed")
        if issued_s - now_s > max_age_s:
            raise _future(f"its token was made {issued_s - now_s:.0f} s in the future")
    return issued_s


def _seconds(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise _bad_claim(f"`{name}` of the token is not a time")
    return float(value)


def _stale(problem: str) -> VerificationError:
    return VerificationError(
        "stale_timestamp",
        f"the signature is right, but {problem}. Check this machine's clock; if the request was held back on its way, "
        "raise the source's tolerance",
    )


def _future(problem: str) -> VerificationError:
    return VerificationError(
        "future_timestamp", f"the signature is right, but {problem}. Check this machine's clock and the sender's"
    )


def _bad_claim(problem: str) -> VerificationError:
    return VerificationError("bad_claim", f"{problem}. Check that the source names the right provider")


def _wrong_url(claim: str, url: str) -> VerificationError:
    return VerificationError(
        "wrong_url",
        f"the token is genuine, but its `{claim}` is not that of {url.partition('?')[0]}. Behind a proxy, say the "
        "public address with `url` in the `signature` block of the source, or set HOOKLINE_PUBLIC_URL",
    )


def find_key(document: bytes, key_id: str) -> Sequence[bytes]:
    """The keys of a JSON Web Key Set (RFC 7517) that may have signed under ``key_id``; of another document, itself.

    A document with a single key in its member ``key``, as Plaid writes it, is a set of one. A key whose ``expired_at``
    says a time is none.
    """
    try:
        value = msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [document]
    if isinstance(value, dict) and isinstance(value.get("key"), dict):
        value = {"keys": [value["key"]]}
    if not isinstance(value, dict) or not isinstance(value.get("keys"), list):
        return [document]
    keys = [key for key in value["keys"] if isinstance(key, dict) and (not key_id or key.get("kid") == key_id)]
    return [msgspec.json.encode(key) for key in keys[:20] if key.get("expired_at") is None]


def unsupported(algorithm: str, allowed: Sequence[str]) -> VerificationError:
    """A token that names an algorithm which the provider does not use."""
    return VerificationError(
        "unsupported_algorithm",
        f"the token is signed with {algorithm[:20]!r}, and this sender signs with {', '.join(allowed)}. "
        "Check that the source names the right provider",
    )


def key_bytes(secret: str) -> bytes:
    """A secret as the key of an HMAC. A public key is refused: everybody has it."""
    if not secret:
        raise InvalidInput("a secret must not be empty")
    key = secret.encode("utf-8", "surrogatepass")
    if "-----BEGIN" in secret or _is_public(key):
        raise InvalidInput("this is a public key, and the token is signed with a shared secret")
    return key


def _is_public(key: bytes) -> bool:
    """Whether ``key`` is a public key, in whatever form, or a set of them."""
    try:
        load_public_key(key)
    except InvalidInput:
        return find_key(key, "") != [key]
    return True
