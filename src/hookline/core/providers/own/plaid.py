"""Plaid: where its public keys are, and how to ask for one.

Plaid gives a key only to whoever says the client id and a secret of the application, so the source's secret is
``client_id:secret``. A public key (a JSON Web Key or PEM) in its place is used as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.providers.options import Option
from hookline.core.providers.public_key import load_public_key
from hookline.core.providers.signed import Options
from hookline.core.providers.special import KeyRequest

ENVIRONMENT = Option("environment", "which of Plaid's environments sends: `production` or `sandbox`", "production")

_HOSTS = {"production": "https://production.plaid.com", "sandbox": "https://sandbox.plaid.com"}
_PATH = "/webhook_verification_key/get"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CREDENTIALS = re.compile(r"([A-Za-z0-9_-]{1,100}):([A-Za-z0-9_-]{1,100})")


def key_url(key_id: str, options: Options) -> str:
    """The address that hands out the key, empty for a token that names none.

    Raises VerificationError ``untrusted_key`` for an id, or an environment, that is not one of Plaid's.
    """
    if not key_id:
        return ""
    host = _HOSTS.get(options.get(ENVIRONMENT.name, ENVIRONMENT.default))
    if host is None:
        raise VerificationError(
            "untrusted_key",
            "the `environment` of this source is none of Plaid's. Check that its `signature` block says `production` "
            "or `sandbox`",
        )
    if not _KEY_ID.fullmatch(key_id):
        raise VerificationError(
            "untrusted_key",
            "the token names a key whose id is none of Plaid's. Check that the source names the right provider",
        )
    return host + _PATH


def key_request(url: str, key_id: str, secrets: Sequence[str]) -> KeyRequest | None:
    """The question for the key, with the first of the secrets that is ``client_id:secret``.

    None when there are only public keys: then nothing is fetched. Without secrets the question has no credentials.
    """
    found = next(filter(None, map(_CREDENTIALS.fullmatch, secrets)), None)
    if secrets and found is None:
        return None
    document = {"key_id": key_id}
    if found is not None:
        document |= {"client_id": found[1], "secret": found[2]}
    return KeyRequest(url, "POST", ((b"content-type", b"application/json"),), msgspec.json.encode(document))


def check_secret(secret: str) -> None:
    """Raise InvalidInput, without the secret in it, when it is neither ``client_id:secret`` nor a public key."""
    if _CREDENTIALS.fullmatch(secret):
        return
    try:
        load_public_key(secret.encode("utf-8", "surrogatepass"))
    except InvalidInput:
        raise InvalidInput(
            "this secret must be written `client_id:secret`, with the client id and a secret of your Plaid "
            "application, or be a public key of Plaid as a JSON Web Key or in PEM"
        ) from None
