"""A sender of each kind, its genuine request, and faults to put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from hookline.core.doctor import Diagnosis, diagnose
from hookline.core.headers import index
from hookline.core.model import Request, with_body
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import build_generic, get
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.sign import sign_request
from tests.core.providers.making import NOW, pair_of

#: Compact JSON with everything that libraries write differently.
BODY = (
    '{"id":"evt_1","type":"a.b","url":"https://x.example/a?b=<1>&c","name":"Zoë \u2028","n":1.10,"l":[],"o":{}}'
).encode()


@dataclass(frozen=True)
class Case:
    """What is asked of the doctor."""

    request: Request
    secrets: tuple[str, ...]
    provider: Provider
    signing: str = ""
    now_s: float = NOW
    tolerance_s: float | None = None
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def told(self) -> list[Diagnosis]:
        return diagnose(
            self.provider, self.request, self.secrets, self.now_s, tolerance_s=self.tolerance_s, others=self.others
        )

    @property
    def scheme(self) -> Scheme:
        return self.provider.schemes[0]

    @property
    def header(self) -> bytes:
        """The name of the header that holds the proof."""
        assert self.scheme.signature is not None
        return self.scheme.signature.where.name.lower().encode()

    @property
    def value(self) -> bytes:
        return self.request.lookup[self.header]

    def with_lines(self, *lines: tuple[bytes, bytes]) -> Case:
        return replace(self, request=msgspec.structs.replace(self.request, headers=lines, lookup=index(lines)))

    def with_header(self, name: bytes, value: bytes) -> Case:
        return self.with_lines(*(line for line in self.request.headers if line[0].lower() != name), (name, value))

    def with_value(self, value: bytes) -> Case:
        return self.with_header(self.header, value)

    def with_body(self, body: bytes) -> Case:
        return replace(self, request=with_body(self.request, body))

    def signed_anew(
        self, provider: Provider | None = None, secret: str = "", body: bytes = BODY, query: str = "?a=1"
    ) -> Case:
        """The same, but the sender signed it in another way."""
        return replace(self, request=made_request(provider or self.provider, secret or self.signing, body, query))

    def signed_by(self, scheme: Scheme, secret: str = "") -> Case:
        """The same, but the sender signed it by another scheme."""
        return self.signed_anew(replace(self.provider, schemes=(scheme,), signs_with=()), secret)


@dataclass(frozen=True)
class Family:
    """A kind of sender."""

    name: str
    slug: str
    scheme: str
    block: dict[str, object] = field(default_factory=dict)

    def case(self) -> Case:
        provider = build_generic(self.block) if self.slug == "generic" else get(self.slug)
        scheme = next(one for one in provider.schemes if one.id == self.scheme)
        signing, verifying = pair_of(provider, scheme)
        provider = replace(provider, schemes=(scheme,), signs_with=())
        return Case(made_request(provider, signing, BODY), (verifying,), provider, signing)

    def __str__(self) -> str:
        return self.name


def made_request(provider: Provider, secret: str, body: bytes, query: str = "?a=1") -> Request:
    made = sign_request(
        provider,
        body=body,
        secret=secret,
        now_s=NOW,
        event_id="evt_1",
        event_type="a.b",
        url=f"https://hooks.example.com/webhooks/x{query}",
        headers=((b"host", b"hooks.example.com"),),
    )
    return msgspec.structs.replace(made, url="", scheme="https")


FAMILIES = (
    Family("prefixed-hex", "github", "default"),
    Family("base64", "shopify", "webhooks"),
    Family("kv", "stripe", "default"),
    Family("standard-webhooks", "standard_webhooks", "standard-webhooks"),
    Family("header-timestamp", "slack", "default"),
    Family("ed25519", "standard_webhooks", "v1a-ed25519"),
    Family(
        "static-token", "generic", "generic", {"kind": "static_token", "header": "Authorization", "prefix": "Bearer "}
    ),
    Family("bare-token", "generic", "generic", {"kind": "static_token", "header": "X-Token"}),
    Family("basic-auth", "generic", "generic", {"kind": "basic_auth"}),
    Family("url-bound", "generic", "generic", {"header": "X-Sig", "signed": "{url}{raw_body}"}),
    Family("hash", "generic", "generic", {"header": "X-Sig", "kind": "hash"}),
    Family(
        "rsa",
        "generic",
        "generic",
        {"header": "X-Sig", "kind": "rsa", "encoding": "base64", "key_encoding": "public_key"},
    ),
    Family(
        "ecdsa",
        "generic",
        "generic",
        {"header": "X-Sig", "kind": "ecdsa", "encoding": "base64", "key_encoding": "public_key"},
    ),
)

SHARED = frozenset({Kind.HMAC, Kind.HASH})
PUBLIC = frozenset({Kind.ED25519, Kind.RSA, Kind.ECDSA})
SIGNED = SHARED | PUBLIC
CREDENTIALS = frozenset({Kind.STATIC_TOKEN, Kind.BASIC_AUTH})

Break = Callable[[Case], Case]
