"""Who sends, when proxies stand between: trusted ones are believed, others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def locator(trusted: Iterable[Network]) -> Callable[[str, dict[bytes, bytes], str], tuple[str, str]]:
    """A function ``(peer, header lookup, scheme) -> (client address, scheme)``.

    ``X-Forwarded-For`` is read from the right, as far as the addresses in it are trusted proxies: everything
    further left could have been written by anybody. ``X-Forwarded-Proto`` counts only from a trusted peer.
    """
    networks = tuple(trusted)
    if not networks:
        return lambda peer, _headers, scheme: (peer, scheme)

    @lru_cache(maxsize=4096)
    def is_trusted(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in networks if network.version == address.version)

    def locate(peer: str, headers: dict[bytes, bytes], scheme: str) -> tuple[str, str]:
        if not is_trusted(peer):
            return peer, scheme
        forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
        client = peer
        for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not _is_address(hop):
                break
            client = hop
            if not is_trusted(hop):
                break
        proto = headers.get(b"x-forwarded-proto", b"").strip().lower()
        return client, "https" if proto == b"https" else "http" if proto == b"http" else scheme

    return locate


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
