"""What a row can say about a signature. Only data: ``verifier.py`` makes it work.

A row that cannot work is refused when it is built, never when a request arrives. To teach Hookline a new
form of signature, add a member to one of the enumerations here and its function in the file named there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hookline.core.errors import ConfigError
from hookline.core.providers.template import Template
from hookline.core.providers.where import Place, Where


class Kind(StrEnum):
    """How a sender proves itself (verifier.py)."""

    HMAC = "hmac"
    ED25519 = "ed25519"
    STATIC_TOKEN = "static_token"  # noqa: S105
    BASIC_AUTH = "basic_auth"
    NONE = "none"


class Algorithm(StrEnum):
    """The hash under an HMAC."""

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


class Encoding(StrEnum):
    """How signature bytes are written (encoding.py)."""

    HEX = "hex"
    HEX_ANY_CASE = "hex_any_case"  #: some senders write upper case
    BASE64 = "base64"
    BASE64URL = "base64url"


class KeyEncoding(StrEnum):
    """How a secret becomes a key (encoding.py)."""

    UTF8 = "utf8"  #: the string as it is, with any ``whsec_`` in front
    BASE64 = "base64"
    HEX = "hex"
    WHSEC_BASE64 = "whsec_base64"  #: Standard Webhooks: ``whsec_`` and padding may be missing
    WHPK_BASE64 = "whpk_base64"  #: Standard Webhooks, an Ed25519 public key


class TimeUnit(StrEnum):
    """How a timestamp is written (timestamp.py)."""

    S = "s"
    MS = "ms"
    NS = "ns"
    ISO = "iso"  #: RFC 3339


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

    ``signed`` is the template of what is signed (see template.py). ``event_id`` and ``event_type`` are
    the places that go with this scheme where they differ from the provider's: a request that is signed
    under one spelling must not choose its id under another, unsigned one.
    """

    id: str
    kind: Kind
    signature: Signature | None = None
    algorithm: Algorithm = Algorithm.SHA256
    signed: str = ""
    key: KeyEncoding = KeyEncoding.UTF8
    timestamp: Timestamp | None = None
    event_id: tuple[Where, ...] = ()
    event_type: tuple[Where, ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        if self.kind is Kind.NONE:
            self._allow(signature=False, signed=False)
        elif self.kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH):
            self._allow(signature=True, signed=False)
        else:
            self._allow(signature=True, signed=True)
            self._check_signed(Template.parse(self.signed))

    @property
    def covers_body(self) -> bool:
        """Whether the proof covers every byte of the body."""
        return bool(self.signed) and Template.parse(self.signed).has("raw_body")

    def covers(self, where: Where) -> bool:
        """Whether nobody but the sender can have written what is at ``where``."""
        if self.covers_body and where.place in (Place.BODY, Place.FORM):
            return True
        return bool(self.signed) and Template.parse(self.signed).covers(where)

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
        if in_field and (self.signature is None or self.signature.format is not Format.KV):
            raise ConfigError("a timestamp can be a field of the signature only when its format is `kv`")
