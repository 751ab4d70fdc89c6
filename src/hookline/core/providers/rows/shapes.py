"""What most rows have in common."""

from __future__ import annotations

from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    Format,
    KeyEncoding,
    Kind,
    Scheme,
    Signature,
    Timestamp,
)
from hookline.core.providers.signed import Signed
from hookline.core.providers.where import Where, header


def hmac(
    where: Where,
    *,
    id: str = "default",
    signed: str | Signed = "{raw_body}",
    algorithm: Algorithm = Algorithm.SHA256,
    encoding: Encoding = Encoding.HEX,
    format: Format = Format.PLAIN,
    prefix: str = "",
    tag: str = "",
    delimiter: str = ",",
    key: KeyEncoding = KeyEncoding.UTF8,
    timestamp: Timestamp | None = None,
    event_id: tuple[Where, ...] = (),
    event_type: tuple[Where, ...] = (),
    notes: str = "",
) -> Scheme:
    """The most common shape: an HMAC in one place."""
    return Scheme(
        id=id,
        kind=Kind.HMAC,
        signature=Signature(where, encoding, format, prefix, tag, delimiter),
        algorithm=algorithm,
        signed=signed,
        key=key,
        timestamp=timestamp,
        event_id=event_id,
        event_type=event_type,
        notes=notes,
    )


def standard_webhooks_scheme(id: str, spelling: str, tag: str = "v1") -> Scheme:
    """Standard Webhooks under one spelling of its headers; tag ``v1`` is HMAC-SHA256, ``v1a`` Ed25519."""
    asymmetric = tag == "v1a"
    return Scheme(
        id=id,
        kind=Kind.ED25519 if asymmetric else Kind.HMAC,
        signature=Signature(
            header(f"{spelling}-signature"), encoding=Encoding.BASE64, format=Format.SPACE_LIST, tag=tag
        ),
        signed=f"{{header:{spelling}-id}}.{{timestamp}}.{{raw_body}}",
        key=KeyEncoding.WHPK_BASE64 if asymmetric else KeyEncoding.WHSEC_BASE64,
        timestamp=Timestamp(header(f"{spelling}-timestamp")),
        event_id=(header(f"{spelling}-id"),),
    )
