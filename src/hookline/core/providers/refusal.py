"""What a refused sender, and whoever looks after the source, is told.

Every text says what was looked for and what to check. None holds a secret, a signature that would have
been right, or bytes of the request.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookline.core.errors import VerificationError
from hookline.core.providers.encoding import is_written_in
from hookline.core.providers.scheme import Signature
from hookline.core.providers.where import Where


@dataclass(frozen=True, slots=True)
class Voice:
    """How a provider is spoken of: ``GitHub``, and its secret: ``the webhook's secret``."""

    name: str
    key_hint: str

    def missing(self, where: Where) -> VerificationError:
        """Nothing is where the proof should be."""
        return VerificationError(
            "missing_signature",
            f"{self.name} proves itself in {where.words}, and this request has nothing there. Check that "
            f"{self.key_hint} is set at the sender, and that nothing on the way removes it",
        )

    def mismatch(self, signature: Signature, given: list[bytes], expected_length: int) -> VerificationError:
        """No signature is the right one under any secret."""
        readable = [text for text in given if is_written_in(signature.encoding, text)]
        if not readable:
            return malformed(signature, f"holds no signature written in {signature.encoding}")
        hint = ""
        if expected_length and all(len(text) != expected_length for text in readable):
            hint = f" (it has {len(readable[0])} characters where {expected_length} belong)"
        return VerificationError(
            "bad_signature",
            f"the signature in {signature.where.words} is not that of this request under any secret of this "
            f"source{hint}. Check that {self.key_hint} is the same on both sides, and that nothing on the way "
            "changes the body: compression, re-formatted JSON, an added line end",
        )

    def no_secret(self, count: int) -> VerificationError:
        """There is no secret to compare with."""
        problem = "has no secret" if not count else "has no secret of the form that this signature needs"
        return VerificationError(
            "no_secret", f"this source {problem}. Give it {self.key_hint}, exactly as {self.name} shows it"
        )

    def no_key(self) -> VerificationError:
        """The public key has to be fetched, and was not to be had."""
        return VerificationError(
            "key_unavailable",
            f"the public key of {self.name} could not be fetched, so nothing can be said about the signature. Check "
            f"that {self.key_hint} is right, and that this machine may call {self.name}",
        )

    def wrong_credential(self, where: Where) -> VerificationError:
        """A static token, or a user and password, is not one of ours."""
        return VerificationError(
            "bad_signature",
            f"what {where.words} holds is not the secret of this source. Check that {self.key_hint} is the "
            "same on both sides",
        )

    def wrong_token(self, where: Where) -> VerificationError:
        """A signed token is not signed under any of our keys."""
        return VerificationError(
            "bad_signature",
            f"the token in {where.words} is not signed under any secret of this source. Check that {self.key_hint} is "
            "the same on both sides",
        )

    def missing_time(self, where: Where) -> VerificationError:
        """The signature covers a time that is not there."""
        return VerificationError(
            "missing_timestamp",
            f"{self.name} writes the time of sending in {where.words}, and this request has nothing there. "
            "Check that nothing on the way removes it",
        )

    def malformed_time(self, where: Where, unit: str) -> VerificationError:
        """The time cannot be read."""
        return VerificationError(
            "malformed_timestamp",
            f"{where.words} is not a time written in `{unit}`. Check that the source names the right provider",
        )


def repeated(words: str) -> VerificationError:
    """A value that must be single occurs several times; which one counts would be the attacker's choice."""
    return VerificationError(
        "repeated_signature",
        f"{words} occurs more than once in this request. Check whether a proxy adds it again",
    )


def malformed(signature: Signature, problem: str) -> VerificationError:
    """A value is there and cannot be a signature."""
    return VerificationError(
        "malformed_signature",
        f"{signature.where.words} {problem}. Check that the source names the right provider and that "
        "nothing on the way changes headers",
    )
