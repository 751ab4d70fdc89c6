"""The examination: what is asked, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from hookline.core.doctor import address, body, clock, credential, header, method, secret, sender, unproven
from hookline.core.doctor.case import MOST_SECRETS, Case
from hookline.core.doctor.diagnosis import ACCEPTED, HANDSHAKE, Diagnosis, Finding
from hookline.core.errors import HooklineError, VerificationError
from hookline.core.model import Request, Verification
from hookline.core.providers.provider import Provider, Verified

Finder: TypeAlias = Callable[[Case], Iterator[Finding]]

#: The first that finds a cure has found the fault: what proves a request fits by accident never. Those that cost least
#: come first, and of two that say the same in other words the one that says it better.
FINDERS: tuple[Finder, ...] = (
    clock.find,
    credential.find,
    secret.find,
    header.find,
    method.find,
    address.find,
    body.find,
    sender.find,
)

#: More sources than this are not asked for their secrets.
MOST_OTHERS = 200


def diagnose(
    provider: Provider,
    request: Request,
    secrets: Sequence[str],
    now_s: float,
    *,
    tolerance_s: float | None = None,
    certificate: bytes | None = None,
    others: Sequence[tuple[str, Sequence[str]]] = (),
) -> list[Diagnosis]:
    """Why ``request`` is refused, the certain reasons first, then the likely ones; never empty, never raises.

    ``provider``, ``secrets``, ``now_s`` (UTC seconds), ``tolerance_s`` and ``certificate`` are as `Provider.verify`
    takes them; of the secrets the first ten count. ``others`` are names of other sources with their secrets, such as
    the test twin of a live one. A request that is fine gives ``accepted``, or ``handshake``, alone.
    """
    used = tuple(secrets[:MOST_SECRETS])
    if provider.handshake(request, used, now_s, tolerance_s, certificate) is not None:
        return [_HANDSHAKE]
    try:
        return [_accepted(provider, provider.verify(request, used, now_s, tolerance_s, certificate), len(used))]
    except VerificationError as error:
        refusal = error
    except HooklineError as error:
        refusal = VerificationError(cause=error.code, message=error.message)
    twins = tuple((name, tuple(theirs[:MOST_SECRETS])) for name, theirs in others[:MOST_OTHERS])
    return _examined(Case(provider, request, used, now_s, tolerance_s, certificate, twins, refusal))


def _examined(case: Case) -> list[Diagnosis]:
    for find in FINDERS:
        for finding in find(case):
            return _with_clock(case, finding)
    found = {finding.diagnosis.code: finding.diagnosis for finding in reversed(list(unproven.find(case)))}
    return list(reversed(found.values())) or [_unknown(case)]


def _with_clock(case: Case, finding: Finding) -> list[Diagnosis]:
    """A cure shows that the proof is right; whether it also came in time is another fault."""
    diagnoses = [finding.diagnosis]
    if finding.cure is not None and finding.diagnosis.code not in ("stale_timestamp", "future_timestamp"):
        late = clock.judge(case, finding.cure)
        diagnoses += [late] if late is not None else []
    return diagnoses


def _accepted(provider: Provider, verified: Verified, count: int) -> Diagnosis:
    if verified.level is Verification.UNVERIFIED:
        return Diagnosis(
            ACCEPTED, "This source asks for no proof, so the request is accepted.", "Nothing is to be changed."
        )
    which = f", with secret {verified.secret_index + 1} of {count}" if count > 1 and verified.secret_index >= 0 else ""
    covered = "" if verified.level is Verification.VERIFIED else " The proof does not cover the body."
    return Diagnosis(
        ACCEPTED,
        f"The request proves that it comes from {provider.name} (scheme `{verified.scheme}`{which}).{covered}",
        "Nothing is to be changed.",
    )


_HANDSHAKE = Diagnosis(
    HANDSHAKE,
    "The request is a handshake: the sender asks whether this address is yours, and Hookline answers it.",
    "Nothing is to be changed; there is no event in it.",
)


def _unknown(case: Case) -> Diagnosis:
    return Diagnosis(
        case.refusal.cause,
        f"The request is refused as `{case.refusal.cause}`, and no fault that is known here explains it.",
        f"Compare the secret, the address and the body with what {case.provider.name} shows.",
        certain=False,
    )
