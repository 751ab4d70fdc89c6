"""One webhook sender: its row, and what the row does once it is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hookline.core.body import ParsedBody, pointer_tokens
from hookline.core.errors import ConfigError, InvalidInput, VerificationError
from hookline.core.model import Request, Response
from hookline.core.providers.handshake import Answerer, Handshake, answerer
from hookline.core.providers.identity import Identity, TextReader, first_text, with_suffix
from hookline.core.providers.matcher import key_of
from hookline.core.providers.refusal import Voice
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.verifier import Check, Verified, compile_schemes
from hookline.core.providers.where import Place, Where

__all__ = ["Handshake", "Identity", "Provider", "Verified"]

_CONTENT_TYPES = frozenset({"json", "form", "xml", "text", "any"})


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of the catalogue. Building one that cannot work raises ConfigError."""

    slug: str
    name: str
    schemes: tuple[Scheme, ...]
    aliases: tuple[str, ...] = ()
    event_id: tuple[Where, ...] = ()  #: the first that is there
    event_type: tuple[Where, ...] = ()
    event_type_sub: str = ""  #: JSON pointer; what is there is appended to the type, after a dot
    delivery_id: tuple[Where, ...] = ()
    json_field: str = ""  #: the field in which a form carries the JSON document
    content_types: tuple[str, ...] = ("json",)  #: of json, form, xml, text, any
    methods: tuple[str, ...] = ("POST",)
    handshakes: tuple[Handshake, ...] = ()
    success: str = "2xx"  #: which statuses the sender takes as received
    timeout_s: float | None = None  #: how long the sender waits for them
    retries: str = ""
    retries_by_itself: bool | None = None  #: None: not known
    attempt: Where | None = None  #: where the sender counts its retries
    ip_ranges: str = ""  #: where the sender publishes its addresses
    key_hint: str = "the signing secret"
    notes: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    #: For `sign`: header lines that every request of this sender has, and schemes it applies together.
    sample_headers: tuple[tuple[str, str], ...] = ()
    signs_with: tuple[str, ...] = ()

    _check: Check = field(init=False, repr=False, compare=False)
    _written_in: Any = field(init=False, repr=False, compare=False)
    _identifiers: dict[str, tuple[TextReader, TextReader]] = field(init=False, repr=False, compare=False)
    _answerers: tuple[tuple[Handshake, Answerer], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            self._refuse_nonsense()
            check, written_in = compile_schemes(self.schemes, Voice(self.name, self.key_hint))
            identifiers = {scheme.id: self._identifiers_of(scheme) for scheme in self.schemes}
            answerers = tuple((one, answerer(one, self.json_field)) for one in self.handshakes)
        except InvalidInput as error:
            raise ConfigError(error.message, where=self.slug) from None
        except ConfigError as error:
            raise ConfigError(error.message, where=error.where or self.slug) from None
        object.__setattr__(self, "_check", check)
        object.__setattr__(self, "_written_in", written_in)
        object.__setattr__(self, "_identifiers", identifiers)
        object.__setattr__(self, "_answerers", answerers)

    def verify(
        self, request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None = None
    ) -> Verified:
        """Say how far the sender of ``request`` is proven, under any of ``secrets``.

        ``now_s`` is UTC seconds. ``tolerance_s`` is how far the signed timestamp may be from it, in either
        direction; None means what the provider documents. Raises VerificationError, whatever the bytes.
        """
        return self._check(request, secrets, now_s, tolerance_s)

    def identify(self, request: Request, parsed: ParsedBody) -> Identity:
        """The sender's id and type of the event, empty where the request has none. Never raises."""
        read_id, read_type = self._identifiers[self._written_in(request).id]
        return Identity(read_id(request, parsed), read_type(request, parsed))

    def handshake(
        self, request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None = None
    ) -> Response | None:
        """The answer the provider expects when ``request`` is a handshake, else None. Never raises.

        A handshake that must be signed and is not gives None too; `verify` then says what is wrong.
        """
        for handshake, answer in self._answerers:
            response = answer(request)
            if response is not None and (not handshake.signed or self._proves(request, secrets, now_s, tolerance_s)):
                return response
        return None

    def check_secret(self, secret: str) -> None:
        """Raise InvalidInput, without the secret in it, when no scheme of this provider can use ``secret``."""
        problems: list[InvalidInput] = []
        for scheme in self.schemes:
            if scheme.kind is Kind.NONE:
                return
            try:
                key_of(scheme)(secret)
                return
            except InvalidInput as error:
                problems.append(error)
        raise problems[0]

    @property
    def needs_secret(self) -> bool:
        """Whether a source of this provider must have a secret."""
        return all(scheme.kind is not Kind.NONE for scheme in self.schemes)

    @property
    def tolerance_s(self) -> float | None:
        """The documented distance of the signed timestamp from now; None when none is signed or documented."""
        return next((scheme.timestamp.tolerance_s for scheme in self.schemes if scheme.timestamp), None)

    @property
    def id_is_signed(self) -> bool:
        """Whether nobody but the sender can have chosen the event id, in every scheme."""
        return bool(self.event_id) and all(
            scheme.covers(place) for scheme in self.schemes for place in scheme.event_id or self.event_id
        )

    @property
    def secret_headers(self) -> frozenset[bytes]:
        """Lower-case names of headers that hold a static secret, which must not travel on."""
        return frozenset(
            scheme.signature.where.name.lower().encode("ascii")
            for scheme in self.schemes
            if scheme.kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH) and scheme.signature
            if scheme.signature.where.place is Place.HEADER
        )

    def _proves(self, request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None) -> bool:
        try:
            self.verify(request, secrets, now_s, tolerance_s)
        except VerificationError:
            return False
        return True

    def _identifiers_of(self, scheme: Scheme) -> tuple[TextReader, TextReader]:
        read_id = first_text(scheme.event_id or self.event_id, self.json_field)
        read_type = first_text(scheme.event_type or self.event_type, self.json_field)
        if self.event_type_sub:
            read_type = with_suffix(read_type, self.event_type_sub, self.json_field)
        return read_id, read_type

    def _refuse_nonsense(self) -> None:
        pointer_tokens(self.event_type_sub)
        ids = [scheme.id for scheme in self.schemes]
        if len(set(ids)) != len(ids):
            raise ConfigError("two schemes have the same id")
        if unknown := set(self.content_types) - _CONTENT_TYPES:
            raise ConfigError(
                f"unknown content type {sorted(unknown)[0]!r}; there are {', '.join(sorted(_CONTENT_TYPES))}"
            )
        if unknown := set(self.signs_with) - set(ids):
            raise ConfigError(f"there is no scheme {sorted(unknown)[0]!r} to sign with")
