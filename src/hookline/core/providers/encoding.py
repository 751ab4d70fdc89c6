"""Writing signatures and reading keys, strictly: what is not exactly the encoding is refused.

Signatures are compared in their written form. So a base64 text with stray bits, trailing garbage or
other padding never equals the one we write, whatever a lenient decoder would make of it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64, hexlify
from collections.abc import Callable

from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.providers.public_key import load_public_key
from hookline.core.providers.scheme import Encoding, KeyEncoding
from hookline.core.signature import PUBLIC, decode_base64_key, decode_secret

_HEX = re.compile(rb"[0-9a-fA-F]+")
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]+={0,2}")


def encoder(encoding: Encoding) -> Callable[[bytes], bytes]:
    """How a signature's bytes are written."""
    if encoding in (Encoding.HEX, Encoding.HEX_ANY_CASE):
        return hexlify
    if encoding is Encoding.BASE64URL_BARE:
        return _base64url_bare
    return _base64 if encoding is Encoding.BASE64 else urlsafe_b64encode


def is_written_in(encoding: Encoding, text: bytes) -> bool:
    """Whether ``text`` could be a signature in this encoding at all, of whatever length."""
    if encoding in (Encoding.HEX, Encoding.HEX_ANY_CASE):
        return _HEX.fullmatch(text) is not None
    if encoding is Encoding.BASE64URL:
        return _BASE64URL.fullmatch(text) is not None
    if encoding is Encoding.BASE64URL_BARE:
        return _BASE64URL.fullmatch(text) is not None and b"=" not in text and len(text) % 4 != 1
    try:
        return bool(a2b_base64(text, strict_mode=True))
    except Base64Error:
        return False


def decode_signature(encoding: Encoding, text: bytes) -> bytes | None:
    """The bytes of a written signature; None unless ``text`` is exactly how we would write them."""
    try:
        if encoding in (Encoding.HEX, Encoding.HEX_ANY_CASE):
            raw = bytes.fromhex(text.decode("ascii"))
        elif encoding is Encoding.BASE64:
            raw = a2b_base64(text, strict_mode=True)
        else:
            padding = b"=" * (-len(text) % 4) if encoding is Encoding.BASE64URL_BARE else b""
            raw = a2b_base64(text.translate(_FROM_URL) + padding, strict_mode=True)
    except (Base64Error, ValueError):
        return None
    given = text.lower() if encoding is Encoding.HEX_ANY_CASE else text
    return raw if encoder(encoding)(raw) == given else None


def key_decoder(encoding: KeyEncoding) -> Callable[[str], bytes]:
    """How a secret becomes a key; the function raises InvalidInput, which never contains the secret."""
    try:
        return _KEYS[encoding]
    except KeyError:
        raise ConfigError(f"`{encoding}` is not one of {', '.join(_KEYS)}") from None


def _base64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False)


def _base64url_bare(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _utf8_key(secret: str) -> bytes:
    if not secret:
        raise InvalidInput("a secret must not be empty")
    return secret.encode("utf-8", "surrogatepass")


def _nfkd_key(secret: str) -> bytes:
    return _utf8_key(unicodedata.normalize("NFKD", secret))


def _sha1_key(secret: str) -> bytes:
    return hashlib.sha1(_utf8_key(secret), usedforsecurity=False).digest()


def _public_key(secret: str) -> bytes:
    key = _utf8_key(secret)
    load_public_key(key)
    return key


def _base64_key(secret: str) -> bytes:
    try:
        key = a2b_base64(secret.encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        key = b""
    if not key:
        raise InvalidInput("this secret must be base64, and it is not. Copy it again without quotes or spaces")
    return key


def _hex_key(secret: str) -> bytes:
    if not secret.isascii() or len(secret) % 2 or not _HEX.fullmatch(secret.encode()):
        raise InvalidInput("this secret must be hexadecimal, and it is not. Copy it again without quotes or spaces")
    return bytes.fromhex(secret)


def _whsec_key(secret: str) -> bytes:
    if secret.startswith(PUBLIC):
        raise InvalidInput("a `whpk_` key proves `v1a` signatures, not `v1`")
    return decode_secret(secret.removeprefix("v1,"))  # Supabase shows it with the version in front


def _whpk_key(secret: str) -> bytes:
    if not secret.startswith(PUBLIC):
        raise InvalidInput("a `v1a` signature is proven by a `whpk_` key")
    return decode_base64_key(secret, PUBLIC)


_FROM_URL = bytes.maketrans(b"-_", b"+/")
_KEYS: dict[KeyEncoding, Callable[[str], bytes]] = {
    KeyEncoding.UTF8: _utf8_key,
    KeyEncoding.BASE64: _base64_key,
    KeyEncoding.HEX: _hex_key,
    KeyEncoding.WHSEC_BASE64: _whsec_key,
    KeyEncoding.WHPK_BASE64: _whpk_key,
    KeyEncoding.UTF8_NFKD: _nfkd_key,
    KeyEncoding.SHA1_OF_UTF8: _sha1_key,
    KeyEncoding.PUBLIC_KEY: _public_key,
}
