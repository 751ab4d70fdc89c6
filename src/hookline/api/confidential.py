"""What is struck out of the requests and responses that people are shown.

An event's story is read by everybody who helps to find a fault, so it proves nothing about the sender:
credentials, cookies and signatures are replaced, wherever their provider puts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from hookline.core.errors import HooklineError
from hookline.core.model import Headers, Source
from hookline.core.providers import registry
from hookline.core.providers.provider import Provider
from hookline.core.providers.where import Place

STRUCK_OUT = "[redacted]"

#: Names whose values are credentials by custom, with hyphens, underscores or neither.
_BY_CUSTOM = re.compile(
    rb"secret|signature|token|passw|auth|cookie|(?<!idempotency-)key|credential|session|hmac|jwt",
    re.IGNORECASE,
)


def headers(lines: Headers, source: Source | None = None) -> list[list[str]]:
    """Header lines as ``[name, value]`` in their order; ``source`` is the one they came for, when it is known."""
    proofs = _proofs(source, Place.HEADER)
    return [[name.decode("latin-1"), _shown(name, value, proofs)] for name, value in lines]


def query(raw: bytes, source: Source | None = None) -> str:
    """A query string as it came, but for the values of parameters that are credentials."""
    proofs = _proofs(source, Place.QUERY)
    return "&".join(_parameter(part, proofs) for part in raw.split(b"&"))


def _parameter(part: bytes, proofs: frozenset[bytes]) -> str:
    name, equals, value = part.partition(b"=")
    plain = unquote_to_bytes(name.replace(b"+", b" "))
    return name.decode("latin-1") + equals.decode() + (_shown(plain, value, proofs) if equals else "")


def _shown(name: bytes, value: bytes, proofs: frozenset[bytes]) -> str:
    if name.lower() in proofs or _BY_CUSTOM.search(name):
        return STRUCK_OUT
    return value.decode("latin-1")


def _proofs(source: Source | None, place: Place) -> frozenset[bytes]:
    """Where any provider of the catalogue, or the source's own, puts what proves it."""
    if source is None:
        return _of_catalogue(place)
    try:
        return _of_catalogue(place) | _names([registry.for_source(source)], place)
    except HooklineError:  # configured by a version of Hookline that knew other providers
        return _of_catalogue(place)


@lru_cache
def _of_catalogue(place: Place) -> frozenset[bytes]:
    return _names(registry.all_providers(), place)


def _names(providers: Iterable[Provider], place: Place) -> frozenset[bytes]:
    return frozenset(
        scheme.signature.where.name.lower().encode("ascii")
        for provider in providers
        for scheme in provider.schemes
        if scheme.signature is not None and scheme.signature.where.place is place
    )
