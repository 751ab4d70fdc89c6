"""A source that waits for one sender, and a request that comes from another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from hookline.core.doctor.case import Case, header_names, holds_proof
from hookline.core.doctor.diagnosis import Cure, Finding, cured, likely
from hookline.core.model import Verification
from hookline.core.providers import registry
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import Scheme
from hookline.core.providers.where import Place

#: Headers in which all the world puts something: they tell nothing about who it is.
_COMMON = frozenset({b"authorization", b"signature", b"x-signature", b"x-api-key", b"x-webhook-signature"})


def find(case: Case) -> Iterator[Finding]:
    """Another provider of the catalogue under which the request verifies."""
    for row in _rows(case):
        if not any(holds_proof(scheme, case.request) for scheme in row.schemes):
            continue
        cure = Cure(case.request, case.secrets, row)
        verified = case.works(cure)
        if verified is not None and verified.level is not Verification.UNVERIFIED:
            yield cured(
                "other_provider",
                f"The request proves itself as one of {row.name}, with a secret of this source; the source is "
                f"configured for {_configured(case)}.",
                f"Set `provider: {row.slug}` for this source.",
                cure,
            )
            return


def suspect(case: Case) -> Iterator[Finding]:
    """Another provider that the request looks like, when it has nothing of the one that is configured."""
    if any(holds_proof(scheme, case.request) for scheme in case.provider.schemes):
        return
    for row in _rows(case):
        name = next((one for scheme in row.schemes if (one := _own_header(scheme)) in case.request.lookup), b"")
        if name:
            yield likely(
                "other_provider",
                f"This looks like a request of {row.name}: it has the header `{name.decode()}`. The source is "
                f"configured for {_configured(case)}.",
                f"If {row.name} sends to this address, set `provider: {row.slug}` and its secret; else compare the "
                "address at the sender.",
            )
            return


def _rows(case: Case) -> list[Provider]:
    return [row for row in registry.all_providers() if row.slug != case.provider.slug and row.needs_secret]


def _configured(case: Case) -> str:
    return "`provider: generic`" if case.is_generic else case.provider.name


def _own_header(scheme: Scheme) -> bytes:
    """The header in which only one provider of the catalogue has its signature; empty when there is none."""
    if scheme.signature is None or scheme.signature.where.place is not Place.HEADER:
        return b""
    name = header_names(scheme)[0]
    return name if name not in _COMMON and _users().get(name) == 1 else b""


@lru_cache(maxsize=1)
def _users() -> dict[bytes, int]:
    """How many providers have their signature in a header."""
    users: dict[bytes, int] = {}
    for row in registry.all_providers():
        for name in {
            header_names(s)[0] for s in row.schemes if s.signature and s.signature.where.place is Place.HEADER
        }:
            users[name] = users.get(name, 0) + 1
    return users
