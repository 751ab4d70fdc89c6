"""One request that is examined, and trying cures on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from hookline.core.doctor.diagnosis import Cure
from hookline.core.errors import HooklineError, VerificationError
from hookline.core.headers import index
from hookline.core.model import Headers, Request, with_body
from hookline.core.providers.generic import SLUG as GENERIC
from hookline.core.providers.provider import Provider, Verified
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.signed import Signed
from hookline.core.providers.where import Place, as_bytes, request_reader

#: What all trials together may hash: half a second of work, whatever a stranger sent.
MOST_BYTES = 400_000_000
#: What a trial costs besides its body.
_TRIAL_BYTES = 2_000

#: What it costs to read a body, where hashing it costs 1.
_READING = 50

MOST_SECRETS = 10


def _in_body(scheme: Scheme) -> bool:
    return scheme.signature is not None and scheme.signature.where.place in (Place.BODY, Place.FORM)


@dataclass(slots=True)
class Budget:
    """How much may still be tried."""

    bytes_left: int = MOST_BYTES

    def take(self, cure: Cure) -> bool:
        """Whether this cure may still be tried; it is paid for."""
        reads = any(one.special or isinstance(one.signed, Signed) or _in_body(one) for one in cure.provider.schemes)
        each = (len(cure.request.body) + _TRIAL_BYTES) * (_READING if reads else 1)
        self.bytes_left -= each * max(1, len(cure.secrets))
        return self.bytes_left >= 0


@dataclass(frozen=True, slots=True)
class Case:
    """A request that was refused, and everything that decided so. ``refusal`` is what the door says of it."""

    provider: Provider
    request: Request
    secrets: tuple[str, ...]
    now_s: float
    tolerance_s: float | None
    certificate: bytes | None
    others: tuple[tuple[str, tuple[str, ...]], ...]
    refusal: VerificationError
    budget: Budget = field(default_factory=Budget)

    @property
    def as_it_came(self) -> Cure:
        """Nothing is changed."""
        return Cure(self.request, self.secrets, self.provider)

    @property
    def is_generic(self) -> bool:
        """Whether the source itself says how its sender signs, so that it can say it otherwise."""
        return self.provider.slug == GENERIC

    @property
    def schemes(self) -> list[Scheme]:
        """The schemes that the request is written in; all when it is written in none."""
        present = [one for one in self.provider.schemes if holds_proof(one, self.request)]
        return present or [one for one in self.provider.schemes if one.kind is not Kind.NONE]

    @property
    def covers_body(self) -> bool:
        """Whether what proves this request speaks of its body."""
        return any(one.covers_body for one in self.schemes)

    def works(self, cure: Cure) -> Verified | None:
        """What is proved when the request is verified so, whatever the clock says; None when nothing is."""
        if not self.budget.take(cure):
            return None
        try:
            return cure.provider.verify(cure.request, cure.secrets, self.now_s, math.inf, self.certificate)
        except HooklineError:
            return None

    def with_body(self, body: bytes) -> Cure:
        """The same request with another body."""
        return Cure(with_body(self.request, body), self.secrets, self.provider)

    def with_headers(self, lines: Iterable[tuple[bytes, bytes]]) -> Cure:
        """The same request with other header lines."""
        return Cure(with_headers(self.request, tuple(lines)), self.secrets, self.provider)

    def with_header(self, name: bytes, value: bytes) -> Cure:
        """The same request with this one line of this name."""
        return self.with_values({name.lower(): value})

    def with_values(self, values: dict[bytes, bytes]) -> Cure:
        """The same request with one line for each of these lower-case names."""
        kept = [line for line in self.request.headers if line[0].lower() not in values]
        return self.with_headers([*kept, *values.items()])

    def with_secret(self, secret: str) -> Cure:
        """The same request under another secret."""
        return Cure(self.request, (secret,), self.provider)

    def with_scheme(self, scheme: Scheme) -> Cure | None:
        """The same request, verified by this scheme alone; None when there can be no such scheme."""
        return self.with_schemes((scheme,))

    def with_schemes(self, schemes: tuple[Scheme, ...]) -> Cure | None:
        """The same request, verified by these schemes; None when there can be no such provider."""
        try:
            provider = replace(self.provider, schemes=schemes, signs_with=())
        except HooklineError:
            return None
        return Cure(self.request, self.secrets, provider)


def with_headers(request: Request, lines: Headers) -> Request:
    """The request with these header lines."""
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


def holds_proof(scheme: Scheme, request: Request) -> bool:
    """Whether something is where this scheme has its proof."""
    if scheme.special is not None:
        return scheme.special.is_present(request)
    if scheme.signature is None:
        return False
    where = scheme.signature.where
    if where.place is Place.HEADER:
        return where.name.lower().encode("ascii") in request.lookup
    return as_bytes(request_reader(where)(request)) is not None


def header_names(scheme: Scheme) -> tuple[bytes, ...]:
    """The lower-case names of the headers that a scheme needs: the signature's first."""
    places = [scheme.signature.where] if scheme.signature else []
    places += [scheme.timestamp.where] if scheme.timestamp else []
    own = [place.name.lower().encode("ascii") for place in places if place.place is Place.HEADER]
    return tuple(dict.fromkeys((*own, *scheme.signed_headers())))


def words_of(name: bytes) -> str:
    """A header's name as a sentence shows it: what cannot be one is not repeated."""
    text = name[:60].decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        return "a header"
    return f"the {'-'.join(part[:1].upper() + part[1:] for part in text.split('-'))} header"
