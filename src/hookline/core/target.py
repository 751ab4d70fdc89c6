"""Where a request goes: an endpoint's URL, taken apart once and checked strictly.

A lenient parser is how request forgery begins: two programs read the same URL and see two hosts. So nothing
is guessed or repaired here. What RFC 3986 does not allow is refused with the remedy, international names
become ASCII (UTS #46) *before* anyone looks whether they are an address, and numeric hosts are accepted in
the one spelling that every program reads alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from hookline.core.errors import InvalidInput

#: The longest URL accepted; servers commonly refuse request lines above 8 KB (nginx, Apache httpd).
MAX_URL_CHARS = 8_000

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
#: Everything printable in ASCII stays as written in a path; the rest is percent-encoded UTF-8.
_PATH_SAFE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Target:
    """One URL to send to, by POST unless `asked_by` says otherwise.

    Made by ``Target.parse``; the parts that may hold a secret are not in its repr.
    """

    url: str = field(repr=False)
    scheme: str  #: ``http`` or ``https``
    host: str  #: an ASCII name without trailing dot, or an address without brackets
    port: int
    path: bytes = field(repr=False)  #: origin-form with query, RFC 9112 §3.2.1
    host_header: bytes  #: value of ``Host``: the port only when it is not the scheme's own
    tls: bool
    literal: bool  #: the host is an address, there is nothing to look up
    origin: str = field(repr=False)  #: what connections are shared by: scheme, host and port
    head: bytes = field(repr=False)  #: request line and ``Host``, ready to be written

    @classmethod
    def parse(cls, url: str) -> Target:
        """Take ``url`` apart. Raises InvalidInput that says what to change, without repeating the URL."""
        scheme, authority, path = _split(url)
        host, literal, port = _host_and_port(authority, scheme)
        shown = f"[{host}]" if ":" in host else host
        host_header = (shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}").encode()
        origin_form = _origin_form(path)
        return cls(
            url=url,
            scheme=scheme,
            host=host,
            port=port,
            path=origin_form,
            host_header=host_header,
            tls=scheme == "https",
            literal=literal,
            origin=f"{scheme}://{shown}:{port}",
            head=b"POST " + origin_form + b" HTTP/1.1\r\nHost: " + host_header + b"\r\n",
        )

    def asked_by(self, method: str) -> Target:
        """The same target for requests of another method than POST."""
        return replace(self, head=method.encode("ascii") + self.head.removeprefix(b"POST"))


def _split(url: str) -> tuple[str, str, str]:
    if len(url) > MAX_URL_CHARS:
        raise InvalidInput(f"the URL has {len(url)} characters; use at most {MAX_URL_CHARS}")
    if _FORBIDDEN.search(url):
        raise InvalidInput("the URL contains a space, a backslash or a control character; percent-encode it, as in %20")
    if "#" in url:
        raise InvalidInput("the URL has a fragment, which is never sent; remove the `#` and what follows it")
    parts = _URL.fullmatch(url)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in _DEFAULT_PORTS:
        raise InvalidInput("the URL must begin with http:// or https:// and name a host")
    return scheme, parts["authority"], parts["path"]


def _host_and_port(authority: str, scheme: str) -> tuple[str, bool, int]:
    if "@" in authority:
        raise InvalidInput(
            "the URL carries a user name or password before `@`; send credentials as a header of the endpoint"
        )
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise InvalidInput("the host of the URL cannot be read; write an IPv6 address as http://[2001:db8::1]/")
    host, literal = _host(parts["host"])
    return host, literal, _port(parts["port"], scheme)


def _port(text: str | None, scheme: str) -> int:
    if text is None or text == "":
        return _DEFAULT_PORTS[scheme]
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise InvalidInput("the port of the URL must be a number from 1 to 65535")
    return int(text)


def _host(text: str) -> tuple[str, bool]:
    if text.startswith("["):
        return _ipv6(text[1:-1]), True
    name = _ascii_name(text).lower().removesuffix(".")
    if not name:
        raise InvalidInput("the URL names no host; write it like https://example.com/hook")
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(name), True
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput(f"{name[:80]!r} is not a valid host name; write it like hooks.example.com")
    return name, False


def _ascii_name(text: str) -> str:
    """The ASCII form of an international name, RFC 5891; plain names pass, also those with underscores."""
    if text.isascii() and "xn--" not in text.lower():
        return text
    try:
        return idna.encode(text, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidInput(f"{text[:80]!r} is not a valid international host name (IDNA 2008)") from None


def _ipv4(name: str) -> str:
    """A host whose last label is a number is an address to browsers and libc; only one spelling is safe."""
    try:
        return str(IPv4Address(name))
    except AddressValueError:
        raise InvalidInput(
            f"{name[:80]!r} is an unusual spelling of an address; write four decimal numbers, like 192.0.2.10"
        ) from None


def _ipv6(text: str) -> str:
    if "%" in text:
        raise InvalidInput("the address in the URL has a zone (`%…`), which only means something on one machine")
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise InvalidInput(f"{text[:80]!r} between the brackets of the URL is not an IPv6 address") from None


def _origin_form(path: str) -> bytes:
    if not path.startswith("/"):
        path = "/" + path
    return quote(path, safe=_PATH_SAFE).encode("ascii")
