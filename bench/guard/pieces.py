"""The pieces of the hot path that are counted."""

from __future__ import annotations

from bench.guard.arriving import examine_requests, read_requests, verify_requests
from bench.guard.doors import publish, receive_at
from bench.guard.reference import reference
from bench.guard.sending import deliver, exchange, sign_deliveries
from bench.guard.steps import Piece
from bench.guard.storing import claim_deliveries, commit, settle_deliveries

REFERENCE = "reference"

_ALL = (
    Piece(REFERENCE, "work of the same kinds without Hookline", reference),
    Piece("read a request", "bytes in at the HTTP protocol, an answer out", read_requests),
    Piece("verify github", "a signature over 1 KB", verify_requests("github")),
    Piece("verify standard_webhooks", "signature and timestamp over 1 KB", verify_requests("standard_webhooks")),
    Piece("examine github", "verify, identify, make a draft", examine_requests("github")),
    Piece("examine standard_webhooks", "verify, identify, make a draft", examine_requests("standard_webhooks")),
    Piece("door 1 github", "bytes in, committed, answer out", receive_at("github")),
    Piece("door 1 standard_webhooks", "bytes in, committed, answer out", receive_at("standard_webhooks")),
    Piece("publish", "bytes in at door 2, committed, answer out", publish),
    Piece("commit", "an event with a key", commit()),
    Piece("commit with guard", "an event with a key and a replay guard", commit(guard=True)),
    Piece("commit with delivery", "an event with a key and one delivery", commit(endpoint=True)),
    Piece("claim", "lease a delivery that is due", claim_deliveries),
    Piece("settle", "record a delivered delivery and its attempt", settle_deliveries),
    Piece("sign", "headers that are sent on, and our signature", sign_deliveries),
    Piece("exchange", "render a head, write a request, read the response", exchange),
    Piece("deliver", "commit with delivery, sign, send to nobody, judge, settle", deliver),
)

#: By name, in the order of the way that an event goes.
PIECES = {piece.name: piece for piece in _ALL}
