"""FusionAuth: where the public keys of an instance are."""

from __future__ import annotations

import re

from hookline.core.errors import VerificationError
from hookline.core.providers.signed import Options

_ISSUER = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/?")


def key_url(key_id: str, options: Options) -> str:
    """The set of public keys of the instance that the option ``issuer`` names; empty without it.

    Raises VerificationError for an issuer that is not an https address.
    """
    issuer = options.get("issuer", "")
    if not issuer:
        return ""
    if not _ISSUER.fullmatch(issuer):
        raise VerificationError(
            "untrusted_key",
            "the option `issuer` is not an https address. Check that it is like https://auth.example.com",
        )
    return issuer.rstrip("/") + "/.well-known/jwks.json"
