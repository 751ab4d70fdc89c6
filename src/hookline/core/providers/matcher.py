"""Comparing signatures with what they should be, in constant time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from hmac import compare_digest
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hookline.core.errors import InvalidInput
from hookline.core.providers import jwt
from hookline.core.providers.encoding import decode_signature, encoder, key_decoder
from hookline.core.providers.public_key import is_signed_by, load_public_key
from hookline.core.providers.scheme import Algorithm, Encoding, KeyEncoding, Kind, Scheme, Signature
from hookline.core.signature import keyed_hmac

#: Whether, under this secret, one of these signatures is one of this message. InvalidInput: not a key.
Matcher: TypeAlias = Callable[[str, bytes, list[bytes]], bool]

_DIGEST_BYTES = {
    Algorithm.MD5: 16,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
    Algorithm.SHA384: 48,
    Algorithm.SHA512: 64,
}


def matcher(scheme: Scheme, signature: Signature) -> Matcher:
    """How signatures of ``scheme`` are compared."""
    make = {
        Kind.HMAC: _hmac_matcher,
        Kind.HASH: _hash_matcher,
        Kind.ED25519: _ed25519_matcher,
        Kind.RSA: _public_key_matcher,
        Kind.ECDSA: _public_key_matcher,
    }
    return make[scheme.kind](scheme, signature)


def written_length(scheme: Scheme, signature: Signature) -> int:
    """How many characters a right signature has; 0 when they differ."""
    if scheme.kind in (Kind.RSA, Kind.ECDSA):
        return 0
    size = _DIGEST_BYTES[scheme.algorithm] if scheme.kind in (Kind.HMAC, Kind.HASH) else 64
    return len(encoder(signature.encoding)(bytes(size)))


def key_of(scheme: Scheme) -> Callable[[str], object]:
    """Makes a key out of a secret; raises InvalidInput, without the secret, when it is not one."""
    if scheme.special is not None:
        return scheme.special.check_secret
    if scheme.jwt is not None and scheme.jwt.check_secret is not None:
        return scheme.jwt.check_secret
    if scheme.jwt is not None:
        return jwt.key_bytes if scheme.jwt.algorithms[0].startswith("HS") else key_decoder(KeyEncoding.PUBLIC_KEY)
    decode = key_decoder(scheme.key)
    if scheme.kind is Kind.ED25519:
        return lambda secret: _public_key(decode(secret))
    if scheme.kind is Kind.BASIC_AUTH:
        return _userinfo
    return decode


def _hmac_matcher(scheme: Scheme, signature: Signature) -> Matcher:
    encode, key_encoding, algorithm = encoder(signature.encoding), scheme.key, scheme.algorithm
    lower = signature.encoding is Encoding.HEX_ANY_CASE

    def matches(secret: str, message: bytes, given: list[bytes]) -> bool:
        expected = encode(_keyed(secret, key_encoding, algorithm)(message))
        for text in given:  # noqa: SIM110  (any() over a generator costs as much as the hash of 300 bytes)
            if compare_digest(expected, text.lower() if lower else text):
                return True
        return False

    return matches


def _hash_matcher(scheme: Scheme, signature: Signature) -> Matcher:
    encode, decode_key, algorithm = encoder(signature.encoding), key_decoder(scheme.key), scheme.algorithm.value
    lower = signature.encoding is Encoding.HEX_ANY_CASE

    def matches(secret: str, message: bytes, given: list[bytes]) -> bool:
        expected = encode(hashlib.new(algorithm, decode_key(secret) + message, usedforsecurity=False).digest())
        return any(compare_digest(expected, text.lower() if lower else text) for text in given)

    return matches


def _public_key_matcher(scheme: Scheme, signature: Signature) -> Matcher:
    decode_key, algorithm = key_decoder(scheme.key), scheme.algorithm.value

    def matches(secret: str, message: bytes, given: list[bytes]) -> bool:
        key = load_public_key(decode_key(secret))
        raw = (decode_signature(signature.encoding, text) for text in given)
        return any(is_signed_by(key, one, message, algorithm) for one in raw if one is not None)

    return matches


@lru_cache(maxsize=1024)
def _keyed(secret: str, key_encoding: KeyEncoding, algorithm: Algorithm) -> Callable[[bytes], bytes]:
    """The HMAC under a secret. Sources live for long, so their keys are decoded and mixed in once."""
    return keyed_hmac(key_decoder(key_encoding)(secret), algorithm.value)


def _ed25519_matcher(scheme: Scheme, signature: Signature) -> Matcher:
    decode_key = key_decoder(scheme.key)

    def matches(secret: str, message: bytes, given: list[bytes]) -> bool:
        key = _public_key(decode_key(secret))
        raw = (decode_signature(signature.encoding, text) for text in given)
        return any(_is_signed(key, one, message) for one in raw if one is not None)

    return matches


def _is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_key(raw: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        raise InvalidInput("this Ed25519 public key does not have 32 bytes. Copy it again from the sender") from None


def _userinfo(secret: str) -> bytes:
    if ":" not in secret:
        raise InvalidInput("a basic-auth secret is written `user:password`")
    return key_decoder(KeyEncoding.UTF8)(secret)
