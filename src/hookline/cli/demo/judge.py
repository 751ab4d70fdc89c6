"""What became of a webhook, and whether that is what should have become of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hookline.cli.demo.programme import Ending
from hookline.core.model import EventStatus

#: Seconds after which a signature counts as stale are the providers' own; the stale one is twice as old.
STALE_CODE = "stale_timestamp"
TAMPERED_CODE = "bad_signature"


class Try(msgspec.Struct, frozen=True):
    """One attempt to deliver. ``status`` is 0 when no answer came; then ``error`` says why."""

    number: int
    status: int
    error: str
    duration_ms: float
    state: str  #: what became of the delivery


class Result(msgspec.Struct, frozen=True):
    """What was seen of one webhook: at the door, in the store and at the receiver. Holds no secret."""

    key: str
    provider: str
    source: str
    type: str
    ending: str  #: how it should end
    door_status: int = 0  #: 0: the door did not answer
    door_code: str = ""  #: the cause, when it was refused
    event_id: str = ""
    status: str = ""  #: of the event; empty when there is none
    verification: str = ""
    deliveries: int = 0
    attempts: tuple[Try, ...] = ()
    duplicates: int = 0
    same_event_twice: bool = False  #: the second answer named the first event and said that it is a duplicate
    dead_lettered: bool = False  #: at some time it was failed
    replayed: int = 0  #: deliveries that a person owed again
    rejection_kept: bool = False  #: the refused request is in the store, with its cause and its bytes
    answered_right: bool = False  #: the handshake's answer is what the provider asked for
    arrived: int = 0  #: requests at the receiver
    stored_intact: bool = False  #: the stored bytes are the bytes that were sent
    arrived_intact: bool = False  #: at the receiver: each time the bytes that were sent
    signature_verified: bool = False  #: at the receiver: each time a valid Standard Webhooks signature
    took_ms: float = 0.0
    trouble: str = ""  #: what stopped the story half-way


class Verdict(msgspec.Struct, frozen=True):
    """A result, and every way in which it is not what it should be."""

    result: Result
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it ended as it should."""
        return not self.problems


def judge(result: Result) -> Verdict:
    """Compare what was seen with what should have been."""
    return Verdict(result, tuple(_problems(result)))


def _problems(result: Result) -> Iterator[str]:
    if result.trouble:
        yield result.trouble
    ending = Ending(result.ending)
    if ending is Ending.ANSWERED:
        yield from _handshake(result)
    elif ending is Ending.TAMPERED:
        yield from _refused(result, TAMPERED_CODE)
    elif ending is Ending.STALE:
        yield from _refused(result, STALE_CODE)
    else:
        yield from _processed(result)
        yield from _SPECIAL[ending](result)


def _handshake(result: Result) -> Iterator[str]:
    if result.door_status != 200:
        yield _differs("the door's answer", result.door_status, 200)
    if not result.answered_right:
        yield "the answer to the handshake is not what the provider asked for"
    if result.event_id or result.arrived:
        yield "a handshake became an event"


def _refused(result: Result, code: str) -> Iterator[str]:
    if result.door_status != 401:
        yield _differs("the door's answer", result.door_status, 401)
    if result.door_code != code:
        yield _differs("the cause of the refusal", result.door_code or "none", code)
    if result.event_id:
        yield f"it was accepted as {result.event_id}"
    if result.arrived:
        yield f"it arrived at the receiver {result.arrived} times; it should not have"
    if not result.rejection_kept:
        yield "the refused request was not kept"


def _processed(result: Result) -> Iterator[str]:
    if result.door_status != 200:
        yield _differs("the door's answer", f"{result.door_status} {result.door_code}".strip(), 200)
    if result.status != EventStatus.PROCESSED:
        yield _differs("the status of the event", result.status or "none", EventStatus.PROCESSED)
    if result.verification != "verified":
        yield _differs("its verification", result.verification or "none", "verified")
    if result.deliveries != 1:
        yield _differs("the number of deliveries", result.deliveries, 1)
    if result.arrived != len(result.attempts):
        yield f"{len(result.attempts)} attempts were recorded and {result.arrived} requests arrived"
    if not result.stored_intact:
        yield "the stored bytes are not the bytes that were sent"
    if not result.arrived_intact:
        yield "the bytes that arrived are not the bytes that were sent"
    if not result.signature_verified:
        yield "the Standard Webhooks signature at the receiver is not valid"


def _delivered(result: Result) -> Iterator[str]:
    yield from _tries(result, 1)
    if result.duplicates:
        yield _differs("the number of duplicates", result.duplicates, 0)


def _duplicate(result: Result) -> Iterator[str]:
    yield from _tries(result, 1)
    if result.duplicates != 1:
        yield _differs("the number of duplicates", result.duplicates, 1)
    if not result.same_event_twice:
        yield "the door did not answer the second request with the first event"


def _retried(result: Result) -> Iterator[str]:
    yield from _tries(result, 3)
    if [made.status for made in result.attempts[:2]] != [500, 503]:
        yield "the receiver should have failed twice, with 500 and 503"
    if result.dead_lettered:
        yield "it was given up although its schedule was not used up"


def _revived(result: Result) -> Iterator[str]:
    yield from _tries(result, 3)
    if any(made.error != "timeout" for made in result.attempts[:2]):
        yield "the first two tries should have ended without an answer"
    if not result.dead_lettered:
        yield "it was never failed although nobody answered"
    if result.replayed != 1:
        yield _differs("the number of deliveries owed again", result.replayed, 1)


_SPECIAL = {
    Ending.DELIVERED: _delivered,
    Ending.DUPLICATE: _duplicate,
    Ending.RETRIED: _retried,
    Ending.REVIVED: _revived,
}


def _tries(result: Result, wanted: int) -> Iterator[str]:
    if len(result.attempts) != wanted:
        yield _differs("the number of tries", len(result.attempts), wanted)
    if not result.attempts or not 200 <= result.attempts[-1].status < 300:
        yield "its receiver never took it"


def _differs(what: str, seen: object, wanted: object) -> str:
    return f"{what} is {seen}; it should be {wanted}"
