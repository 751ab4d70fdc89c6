"""What a row can say about a signature. Only data: ``verifier.py`` makes it work.

A row that cannot work is refused when it is built, never when a request arrives. To teach Hookline a new
form of signature, add a member to one of the enumerations here and its function in the file named there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hookline.core.errors import ConfigError
from hookline.core.providers.jwt import Jwt
from hookline.core.providers.signed import Signed
from hookline.core.providers.special import Special
from hookline.core.providers.template import Template
from hookline.core.providers.where import Place, Where


class Kind(StrEnum):
    """How a sender proves itself (verifier.py)."""

    HMAC = "hmac"
    HASH = "hash"  #: a bare hash of the secret and, behind it, what is signed
    ED25519 = "ed25519"
    RSA = "rsa"  #: PKCS #1 v1.5
    ECDSA = "ecdsa"  #: a DER signature
    JWT = "jwt"  #: a signed token whose claims speak of the request (jwt.py)
    SPECIAL = "special"  #: the provider has a file of its own (special.py)
    STATIC_TOKEN = "static_token"  # noqa: S105
    BASIC_AUTH = "basic_auth"
    NONE = "none"


class Algorithm(StrEnum):
    """The hash that is signed."""

    MD5 = "md5"  #: only in bare hashes of senders that know nothing better
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Format(StrEnum):
    """How one header holds one signature or several (format.py)."""

    PLAIN = "plain"  #: the signature alone
    LIST = "list"  #: signatures, separated
    KV = "kv"  #: ``key=value`` pairs, separated; the signatures are the values of one key
    SPACE_LIST = "space_list"  #: ``tag,signature`` pairs, separated by spaces
    POSITIONAL = "positional"  #: the timestamp, then signatures, separated
    NUMBERED = "numbered"  #: headers whose names end in 1, 2, 3 …, a signature in each
    PIPE_PAIRS = "pipe_pairs"  #: ``public key|signature`` pairs, separated by ``&``


class Encoding(StrEnum):
    """How signature bytes are written (encoding.py)."""

    HEX = "hex"
    HEX_ANY_CASE = "hex_any_case"  #: some senders write upper case
    BASE64 = "base64"
    BASE64URL = "base64url"
    BASE64URL_BARE = "base64url_bare"  #: without padding


class KeyEncoding(StrEnum):
    """How a secret becomes a key (encoding.py)."""

    UTF8 = "utf8"  #: the string as it is, with any ``whsec_`` in front
    BASE64 = "base64"
    HEX = "hex"
    WHSEC_BASE64 = "whsec_base64"  #: Standard Webhooks: ``whsec_`` and padding may be missing
    WHPK_BASE64 = "whpk_base64"  #: Standard Webhooks, an Ed25519 public key
    UTF8_NFKD = "utf8_nfkd"  #: normalised (Unicode NFKD) before it is encoded
    SHA1_OF_UTF8 = "sha1_of_utf8"
    PUBLIC_KEY = "public_key"  #: PEM, or the base64 within it (X.509 SubjectPublicKeyInfo)


class TimeUnit(StrEnum):
    """How a timestamp is written (timestamp.py)."""

    S = "s"
    MS = "ms"
    NS = "ns"
    ISO = "iso"  #: RFC 3339
    S_OR_MS = "s_or_ms"  #: senders that changed from one to the other
    ISO_OR_S = "iso_or_s"


@dataclass(frozen=True, slots=True)
class Signature:
    """Where the proof is and how it is written."""

    where: Where
    encoding: Encoding = Encoding.HEX
    format: Format = Format.PLAIN
    prefix: str = ""  #: stands before each signature, as ``sha256=``
    tag: str = ""  #: the key (KV) or the tag (SPACE_LIST) of signatures that count
    delimiter: str = ","  #: between signatures (LIST) or pairs (KV)

    def __post_init__(self) -> None:
        if self.where.place is Place.FIELD:
            raise ConfigError("a signature cannot be in a field of itself")
        if (self.format in (Format.KV, Format.SPACE_LIST)) != bool(self.tag):
            raise ConfigError(f"format `{self.format}` goes {'without' if self.tag else 'with'} a tag")
        if not self.delimiter:
            raise ConfigError("the delimiter must not be empty")
        for text in (self.prefix, self.tag, self.delimiter):
            if not text.isascii():
                raise ConfigError(f"{text!r} must be ASCII")


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Where the time of sending is. ``tolerance_s`` is what the provider documents, None when it is silent."""

    where: Where
    unit: TimeUnit = TimeUnit.S
    tolerance_s: float | None = 300.0

    def __post_init__(self) -> None:
        if self.tolerance_s is not None and not self.tolerance_s >= 0:
            raise ConfigError("a tolerance must be a number of seconds, zero or more")


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way in which a provider proves itself.

    ``signed`` is the template of what is signed (template.py), or a function where a template cannot say it
    (signed.py). Where that is not enough, ``special`` has the provider's own file. ``event_id`` and ``event_type``
    are the places that go with this scheme where they differ from the provider's: a request that is signed
    under one spelling must not choose its id under another, unsigned one.
    """

    id: str
    kind: Kind
    signature: Signature | None = None
    algorithm: Algorithm = Algorithm.SHA256
    signed: str | Signed = ""
    key: KeyEncoding = KeyEncoding.UTF8
    timestamp: Timestamp | None = None
    event_id: tuple[Where, ...] = ()
    event_type: tuple[Where, ...] = ()
    jwt: Jwt | None = None
    special: Special | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        if bool(self.jwt) != (self.kind is Kind.JWT) or bool(self.special) != (self.kind is Kind.SPECIAL):
            raise ConfigError("kinds `jwt` and `special` go with their rules, and no others do")
        if self.kind in (Kind.NONE, Kind.SPECIAL):
            self._allow(signature=False, signed=False)
        elif self.kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH, Kind.JWT):
            self._allow(signature=True, signed=False)
        else:
            self._allow(signature=True, signed=True)
            if isinstance(self.signed, str):
                self._check_signed(Template.parse(self.signed))

    @property
    def covers_body(self) -> bool:
        """Whether the proof covers every byte of the body."""
        rules = self.jwt or self.special or (self.signed if isinstance(self.signed, Signed) else None)
        if rules is not None:
            return rules.covers_body
        return isinstance(self.signed, str) and bool(self.signed) and Template.parse(self.signed).has("raw_body")

    @property
    def is_asymmetric(self) -> bool:
        """Whether the sender signs with a private key, of which we have the public half."""
        if self.jwt is not None:
            return not self.jwt.algorithms[0].startswith("HS")
        if self.special is not None:
            return self.special.is_asymmetric
        return self.kind in (Kind.ED25519, Kind.RSA, Kind.ECDSA)

    @property
    def binds_url(self) -> bool:
        """Whether the proof depends on the address that the sender called."""
        rules = self.jwt or self.special or (self.signed if isinstance(self.signed, Signed) else None)
        if rules is not None:
            return rules.binds_url
        return isinstance(self.signed, str) and bool(self.signed) and Template.parse(self.signed).has("url")

    def covers(self, where: Where) -> bool:
        """Whether nobody but the sender can have written what is at ``where``."""
        if self.covers_body and where.place in (Place.BODY, Place.FORM, Place.KEY):
            return True
        if isinstance(self.signed, Signed):
            return where in self.signed.covers
        return bool(self.signed) and Template.parse(self.signed).covers(where)

    def signed_headers(self) -> tuple[bytes, ...]:
        """The lower-case names of the headers that are signed."""
        if isinstance(self.signed, Signed):
            places = (place for place in self.signed.covers if place.place is Place.HEADER)
            return tuple(place.name.lower().encode("ascii") for place in places)
        return Template.parse(self.signed).headers() if self.signed else ()

    def _allow(self, *, signature: bool, signed: bool) -> None:
        if bool(self.signature) != signature:
            raise ConfigError(f"`{self.kind}` goes {'with' if signature else 'without'} a signature place")
        if bool(self.signed) != signed:
            raise ConfigError(f"`{self.kind}` goes {'with' if signed else 'without'} a signed template")
        if self.timestamp and not signed:
            raise ConfigError(f"`{self.kind}` cannot prove a timestamp")

    def _check_signed(self, template: Template) -> None:
        if not template.fields:
            raise ConfigError("the signed template names nothing of the request; most sign `{raw_body}`")
        if template.has("timestamp") and self.timestamp is None:
            raise ConfigError("the signed template has `{timestamp}`, but no place of a timestamp is given")
        in_field = self.timestamp is not None and self.timestamp.where.place is Place.FIELD
        if in_field and (self.signature is None or self.signature.format not in (Format.KV, Format.POSITIONAL)):
            raise ConfigError("a timestamp can be a field of the signature only when its format is `kv`")
