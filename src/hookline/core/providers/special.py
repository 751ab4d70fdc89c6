"""Providers that prove themselves as nobody else does: each is a file of this folder's ``own/``.

Such a file gives one Special. It is as pure as the rest: what must be fetched, a certificate or a set of public
keys, is named by ``key_url`` and handed in by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from hookline.core.errors import InvalidInput, VerificationError
from hookline.core.model import Headers, Request
from hookline.core.providers.signed import Options


class KeyRequest(msgspec.Struct, frozen=True):
    """How to ask for the document that holds a public key. What it sends may be secret."""

    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"KeyRequest({self.method} {self.url.partition('?')[0]})"


class Proof(msgspec.Struct, frozen=True, gc=False):
    """What was proved: under which secret (its position), and when it was sent in UTC seconds, if that is proved."""

    secret_index: int
    timestamp_s: float | None = None


def first_fitting(secrets: Sequence[str], fits: Callable[[str], bool], no_secret: VerificationError) -> int:
    """The position of the first secret that ``fits``, -1 when none does. Raises ``no_secret`` when none is of any use.

    ``fits`` raises InvalidInput for a secret that cannot be used.
    """
    usable = False
    for position, secret in enumerate(secrets):
        try:
            if fits(secret):
                return position
        except InvalidInput:
            continue
        usable = True
    if not usable:
        raise no_secret
    return -1


class Verify(Protocol):
    """Raises VerificationError unless the request is proved under one of the secrets.

    ``certificate`` is the document that `key_url` named; None when it was not to be had. A timestamp is checked
    by the caller.
    """

    def __call__(
        self, request: Request, secrets: Sequence[str], certificate: bytes | None, options: Options
    ) -> Proof: ...


@dataclass(frozen=True, slots=True)
class Special:
    """A proof of its own kind.

    ``sign`` makes of an unsigned request the signed one, with the secret (or private key), at a time in UTC seconds.
    ``is_present`` says whether a request is written in this scheme. ``key_url`` names the document with the public
    key that a request needs, empty for none; it raises VerificationError for an address that is not the provider's.
    """

    words: str  #: ends the sentence "it proves itself by …"
    verify: Verify
    sign: Callable[[Request, str, float, Options], Request]
    is_present: Callable[[Request], bool] = lambda _: True
    key_url: Callable[[Request, Options], str] | None = None
    #: In place of `key_url`, where a secret of the source says whose keys they are.
    key_request: Callable[[Request, Sequence[str]], KeyRequest | None] | None = None
    check_secret: Callable[[str], object] = lambda _: None
    covers_body: bool = True
    is_asymmetric: bool = False  #: the sender signs with a private key
    binds_url: bool = False
    tolerance_s: float | None = None
    secret_headers: tuple[str, ...] = ()  #: names of headers that hold a static secret
