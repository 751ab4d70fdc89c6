"""What the doctor says, and the proof that it is so."""

from __future__ import annotations

from dataclasses import dataclass

from hookline.core.model import Request
from hookline.core.providers.provider import Provider

#: Nothing is wrong.
ACCEPTED = "accepted"
HANDSHAKE = "handshake"
WELL = frozenset({ACCEPTED, HANDSHAKE})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that is wrong with a request, or with the source it came to.

    ``code`` is stable (all of them: docs/howto/why-a-signature-fails.md), ``problem`` is one sentence or two,
    ``remedy`` says what to change. ``certain``: the request verifies once this is undone; else it is only likely.
    """

    code: str
    problem: str
    remedy: str
    certain: bool = True

    @property
    def is_well(self) -> bool:
        """Whether it says that nothing is wrong."""
        return self.code in WELL


@dataclass(frozen=True, slots=True)
class Cure:
    """What to verify instead, to see whether a fault is the one."""

    request: Request
    secrets: tuple[str, ...]
    provider: Provider


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis, and the cure that worked; None where it is only likely."""

    diagnosis: Diagnosis
    cure: Cure | None = None


def cured(code: str, problem: str, remedy: str, cure: Cure) -> Finding:
    """A fault that was undone with success."""
    return Finding(Diagnosis(code, problem, remedy), cure)


def likely(code: str, problem: str, remedy: str) -> Finding:
    """A fault that cannot be undone, so that nothing shows it for certain."""
    return Finding(Diagnosis(code, problem, remedy, certain=False))
