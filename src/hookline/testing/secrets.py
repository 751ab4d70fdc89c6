"""Secrets and key pairs of the form that a provider's scheme needs, made on the spot: for tests and trials."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import KeyEncoding, Kind, Scheme

_PEM = serialization.Encoding.PEM


class Pair(msgspec.Struct, frozen=True):
    """What signs, and what verifies: the same text for shared secrets, a private and a public key else."""

    signing: str
    verifying: str

    def __repr__(self) -> str:
        return "Pair(…)"


def new_pair(provider: Provider, scheme: Scheme) -> Pair:
    """A secret, or a pair of keys, that this scheme of a provider can use; random."""
    if provider.slug in _OWN and scheme.special is not None:
        return _OWN[provider.slug]()
    if scheme.kind is Kind.ED25519:
        return _ed25519(scheme.key)
    algorithm = scheme.jwt.algorithms[0] if scheme.jwt else ""
    if scheme.kind is Kind.RSA or algorithm.startswith(("RS", "PS")):
        return rsa_pair()
    if scheme.kind is Kind.ECDSA or algorithm.startswith("ES"):
        return ec_pair()
    return _shared(new_secret(scheme))


def new_secret(scheme: Scheme) -> str:
    """A shared secret in the form that the scheme reads."""
    raw = os.urandom(32)
    if scheme.kind is Kind.BASIC_AUTH:
        return f"hookline:{raw.hex()}"
    if scheme.key is KeyEncoding.WHSEC_BASE64:
        return "whsec_" + b64encode(raw).decode()
    return b64encode(raw).decode() if scheme.key is KeyEncoding.BASE64 else raw.hex()


def rsa_pair() -> Pair:
    """A private RSA key of 2048 bits and its public key, both in PEM."""
    return _pem_pair(rsa.generate_private_key(public_exponent=65_537, key_size=2_048))


def ec_pair() -> Pair:
    """A private key on the curve P-256 and its public key, both in PEM."""
    return _pem_pair(ec.generate_private_key(ec.SECP256R1()))


def _behind(name: str, keys: Pair) -> Pair:
    """Keys behind a name, in one secret: of senders whose secret is the name of something."""
    return Pair(f"{name}\n{keys.signing}", f"{name}\n{keys.verifying}")


def _sns_pair() -> Pair:
    keys = rsa_pair()
    return Pair(keys.signing, f"{SNS_TOPIC}\n{keys.verifying}")


def _shared(secret: str) -> Pair:
    return Pair(secret, secret)


def _ed25519(encoding: KeyEncoding) -> Pair:
    key = Ed25519PrivateKey.generate()
    private, public = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    if encoding is KeyEncoding.HEX:
        return Pair(private.hex(), public.hex())
    prefixes = ("whsk_", "whpk_") if encoding is KeyEncoding.WHPK_BASE64 else ("", "")
    return Pair(prefixes[0] + b64encode(private).decode(), prefixes[1] + b64encode(public).decode())


def _pem_pair(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Pair:
    public = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Pair(_private(key), public.decode())


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


#: The topic that the guide's samples come from.
SNS_TOPIC = "arn:aws:sns:eu-west-1:000000000000:orders-demo"

#: For schemes that a provider has a file of its own for.
_OWN: dict[str, Callable[[], Pair]] = {
    "aws_sns": _sns_pair,
    "ebay": ec_pair,
    "kinde": rsa_pair,
    "paypal": lambda: _behind("WH-NOT-A-REAL-ID", rsa_pair()),
}
