"""Striking secrets and signatures out of what is about to be logged, whatever room, library or exception said it.

Two nets: the *name* under which a value stands, and the *shape* that a value has inside any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"

_NAMES = (
    r"secret|signature|token|passw|passphrase|authorization|cookie|api[_-]?key|private[_-]?key|credential|hmac-sha256"
)

#: Names whose values never reach a log.
CONFIDENTIAL = re.compile(_NAMES, re.IGNORECASE)

#: What stands before a secret in a text and may be read (a name in a query, a shell, JSON or a repr; in a header
#: line; a scheme), and then the secret. Bounded, so that a long text costs no more than its length.
_NAMED = re.compile(
    rf"""(?ix)
    (?P<name> (?<![\w-]) [\w-]{{0,64}}(?:{_NAMES})[\w-]{{0,64}} (?: = ["']? | ["'] \s{{0,3}} [:=] \s{{0,3}} b?["'] )
            | (?<![\w-]) x-[\w-]{{0,64}}(?:{_NAMES})[\w-]{{0,64}} : \s{{0,3}}
            | \b bearer \s{{1,3}} (?= [^\s]{{0,40}} [\d._~+/=-] )
            | \b basic \s{{1,3}} (?= [a-z]{{0,64}} (?-i:[A-Z0-9+/=]) ) )
    [^\s"'&;,)\]}}]{{4,}}
    """
)

#: Secrets and signatures that are known by how they look.
_SHAPES = re.compile(
    r"""(?x)
      wh(?:sec|sk)_[A-Za-z0-9+/=_-]{8,}                              # Standard Webhooks, Stripe
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*      # JWT
    | \bv[01]a?[,=][A-Za-z0-9+/=]{16,}                               # Standard Webhooks, Stripe, Slack
    | \bsha(?:1|256|384|512)=[A-Za-z0-9+/=]{16,}                     # GitHub and many others
    | (?<=://)[^/@\s]+(?=@)                                          # a password in an address
    """
)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: strikes out values of confidential names and anything shaped like a secret."""
    return {name: value if name.startswith("_") else _struck(name, value) for name, value in event.items()}


def strike(text: str) -> str:
    """``text`` without what is named or shaped like a secret."""
    return _NAMED.sub(rf"\g<name>{REDACTED}", _SHAPES.sub(REDACTED, text))


def _struck(name: str, value: Any) -> Any:
    return REDACTED if CONFIDENTIAL.search(name) else _plain(value)


def _plain(value: Any) -> Any:
    """A copy in plain values, because what a renderer makes of an object cannot be seen from here."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return strike(value)
    if isinstance(value, bytes):
        return strike(value.decode("latin-1"))
    if isinstance(value, Mapping):
        return {strike(_text(name)): _struck(_text(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _items(value)
    return strike(repr(value))


def _items(values: Iterable[Any]) -> list[Any]:
    items = list(values)
    if len(items) == 2 and isinstance(items[0], str | bytes):  # a header line, perhaps
        name = _text(items[0])
        return [strike(name), _struck(name, items[1])]
    return [_plain(item) for item in items]


def _text(name: Any) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)
