"""Keys that stand for something that was made: an event's own id, a message's, a request that may come twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hookline.core.errors import Conflict
from hookline.storage.base import Once, Row, Transaction

#: How often a key is looked for that retention of another server may just have removed.
_MOST_TRIES = 5


class Wish(msgspec.Struct, frozen=True, gc=False):
    """``key`` shall stand for ``made_id``, within ``scope``."""

    scope: str
    key: str
    made_id: str
    body_hash: bytes
    expires_at_ms: int | None


class Keys:
    """The keys that a group of requests may need, taken all at once and then given out one request after the other.

    They are in the database before the first is given out, so nobody else can take them; those that nobody came to
    need go back when it is over (`finish`).
    """

    def __init__(self, tx: Transaction, wishes: Iterable[Wish]) -> None:
        self._tx = tx
        first: dict[tuple[str, str], Wish] = {}
        for wish in wishes:
            first.setdefault((wish.scope, wish.key), wish)
        #: Keys that are ours, with what stands for them in the database.
        self._ours: dict[tuple[str, str], Wish] = {}
        #: What each key stands for: the row that was there, or one of our wishes; None while it is free.
        self._owners: dict[tuple[str, str], Row | Wish | None] = {}
        self._take_all(first)

    def _take_all(self, wishes: dict[tuple[str, str], Wish]) -> None:
        for _ in range(_MOST_TRIES):
            if not (wishes := self._take(wishes)):
                return
        raise RuntimeError("a key is neither there nor can it be taken")

    def _take(self, wishes: dict[tuple[str, str], Wish]) -> dict[tuple[str, str], Wish]:
        """Take what is free and read what is not; what was neither."""
        taken = self._tx.changed("seen_insert", [_row(wish) for wish in wishes.values()]) if wishes else []
        known = []
        for (key, wish), is_new in zip(wishes.items(), taken, strict=True):
            if is_new:
                self._ours[key], self._owners[key] = wish, None
            else:
                known.append(wish)
        left = {}
        rows = self._tx.found("seen_get", [_row(wish) for wish in known]) if known else []
        for wish, row in zip(known, rows, strict=True):
            if row is not None:
                self._owners[wish.scope, wish.key] = row
            else:
                left[wish.scope, wish.key] = wish
        return left

    def remember(self, wish: Wish, now_ms: int) -> Row | None:
        """Let the key stand for what is made, or say what it stands for. A key whose time is over is free."""
        key = wish.scope, wish.key
        while (known := self._owners[key]) is not None:
            if isinstance(known, Wish):
                known = {**_row(known), "status": None}
            if not _is_over(known, now_ms):
                return known
            if self._tx.run("seen_replace", {**_row(wish), "instead_of": known["event_id"]}):
                self._ours[key] = wish
                break
            self._take_all({key: wish})  # somebody was faster: another request, or retention
        self._owners[key] = wish
        return None

    def forget(self, scope: str, key: str) -> None:
        """Give a key back that was taken for what will not exist."""
        self._owners[scope, key] = None

    def finish(self) -> None:
        """Make the database agree with what the keys came to stand for."""
        for (scope, key), wish in self._ours.items():
            owner = self._owners[scope, key]
            if owner is wish:
                continue
            if owner is None:
                self._tx.run("forget_key", {"source_id": scope, "key": key})
            elif isinstance(owner, Wish) and owner.made_id != wish.made_id:
                self._tx.run("seen_replace", {**_row(owner), "instead_of": wish.made_id})


def forget(tx: Transaction, scope: str, key: str) -> None:
    """Give a key back that was taken for what will not exist."""
    tx.run("forget_key", {"source_id": scope, "key": key})


def made_before(tx: Transaction, once: Once | None, made_id: str, now_ms: int) -> str | None:
    """The id of what this very request made when it came before; else None, and it stands for ``made_id`` now.

    Raises Conflict when the key came with another body.
    """
    if once is None:
        return None
    wish = wish_of(once, made_id)
    known = Keys(tx, [wish]).remember(wish, now_ms)
    if known is None:
        return None
    if bytes(known["body_hash"]) != once.body_hash:
        raise Conflict(
            "this Idempotency-Key was used for another body; use a new key for a new request",
            code="idempotency_key_reused",
        )
    return str(known["event_id"])


def wish_of(once: Once, made_id: str) -> Wish:
    """The key of a request, for what it makes."""
    return Wish(once.scope, once.key, made_id, once.body_hash, once.expires_at_ms)


def _is_over(known: Row, now_ms: int) -> bool:
    return known["expires_at_ms"] is not None and known["expires_at_ms"] <= now_ms


def _row(wish: Wish) -> dict[str, Any]:
    return {
        "source_id": wish.scope,
        "key": wish.key,
        "event_id": wish.made_id,
        "body_hash": wish.body_hash,
        "expires_at_ms": wish.expires_at_ms,
    }
