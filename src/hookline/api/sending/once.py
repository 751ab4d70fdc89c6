"""`Idempotency-Key`: a request that its sender may send again without meaning it twice.

A key is remembered for a day, for the organisation or application it was used for and the operation it was used
at. The same request again gets the same answer and changes nothing; another body under the same key is refused,
because one of the two would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from fastapi import Depends, Header, Request

from hookline.api.dependencies import dependencies_of
from hookline.storage.base import Once

REMEMBERED_MS = 24 * 3600 * 1000

#: What the keys of idempotency begin with in the store, where message ids have theirs beside them.
_PREFIX = "k:"


def make_once(scope: str, operation: str, key: str, body: bytes, now_ms: int) -> Once:
    """What the store remembers of a request with this ``key``.

    ``scope`` is the id of an organisation or application, ``operation`` tells one thing that may be asked from
    another, as ``POST /api/v1/app``.
    """
    name = blake2b(f"{operation}\0{key}".encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return Once(scope, _PREFIX + name, blake2b(body, digest_size=32).digest(), now_ms + REMEMBERED_MS)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key that came with a request, or none."""

    key: str
    operation: str
    body: bytes
    now_ms: int

    def once(self, scope: str) -> Once | None:
        """What the store shall remember; None when there is no key."""
        return make_once(scope, self.operation, self.key, self.body, self.now_ms) if self.key else None


_Given = Annotated[
    str, Header(alias="idempotency-key", description="Any text; a request with the same one is done only once a day.")
]


async def _idempotency(request: Request, given: _Given = "") -> IdempotencyKey:
    operation = f"{request.method} {request.url.path}"
    now_ms = dependencies_of(request).clock.now_ms()
    return IdempotencyKey(given, operation, await request.body(), now_ms)


#: The parameter by which a route learns whether it may have been asked before.
Idempotency = Annotated[IdempotencyKey, Depends(_idempotency)]
