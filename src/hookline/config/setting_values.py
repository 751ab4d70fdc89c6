"""The kinds of value that settings have: read from a flag, a variable or YAML, checked, and shown.

Each reader takes text (from a flag or a variable) or a YAML value and raises InvalidInput with an example.
No message repeats the value, which could be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from hookline.config.fields import check_network
from hookline.config.problems import did_you_mean
from hookline.core.errors import InvalidInput

HIDDEN = "(hidden)"

E = TypeVar("E", bound=StrEnum)

_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?")
_DATABASE = re.compile(r"sqlite://(:memory:|/[^?#\0]+)|postgres(ql)?://[^\s\0]+")


def text(value: object) -> str:
    """Text that is not empty and has no control characters."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InvalidInput("must be text that is not empty")
    return value.strip()


def path(value: object) -> Path:
    """The path of a file or folder."""
    return value if isinstance(value, Path) else Path(text(value))


def boolean(value: object) -> bool:
    """true or false; in variables also yes, no, on, off, 1 and 0."""
    meant = value if isinstance(value, bool) else _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    if meant is None:
        raise InvalidInput("must be true or false")
    return meant


def integer(lowest: int, highest: int) -> Callable[[object], int]:
    """A reader of whole numbers within these bounds, both included."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,18}\s*", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise InvalidInput(f"must be a whole number from {lowest} to {highest}")
        return value

    return read


def choice(choices: type[E]) -> Callable[[object], E]:
    """A reader of one of these words."""

    def read(value: object) -> E:
        word = value.strip().lower() if isinstance(value, str) else ""
        try:
            return choices(word)
        except ValueError:
            known = " or ".join(choices)
            raise InvalidInput(f"must be {known}{did_you_mean(word, choices)}") from None

    return read


def networks(value: object) -> tuple[str, ...]:
    """Addresses and networks in canonical spelling, from a list or from text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise InvalidInput("must be a list of networks, as in `10.0.0.0/8, 127.0.0.1`")
    return tuple(check_network(item.strip()) for item in items if item.strip())


def networks_or_boolean(value: object) -> bool | tuple[str, ...]:
    """All (true), none (false), or these networks."""
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in _BOOLEANS):
        return boolean(value)
    try:
        return networks(value)
    except InvalidInput as error:
        raise InvalidInput(f"{error.message}; or true or false") from None


def database(value: object) -> str:
    """The URL of a database that Hookline knows by name; whether it can be opened is the store's affair."""
    url = text(value)
    if url == "sqlite:///:memory:":
        return "sqlite://:memory:"
    if not _DATABASE.fullmatch(url):
        raise InvalidInput("must be `sqlite:///path/to/file.db`, `sqlite://:memory:` or `postgresql://…`")
    return url


def hide_credentials(url: str) -> str:
    """A database URL without user, password and parameters."""
    return re.sub(r"\?.*", f"?{HIDDEN}", re.sub(r"://.*@", f"://{HIDDEN}@", url, flags=re.DOTALL), flags=re.DOTALL)


def server_secret(value: object) -> str:
    """What signs tokens: 32 characters or more, as RFC 7518 §3.2 asks for HS256."""
    if not isinstance(value, str) or len(value.strip()) < 32:
        raise InvalidInput("must have at least 32 characters; make one with `openssl rand -hex 32`")
    return value.strip()


def organisation(value: object) -> str:
    """The id of an organisation."""
    name = text(value)
    if not re.fullmatch(r"org_[A-Za-z0-9_-]{1,60}", name):
        raise InvalidInput("must be `org_` and up to 60 letters, digits, `-` and `_`")
    return name


def public_url(value: object) -> str:
    """The beginning of an address that people open, without a slash at its end."""
    if value == "":
        return ""
    url = text(value).rstrip("/")
    if not _PUBLIC_URL.fullmatch(url):
        raise InvalidInput("must begin with http:// or https:// and a host, as in `https://hooks.example.com`")
    return url


def shown(value: Any) -> str:
    """A value as people would write it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
