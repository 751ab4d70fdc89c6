"""The ownership challenge: whoever registers an endpoint shows that its receiver is theirs.

A random word is sent as an event would be, signed with the endpoint's secret; the receiver answers 2xx with that
word: plain, as a JSON string, or as ``{"challenge": "<word>"}``. Nothing of any other answer is shown to whoever
asked: an endpoint must not be a way to read what a server says to us.
"""

from __future__ import annotations

import os

import msgspec

from hookline.core import ids
from hookline.core.errors import InvalidInput
from hookline.core.model import Endpoint, Headers, Source
from hookline.core.target import Target
from hookline.delivery import attempt
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import Sender

TYPE = "endpoint.challenge"

#: Whoever registers an endpoint waits for it, so it is not given as long as a delivery may be.
LONGEST_S = 15.0

_HEADERS: Headers = ((b"content-type", b"application/json"),)


class ChallengeFailed(InvalidInput):
    """The endpoint's receiver did not echo the challenge."""

    code = "challenge_failed"


class _Echo(msgspec.Struct):
    challenge: str


async def challenge(sender: Sender, endpoint: Endpoint, source: Source, now_ms: int) -> None:
    """Have the receiver of ``endpoint`` echo a random word. Raises ChallengeFailed, which says what to change."""
    word = os.urandom(16).hex()
    body = msgspec.json.encode({"type": TYPE, "challenge": word})
    signer, _ = attempt.signer_of(endpoint, source, now_ms)
    event_id = ids.make(ids.EVENT, now_ms, os.urandom(10))
    headers = attempt.signed_headers(_HEADERS, endpoint, signer, event_id, body, now_ms)
    outcome = await sender.send(
        Target.parse(endpoint.url),
        headers,
        body,
        connect_timeout_s=endpoint.connect_timeout_s,
        timeout_s=min(endpoint.timeout_s, LONGEST_S),
    )
    _judge(outcome, word)


def _judge(outcome: Outcome, word: str) -> None:
    if not outcome.status:
        raise ChallengeFailed(
            f"the endpoint did not answer the challenge ({outcome.error}); it must be reachable from here, "
            f"and answer an event of type `{TYPE}` with 2xx and the word in `challenge`"
        )
    if not attempt.succeeded(outcome):
        raise ChallengeFailed(
            f"the endpoint answered the challenge with status {outcome.status}; answer an event of type `{TYPE}` "
            "with 2xx and the word in `challenge`"
        )
    if not _echoes(outcome.body, word):
        raise ChallengeFailed(
            "the endpoint's answer was not the challenge; answer with the word in `challenge`, "
            'as plain text or as `{"challenge": "…"}`'
        )


def _echoes(answer: bytes, word: str) -> bool:
    if answer.strip() == word.encode():
        return True
    try:
        echo = msgspec.json.decode(answer, type=_Echo | str)
    except ValueError:
        return False
    return word == (echo if isinstance(echo, str) else echo.challenge)
