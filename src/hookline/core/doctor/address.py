"""Addresses that a proxy changed, for senders that sign the address they called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from urllib.parse import quote, unquote, urlsplit

import msgspec

from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Cure, Finding, cured
from hookline.core.errors import HooklineError
from hookline.core.model import full_url
from hookline.core.providers.options import URL

#: Trials; more combinations than this are nobody's proxy.
_MOST = 400
_LONGEST = 4_000

_HOSTS = (b"host", b"x-forwarded-host", b"x-original-host", b"x-host", b"x-forwarded-server")
_PATHS = (b"x-original-uri", b"x-original-url", b"x-forwarded-uri", b"x-rewrite-url", b"x-envoy-original-path")


def find(case: Case) -> Iterator[Finding]:
    """The address under which the request verifies."""
    if not signs_address(case):
        return
    known = full_url(case.request)
    for count, address in enumerate(_addresses(case)):
        if count >= _MOST:
            return
        cure = _at(case, address)
        if address != known and cure is not None and case.works(cure):
            yield cured(
                "wrong_url",
                f"The signature covers the address that the sender called. It fits {shown(address)}; here the request "
                f"seems to have come to {shown(known)}.",
                f"Say the address with `url: {shown(address).partition('?')[0]}` in the `signature` block of the "
                "source, or set HOOKLINE_PUBLIC_URL; or let the proxy pass on `Host` and `X-Forwarded-Proto` and name "
                "it in `trusted_proxies`.",
                cure,
            )
            return


def signs_address(case: Case) -> bool:
    """Whether the proof of this request depends on the address."""
    options = {option.name for option in case.provider.options}
    return URL.name in options or any(scheme.binds_url for scheme in case.schemes)


def shown(address: str) -> str:
    """An address as people may see it: without user, password and the values of its query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    names = "&".join(f"{part.partition('=')[0]}=…" for part in parts.query.split("&") if part)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return base + (f"?{names}" if names else "")


def _at(case: Case, address: str) -> Cure | None:
    request = msgspec.structs.replace(case.request, url=address)
    chosen = {**case.provider.chosen, URL.name: address.partition("?")[0]}
    try:
        provider = replace(case.provider, chosen=chosen)
    except HooklineError:
        return None
    return Cure(request, case.secrets, provider)


def _addresses(case: Case) -> Iterator[str]:
    known = full_url(case.request)
    try:
        parts = urlsplit(known)
    except ValueError:
        return
    query = case.request.query.decode("latin-1") or parts.query
    queries = [f"?{query}", "", f"?{unquote(query)}"] if query else ["", "?"]
    paths = list(_paths(case, parts.path))
    for asked, scheme, host, path in product(queries, _schemes(case), _hosts(case, parts.netloc), paths):
        address = f"{scheme}://{host}{path}{asked if '?' not in path else ''}"
        if len(address) <= _LONGEST:
            yield address


def _schemes(case: Case) -> list[str]:
    told = case.request.lookup.get(b"x-forwarded-proto", b"").decode("latin-1").partition(",")[0].strip().lower()
    return list(dict.fromkeys([*([told] if told in ("http", "https") else []), "https", "http"]))


def _hosts(case: Case, host: str) -> list[str]:
    lookup = case.request.lookup
    hosts = [host, *(lookup.get(name, b"").decode("latin-1").partition(",")[0].strip() for name in _HOSTS)]
    for part in lookup.get(b"forwarded", b"").decode("latin-1").replace(",", ";").split(";")[:20]:
        key, _, value = part.strip().partition("=")
        hosts += [value.strip('"')] if key.lower() == "host" else []
    if given := case.provider.chosen.get(URL.name):
        hosts.append(urlsplit(given).netloc)
    port = lookup.get(b"x-forwarded-port", b"").decode("latin-1")
    found = [one for one in dict.fromkeys(hosts) if one and len(one) <= 255]
    bare = [one.rpartition(":")[0] if one.rpartition(":")[2].isdigit() else one for one in found]
    ports = dict.fromkeys([*([port] if port.isdigit() else []), "443", "80"])
    return list(dict.fromkeys([*found, *bare, *(f"{one}:{number}" for number in ports for one in bare)]))


def _paths(case: Case, path: str) -> Iterator[str]:
    lookup = case.request.lookup
    paths = [path, case.request.path]
    for name in _PATHS:
        told = lookup.get(name, b"").decode("latin-1")
        paths += [told if told.startswith("/") else urlsplit(told).path] if told and len(told) <= _LONGEST else []
    prefix = lookup.get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/")
    paths += [prefix + path] if prefix else []
    if given := case.provider.chosen.get(URL.name):
        paths.append(urlsplit(given).path)
    paths += [one.rstrip("/") if one.endswith("/") else f"{one}/" for one in tuple(paths) if "?" not in one]
    paths += [unquote(path), quote(unquote(path))]
    yield from dict.fromkeys(paths)
