"""Keys that stand for something that was made: an event's own id, a message's, a request that may come twice."""

from __future__ import annotations

from hookline.core.errors import Conflict
from hookline.storage.base import Once, Row, Transaction


def remember(
    tx: Transaction, scope: str, key: str, made_id: str, body_hash: bytes, expires_at_ms: int | None, now_ms: int
) -> Row | None:
    """Let ``key`` stand for ``made_id``, or say what it stands for already. A key whose time is over is free."""
    row = {
        "source_id": scope,
        "key": key,
        "event_id": made_id,
        "body_hash": body_hash,
        "expires_at_ms": expires_at_ms,
    }
    if tx.run("seen_insert", row):
        return None
    known = tx.row("seen_get", row)
    assert known is not None
    if known["expires_at_ms"] is not None and known["expires_at_ms"] <= now_ms:
        tx.run("seen_replace", row)
        return None
    return known


def forget(tx: Transaction, scope: str, key: str) -> None:
    """Give a key back that was taken for what will not exist."""
    tx.run("forget_key", {"source_id": scope, "key": key})


def made_before(tx: Transaction, once: Once | None, made_id: str, now_ms: int) -> str | None:
    """The id of what this very request made when it came before; else None, and it stands for ``made_id`` now.

    Raises Conflict when the key came with another body.
    """
    if once is None:
        return None
    known = remember(tx, once.scope, once.key, made_id, once.body_hash, once.expires_at_ms, now_ms)
    if known is None:
        return None
    if bytes(known["body_hash"]) != once.body_hash:
        raise Conflict(
            "this Idempotency-Key was used for another body; use a new key for a new request",
            code="idempotency_key_reused",
        )
    return str(known["event_id"])
