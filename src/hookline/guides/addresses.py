"""The addresses that providers say they send from: data that comes with Hookline, and newer data that was fetched.

They are a second fence, never the first: an address proves less than a signature does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from hookline.core.body import follow, pointer_tokens
from hookline.core.errors import InvalidInput

#: The file, in the data directory, in which fetched ranges are kept.
KEPT = "addresses.json"

#: Networks by provider.
Ranges: TypeAlias = Mapping[str, list[str]]


class Published(msgspec.Struct, frozen=True):
    """What is known of one provider: where a program reads its ranges (empty: nowhere), and those that were read."""

    url: str = ""
    at: str = ""  #: a JSON pointer to them; ``*`` is every item
    ranges: list[str] = []
    read: str = ""  #: the day, as 2026-11-26
    same_as: str = ""  #: it sends by way of this provider


@cache
def published() -> dict[str, Published]:
    """All providers that publish addresses, by slug."""
    text = files("hookline.guides").joinpath("addresses.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Published])


def origin(slug: str) -> str:
    """The provider whose addresses these are: mostly ``slug`` itself."""
    known = published().get(slug)
    return known.same_as or slug if known is not None else slug


def all_ranges(data_dir: Path) -> Ranges:
    """The networks of every provider that has some: fetched ones where there are, else those that came along.

    Raises InvalidInput when the file of fetched ones cannot be read.
    """
    kept = read_kept(data_dir)
    found = {slug: kept.get(origin(slug)) or published().get(origin(slug), Published()).ranges for slug in published()}
    return {slug: ranges for slug, ranges in found.items() if ranges}


def read_kept(data_dir: Path) -> Ranges:
    """The networks that were fetched. Raises InvalidInput when their file is not one."""
    path = data_dir / KEPT
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}); remove it, and fetch the addresses anew") from None


def write_kept(data_dir: Path, ranges: Ranges) -> None:
    """Keep what was fetched."""
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / KEPT).write_bytes(msgspec.json.format(msgspec.json.encode(ranges)))


def read_ranges(document: bytes, at: str) -> list[str]:
    """The networks in a document: JSON, or text with one on each line. Raises InvalidInput when it holds none."""
    try:
        value: Any = msgspec.json.decode(document)
    except msgspec.DecodeError:
        value = document.decode("utf-8", "replace").split()
    found = list(dict.fromkeys(_networks(_at(value, at))))
    if not found:
        raise InvalidInput("the document holds no addresses where they should be")
    return found


def _at(value: Any, pointer: str) -> Any:
    head, star, rest = pointer.partition("/*")
    value = follow(value, pointer_tokens(head))
    return [_at(item, rest) for item in value] if star and isinstance(value, list) else value


def _networks(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _networks(item)
    elif isinstance(value, str):
        try:
            network = ip_network(value.strip(), strict=False)
        except ValueError:
            return
        if network.prefixlen:  # not the whole internet
            yield str(network)
