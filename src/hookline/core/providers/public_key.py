"""Public keys as people and providers write them: PEM, a certificate, bare base64, DER or a JSON Web Key."""

from __future__ import annotations

from binascii import a2b_base64
from functools import lru_cache
from typing import TypeAlias

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from hookline.core.errors import InvalidInput

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - senders still sign with it
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
#: How keys and certificates in PEM begin (RFC 7468).
PEM = "-----BEGIN "

_NOT_A_KEY = "this public key cannot be read. Copy it again, as PEM with its BEGIN and END lines"


@lru_cache(maxsize=256)
def load_public_key(document: bytes) -> PublicKey:
    """The key in ``document``: PEM, certificate, base64 or DER of SubjectPublicKeyInfo, or a JWK (RFC 7517).

    Raises InvalidInput when there is none of a kind that signs.
    """
    try:
        key = _load(document.strip())
    except (ValueError, TypeError, KeyError, RecursionError, UnsupportedAlgorithm, msgspec.MsgspecError):
        raise InvalidInput(_NOT_A_KEY) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise InvalidInput(_NOT_A_KEY)
    return key


def is_signed_by(key: PublicKey, signature: bytes, message: bytes, algorithm: str) -> bool:
    """Whether ``signature`` is that of ``message``: PKCS #1 v1.5, DER of ECDSA, or Ed25519, as the key asks."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), _HASHES[algorithm])
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(_HASHES[algorithm]))
        else:
            key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def sign_with(private_pem: bytes, message: bytes, algorithm: str) -> bytes:
    """The signature under a private key in PEM. Raises InvalidInput when it is not one."""
    try:
        key = serialization.load_pem_private_key(private_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInput("to sign as this provider does needs a private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), _HASHES[algorithm])
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(_HASHES[algorithm]))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    raise InvalidInput("a key of this kind signs no webhooks")


def _load(document: bytes) -> object:
    if document.startswith(b"{"):
        return _load_jwk(msgspec.json.decode(document, type=dict[str, object]))
    if document.startswith(b"-----") and not document.endswith(b"-----"):
        raise ValueError("something stands behind the END line")
    if b"BEGIN CERTIFICATE" in document:
        return x509.load_pem_x509_certificate(document).public_key()
    if document.startswith(b"-----"):
        return serialization.load_pem_public_key(document)
    if document[:1] == b"0":  # DER begins with a sequence, 0x30
        return serialization.load_der_public_key(document)
    return serialization.load_der_public_key(a2b_base64(b"".join(document.split()), strict_mode=True))


def _load_jwk(key: dict[str, object]) -> object:
    if key.get("kty") == "RSA":
        return rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    if key.get("kty") == "EC":
        curve = _CURVES[str(key["crv"])]
        return ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
    if key.get("kty") == "OKP" and key.get("crv") == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(key["x"]))
    raise ValueError("not a key that signs")


def _number(value: object) -> int:
    return int.from_bytes(_octets(value))


def _octets(value: object) -> bytes:
    text = str(value).encode("ascii").translate(bytes.maketrans(b"-_", b"+/"))
    return a2b_base64(text + b"=" * (-len(text) % 4))
