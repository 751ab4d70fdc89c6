"""Signed requests and published messages, rendered before anything is measured.

The signatures are made here from the providers' documentation, not by Hookline: GitHub's
(https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries) and Standard Webhooks'
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

Every body carries a marker of constant width, by which the sink knows an event again, and ends in a tail that is the
same in all of a run: bodies of 256 KB are kept once and not ten thousand times.
"""

from __future__ import annotations

import functools
import hmac
import json
import os
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

BODY_BYTES = 1024
#: The uid of the application that is published for.
APPLICATION = "bench"

#: What stands before the number of an event. Letters and a hyphen only: no server that parses and writes JSON anew
#: changes them.
MARKER = b"benchseq-"
MARKER_DIGITS = 12
#: Bodies up to this size are kept whole, so that a request is one piece of memory and one write.
WHOLE_BYTES = 4096

#: Obviously fake; the same for whoever signs and whoever verifies.
SERVER_SECRET = "not-a-real-secret-only-for-benchmarks"
GITHUB_SECRET = "not-a-real-secret-for-benchmarks"
STANDARD_SECRET = "whsec_" + b64encode(b"not a real secret, for benchmarks").decode()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the requests of a run are made. It travels to the load's process as JSON.

    ``style`` is who would send such a request: ``github``, ``standard``, or ``plain``, a POST to ``path`` with
    ``lines`` as further headers and the payload between ``before`` and ``after``. ``{uuid}`` in a line becomes one.
    """

    style: str
    path: str
    lines: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    body_bytes: int = BODY_BYTES

    def of_size(self, body_bytes: int) -> Recipe:
        """The same with payloads of so many bytes."""
        return replace(self, body_bytes=body_bytes)

    def as_json(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """What `as_json` gave."""
        found = json.loads(text)
        return cls(**{**found, "lines": tuple(found["lines"])})


@dataclass(frozen=True, slots=True)
class Stock:
    """So many requests: each its own beginning, and the tail that all share."""

    starts: Sequence[bytes]
    tail: bytes

    def __len__(self) -> int:
        return len(self.starts)

    def whole(self) -> list[bytes]:
        """Every request in one piece."""
        return [start + self.tail for start in self.starts]


class Numbered(Sequence[bytes]):
    """Texts that differ by their number only. The number is put in when one is asked for (0.3 µs), so that a
    million of them take no memory."""

    def __init__(self, before: bytes, after: bytes, first: int, count: int) -> None:
        self._form = before.replace(b"%", b"%%") + b"%%0%dd" % MARKER_DIGITS + after.replace(b"%", b"%%")
        self._first, self._count = first, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._form % (self._first + index)


GITHUB = Recipe("github", "/webhooks/github")
STANDARD = Recipe("standard", "/webhooks/orders")


def publishing(application: str = APPLICATION, *lines: str, given_token: str = "") -> Recipe:
    """A message as one publishes it without an SDK; ``lines`` are further headers."""
    return Recipe(
        "plain",
        f"/api/v1/app/{application}/msg?with_content=false",
        (
            "User-Agent: Example-Product/1.0",
            "Accept: */*",
            f"Authorization: Bearer {given_token or token()}",
            "Content-Type: application/json",
            *lines,
        ),
        '{"eventType":"order.paid","payload":',
        "}",
    )


def keyed() -> Recipe:
    """The same with an `Idempotency-Key`, which is a UUID as the SDKs make it."""
    return publishing(APPLICATION, "Idempotency-Key: auto_{uuid}")


@functools.cache
def token() -> str:
    """As `hookline token create` prints it."""
    # Here, so that generator and sink start without the product: each run has new ones.
    from hookline.api.token import create_token
    from hookline.core.model import DEFAULT_ORG

    return create_token(SERVER_SECRET, DEFAULT_ORG, int(time.time()))


def stock(recipe: Recipe, host: str, first: int, count: int) -> Stock:
    """``count`` requests for the events ``first`` and following, no two alike, with ids as their senders make them."""
    return _STYLES[recipe.style](recipe, host, first, count)


def payload(number: int, body_bytes: int = BODY_BYTES) -> bytes:
    """The payload of an event."""
    before, after = _payload(body_bytes)
    return before + b"%0*d" % (MARKER_DIGITS, number) + after


def _github(recipe: Recipe, host: str, first: int, count: int) -> Stock:
    """Pushes as GitHub sends them."""
    return _signed(recipe, host, first, count, lambda number, body: _github_lines(str(uuid.uuid4()), body))


def _standard(recipe: Recipe, host: str, first: int, count: int) -> Stock:
    """Events as a Standard Webhooks sender sends them. Its ids sort by time; to an index that is a difference."""
    run, now = os.urandom(6).hex(), int(time.time())
    return _signed(
        recipe, host, first, count, lambda number, body: _standard_lines(f"msg_{run}_{number:012d}", now, body)
    )


def _plain(recipe: Recipe, host: str, first: int, count: int) -> Stock:
    before, after = _payload(recipe.body_bytes)
    size = len(before) + MARKER_DIGITS + len(after) + len(recipe.before.encode()) + len(recipe.after.encode())
    own, tail = _split(after)
    begins, ends = recipe.before.encode() + before, tail + recipe.after.encode()
    if not tail:
        own, ends = own + ends, b""
    if any("{uuid}" in line for line in recipe.lines):
        numbered = Numbered(begins, own, first, count)
        heads = (_head(host, recipe.path, size, *_with_uuid(recipe.lines)) for _ in range(count))
        return Stock([head + body for head, body in zip(heads, numbered, strict=True)], ends)
    return Stock(Numbered(_head(host, recipe.path, size, *recipe.lines) + begins, own, first, count), ends)


def _signed(recipe: Recipe, host: str, first: int, count: int, sign: Callable[[int, bytes], tuple[str, ...]]) -> Stock:
    after = _payload(recipe.body_bytes)[1]
    tail = _split(after)[1]
    starts = []
    for number in range(first, first + count):
        body = payload(number, recipe.body_bytes)
        head = _head(host, recipe.path, len(body), *sign(number, body))
        starts.append(head + body[: len(body) - len(tail)])
    return Stock(starts, tail)


_STYLES: dict[str, Callable[[Recipe, str, int, int], Stock]] = {
    "github": _github,
    "standard": _standard,
    "plain": _plain,
}


def _github_lines(delivery: str, body: bytes) -> tuple[str, ...]:
    key = GITHUB_SECRET.encode()
    return (
        "User-Agent: GitHub-Hookshot/044aadd",
        "Accept: */*",
        "Content-Type: application/json",
        f"X-GitHub-Delivery: {delivery}",
        "X-GitHub-Event: push",
        "X-GitHub-Hook-ID: 292430182",
        "X-GitHub-Hook-Installation-Target-ID: 79929171",
        "X-GitHub-Hook-Installation-Target-Type: repository",
        f"X-Hub-Signature: sha1={hmac.digest(key, body, 'sha1').hex()}",
        f"X-Hub-Signature-256: sha256={hmac.digest(key, body, 'sha256').hex()}",
    )


def _standard_lines(event_id: str, now: int, body: bytes) -> tuple[str, ...]:
    signed = b"%s.%d.%s" % (event_id.encode(), now, body)
    signature = b64encode(hmac.digest(b64decode(STANDARD_SECRET.removeprefix("whsec_")), signed, "sha256")).decode()
    return (
        "User-Agent: Example-Shop/1.0",
        "Accept: */*",
        "Content-Type: application/json",
        f"webhook-id: {event_id}",
        f"webhook-timestamp: {now}",
        f"webhook-signature: v1,{signature}",
    )


@functools.cache
def _payload(body_bytes: int) -> tuple[bytes, bytes]:
    """What stands before and after the number of the event.

    The keys are in alphabetical order, so that the marker stays at the beginning when a server sorts them.
    """
    before = b'{"data":{"id":"' + MARKER
    ends = b'"]},"timestamp":"2026-01-01T00:00:00Z","type":"order.paid"}'
    lines = b'","lines":["'
    filling = b'Anna Beispiel ordered 3 umbrellas","'
    room = body_bytes - len(before) - MARKER_DIGITS - len(lines) - len(ends)
    if room < 0:
        raise ValueError(f"a body has at least {body_bytes - room} bytes")
    return before, lines + filling * (room // len(filling)) + b"x" * (room % len(filling)) + ends


def _split(after: bytes) -> tuple[bytes, bytes]:
    """What is kept with every request, and what is kept once."""
    return (after, b"") if len(after) <= WHOLE_BYTES else (b"", after)


def _with_uuid(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line.replace("{uuid}", str(uuid.uuid4())) for line in lines)


def _head(host: str, path: str, body_bytes: int, *lines: str) -> bytes:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", f"Host: {host}", *lines, f"Content-Length: {body_bytes}", "", ""]
    ).encode()
