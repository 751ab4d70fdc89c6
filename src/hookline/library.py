"""Verifying and nothing else: for programs that receive webhooks themselves and want to know whether to believe them.

No server, no store, no network, no configuration: the request goes in, a verdict comes out.

>>> event = hookline.verify("stripe", headers=headers, body=body, secrets=secret)
>>> event.type, event.json["data"]
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from hookline.core.body import BodyKind, kind_of, parse
from hookline.core.doctor import Diagnosis
from hookline.core.doctor import diagnose as examine
from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.headers import index
from hookline.core.model import Headers, Request, Response, Verification, with_url
from hookline.core.providers import registry
from hookline.core.providers.generic import SLUG as GENERIC
from hookline.core.providers.provider import Provider
from hookline.core.providers.where import parsed

Text: TypeAlias = str | bytes
#: As frameworks give them: a mapping, whose values may be lists, or pairs as they were received.
HeadersLike: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Text, Text]]


@dataclass(frozen=True)
class VerifiedEvent:
    """What a genuine request carries.

    ``id`` and ``type`` are the sender's own, empty where it names none. ``level`` is ``verified`` when the proof covers
    the body, ``authenticated`` when only the sender is proved (a static token, basic auth). ``timestamp`` is the signed
    time of sending in UTC seconds, None without one. ``secret_index`` says which of the secrets fitted, -1 for none.
    """

    id: str
    type: str
    level: Verification
    scheme: str
    secret_index: int
    timestamp: float | None
    body: bytes = field(repr=False)
    content_type: str = ""

    @property
    def verified(self) -> bool:
        """Whether a signature over the body was right."""
        return self.level is Verification.VERIFIED

    @property
    def authenticated(self) -> bool:
        """Whether the sender proved itself at all, be it without a signature over the body."""
        return self.level is not Verification.UNVERIFIED

    @cached_property
    def json(self) -> Any:
        """The body as JSON. Raises MalformedBody, an InvalidInput, when it is not."""
        return parse(BodyKind.JSON, self.body)

    @cached_property
    def parsed(self) -> Any:
        """The body as its content type says: JSON, a form (dict) or XML (dict); text or bytes else.

        Raises MalformedBody when it is not what it says.
        """
        kind = kind_of(self.content_type.encode("latin-1")) if self.content_type else BodyKind.JSON
        return parse(kind, self.body)


def verify(
    provider: str,
    *,
    headers: HeadersLike,
    body: Text,
    secrets: str | Sequence[str],
    method: str = "POST",
    url: str | None = None,
    configured_url: str | None = None,
    certificate: Text | None = None,
    now: float | None = None,
    tolerance_s: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> VerifiedEvent:
    """Whether a request comes from ``provider``, a slug of the catalogue; hyphen and underscore are the same.

    ``body`` must be the bytes as they were received: a body that was parsed and written again is another one.
    ``secrets`` is one secret or several, as while they are rotated. ``url`` is the whole address that was called;
    ``configured_url`` the one that was given to the sender, where a proxy changes it on the way: only senders that sign
    the address need them. ``certificate`` is the document with the public key for senders whose key is fetched (Amazon
    SNS, PayPal): `key_url` says where it is. ``now`` is UTC seconds, the clock's when None; ``tolerance_s`` is how far
    the signed time may be from it, in seconds and both directions, what the provider documents when None. ``options``
    are what a source of this provider may say (its page in the documentation lists them); for ``generic`` they say how
    requests are signed.

    Raises VerificationError, whose ``cause`` is stable and whose message says what to check, and InvalidInput for an
    unknown provider or arguments that cannot be used.
    """
    sender = _provider(provider, options)
    request = _request(headers, body, method, url, configured_url)
    found = sender.verify(request, _secrets(secrets), _now(now), tolerance_s, _bytes(certificate))
    identity = sender.identify(request, parsed(request))
    return VerifiedEvent(
        identity.event_id,
        identity.event_type,
        found.level,
        found.scheme,
        found.secret_index,
        found.timestamp_s,
        request.body,
        request.lookup.get(b"content-type", b"").decode("latin-1"),
    )


def handshake(
    provider: str,
    *,
    headers: HeadersLike,
    body: Text = b"",
    secrets: str | Sequence[str] = (),
    method: str = "POST",
    url: str | None = None,
    configured_url: str | None = None,
    certificate: Text | None = None,
    now: float | None = None,
    tolerance_s: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Response | None:
    """The answer that ``provider`` expects, when the request is one of its handshakes; else None, and it is an event.

    The arguments are those of `verify`. The Response has ``status``, ``body``, ``content_type`` and ``headers``; what
    the request taught us is in ``learned`` (a secret to keep: Asana, Notion), and ``visit`` is an address that must be
    called to finish (Amazon SNS). Raises InvalidInput for an unknown provider.
    """
    sender = _provider(provider, options)
    request = _request(headers, body, method, url, configured_url)
    return sender.handshake(request, _secrets(secrets), _now(now), tolerance_s, _bytes(certificate))


def key_url(
    provider: str,
    *,
    headers: HeadersLike,
    body: Text,
    secrets: str | Sequence[str] = (),
    method: str = "POST",
    options: Mapping[str, Any] | None = None,
) -> str:
    """Where the document is that `verify` wants as ``certificate``; empty when it wants none.

    Only addresses of the provider itself are given. Raises VerificationError for a request that names another one.
    ``secrets`` are wanted where one of them says whose keys they are (Kinde). Plaid gives its key only to a POST with
    your credentials.
    """
    wanted = _provider(provider, options).key_request(_request(headers, body, method, None, None), _secrets(secrets))
    return wanted.url if wanted is not None else ""


def diagnose(
    provider: str,
    *,
    headers: HeadersLike,
    body: Text,
    secrets: str | Sequence[str],
    method: str = "POST",
    url: str | None = None,
    configured_url: str | None = None,
    certificate: Text | None = None,
    now: float | None = None,
    tolerance_s: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Diagnosis]:
    """Why `verify` refuses a request and what to change, the certain reasons first; ``accepted`` when it does not.

    The arguments are those of `verify`. A Diagnosis has a stable ``code``, ``problem`` and ``remedy`` for people, and
    ``certain``: the request verifies once this is undone. It holds no secret and nothing of the request but names of
    headers and the address. This may take half a second: it is for finding a fault, not for every request. Raises
    InvalidInput for an unknown provider or arguments that cannot be used.
    """
    return examine(
        _provider(provider, options),
        _request(headers, body, method, url, configured_url),
        _secrets(secrets),
        _now(now),
        tolerance_s=tolerance_s,
        certificate=_bytes(certificate),
    )


def _provider(slug: str, options: Mapping[str, Any] | None) -> Provider:
    try:
        if slug.strip().lower() == GENERIC:
            return registry.build_generic(options or {})
        provider = registry.get(slug)
        return provider.configured(options) if options else provider
    except ConfigError as error:
        raise InvalidInput(error.message) from None


def _request(headers: HeadersLike, body: Text, method: str, url: str | None, configured_url: str | None) -> Request:
    if not isinstance(body, str | bytes):
        raise InvalidInput(
            f"the body must be the bytes as they were received, not {type(body).__name__}: "
            "read it before anything parses it"
        )
    lines = _lines(headers)
    lookup = index(lines)
    parts = urlsplit(url or "")
    request = Request(
        method.upper(),
        parts.path or "/",
        parts.query.encode("utf-8", "replace"),
        lines,
        lookup,
        _bytes(body) or b"",
        scheme=parts.scheme or "https",
        url=url or "",
    )
    return with_url(request, configured_url.partition("?")[0]) if configured_url else request


def _lines(headers: HeadersLike) -> Headers:
    pairs = headers.items() if hasattr(headers, "items") else headers  # not every mapping says that it is one
    lines: list[tuple[bytes, bytes]] = []
    try:
        for name, value in pairs:
            values = value if isinstance(value, list | tuple) else [value]
            lines += [(_header(name), _header(one)) for one in values]
    except (TypeError, ValueError):
        raise InvalidInput("headers must be a mapping, or pairs of a name and a value") from None
    return tuple(lines)


def _header(text: object) -> bytes:
    if not isinstance(text, str | bytes):
        raise InvalidInput(f"header names and values must be text or bytes, not {type(text).__name__}")
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _bytes(text: Text | None) -> bytes | None:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _secrets(secrets: str | Sequence[str]) -> Sequence[str]:
    found = list(secrets) if isinstance(secrets, Iterable) and not isinstance(secrets, str) else [secrets]
    if None in found:
        raise InvalidInput("a secret is None; is the variable set that it comes from?")
    if not all(isinstance(secret, str) for secret in found):
        raise InvalidInput("secrets must be text; a key in bytes is written as the provider shows it")
    return found


def _now(now: float | None) -> float:
    return time.time() if now is None else float(now)
