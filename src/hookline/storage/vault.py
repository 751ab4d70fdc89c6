"""Secrets at rest: AES-256-GCM under a key derived from HOOKLINE_SECRET (RFC 5869, NIST SP 800-38D)."""

from __future__ import annotations

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookline.core.errors import SecretUnreadable

_NONCE_BYTES = 12


class Sealed(msgspec.Struct, frozen=True):
    """What of a source or an endpoint must not lie open on a disk."""

    secrets: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    #: Secrets that were rotated away, each with the UTC millisecond until which it still signs.
    old_secrets: tuple[tuple[str, int], ...] = ()

    def __repr__(self) -> str:
        return f"Sealed({len(self.secrets)} secrets, {len(self.headers)} headers)"


class Vault:
    """Seals confidential values. Each is bound to the id it belongs to, so that rows cannot be swapped."""

    def __init__(self, secret: str) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hookline vault v1").derive(secret.encode())
        self._cipher = AESGCM(key)
        proof = HKDF(algorithm=SHA256(), length=6, salt=None, info=b"hookline vault proof v1").derive(secret.encode())
        #: 48 bits that tell one secret from another and nothing about it.
        self.proof = int.from_bytes(proof)

    def seal(self, owner_id: str, value: Sealed) -> bytes:
        """The values of ``owner_id``, unreadable without the key."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.json.encode(value), owner_id.encode())

    def open(self, owner_id: str, sealed: bytes) -> Sealed:
        """What was sealed for ``owner_id``. Raises SecretUnreadable when the key is another one."""
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner_id.encode())
        except (InvalidTag, ValueError):
            raise SecretUnreadable(
                f"the stored secrets of {owner_id} cannot be read with this HOOKLINE_SECRET; "
                "start with the value the database was written with"
            ) from None
        return msgspec.json.decode(plain, type=Sealed)
