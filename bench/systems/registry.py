"""Which adapter speaks to which server, and how one is named on a command line."""

from __future__ import annotations

from collections.abc import Callable

from bench.systems.convoy import Convoy
from bench.systems.hookline import Hookline
from bench.systems.svix import Svix
from bench.systems.system import System

ADAPTERS: dict[str, Callable[[str, str, str], System]] = {"svix": Svix, "convoy": Convoy, "hookline": Hookline}


def parse_system(text: str) -> System:
    """``svix=http://127.0.0.1:8071,TOKEN``, or ``mine:svix=…`` to call it by another name. Raises ValueError."""
    left, equals, right = text.partition("=")
    address, comma, token = right.partition(",")
    name, colon, kind = left.partition(":")
    adapter = ADAPTERS.get(kind if colon else name)
    if not equals or not comma or adapter is None or not address.startswith("http://"):
        raise ValueError(f"{text!r}: write {'|'.join(ADAPTERS)}=http://HOST:PORT,TOKEN")
    return adapter(address, token, name)
