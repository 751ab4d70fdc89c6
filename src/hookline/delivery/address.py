"""Which addresses may be connected to.

People who register an endpoint choose where our server connects; without a guard they can make it talk to
its own network (server-side request forgery). A name proves nothing, since its owner decides what it
resolves to and may change the answer between two look-ups. So the *address* is vetted, at the moment of
connecting, and that very address is the one connected to.

IPv4 is open except for the special ranges of the IANA registry (RFC 6890). IPv6 is the other way round: only
global unicast space (2000::/3) is open, and of that not the ranges which carry an IPv4 address inside them
(6to4, Teredo) or are reserved for protocols and documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

#: The first match names the range, so the narrow ones stand before the wide ones that contain them.
_SPECIAL_IPV4 = tuple(
    (IPv4Network(network), words)
    for network, words in (
        ("0.0.0.0/8", "this network, RFC 791"),
        ("10.0.0.0/8", "private, RFC 1918"),
        ("100.64.0.0/10", "shared carrier-grade NAT, RFC 6598"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.169.254/32", "cloud metadata service"),
        ("169.254.0.0/16", "link-local, RFC 3927"),
        ("172.16.0.0/12", "private, RFC 1918"),
        ("192.0.0.0/24", "protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.88.99.0/24", "6to4 relay, RFC 7526"),
        ("192.168.0.0/16", "private, RFC 1918"),
        ("198.18.0.0/15", "benchmarking, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved, RFC 1112"),
        # A public number, but inside Azure it is the host's own agent (wire server, DNS, health probes).
        ("168.63.129.16/32", "Azure platform service"),
    )
)

_SPECIAL_IPV6 = tuple(
    (IPv6Network(network), words)
    for network, words in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped, RFC 4291"),
        ("::ffff:0:0:0/96", "IPv4-translated, RFC 2765"),
        ("::/96", "IPv4-compatible, RFC 4291"),
        ("64:ff9b::/96", "NAT64, RFC 6052"),
        ("64:ff9b:1::/48", "local NAT64, RFC 8215"),
        ("100::/64", "discard-only, RFC 6666"),
        ("2001::/32", "Teredo, RFC 4380"),
        ("2001:2::/48", "benchmarking, RFC 5180"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2001::/23", "protocol assignments, RFC 2928"),
        ("2002::/16", "6to4, RFC 3056"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("fd00:ec2::254/128", "cloud metadata service"),
        ("fc00::/7", "unique local, RFC 4193"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local, RFC 3879"),
        ("ff00::/8", "multicast"),
    )
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """Addresses of ``host`` in the order of preference. Raises OSError when there are none."""
        ...


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What is open beyond the public internet: everything (``allow_private``) or the listed ``networks``."""

    allow_private: bool = False
    networks: tuple[Network, ...] = ()

    def refusal(self, address: str) -> str | None:
        """None when ``address`` may be connected to, else words that name its special range."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return "not an IP address"
        if self.allow_private:
            return None
        words = _special(parsed)
        if words is None or any(parsed in network for network in self.networks):
            return None
        return words


@lru_cache(maxsize=4096)
def _special(address: IPv4Address | IPv6Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((words for network, words in _SPECIAL_IPV4 if address in network), None)
    if address.scope_id is not None:
        return "scoped to one interface, RFC 4007"
    for network, words in _SPECIAL_IPV6:
        if address in network:
            return words
    return None if address in _GLOBAL_UNICAST else "outside global unicast space, RFC 4291"
