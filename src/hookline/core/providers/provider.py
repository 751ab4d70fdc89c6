"""One webhook sender: its row, and what the row does once it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hookline.core.body import ParsedBody, pointer_tokens
from hookline.core.errors import ConfigError, InvalidInput, VerificationError
from hookline.core.model import Request, Response, with_url
from hookline.core.providers import jwt
from hookline.core.providers.handshake import Answerer, Handshake, answerer
from hookline.core.providers.identity import Identity, TextReader, first_text, shared_type, with_suffix, within_scope
from hookline.core.providers.matcher import key_of
from hookline.core.providers.options import URL, Option, chosen, with_headers
from hookline.core.providers.public_key import PEM, load_public_key
from hookline.core.providers.refusal import Voice
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.signed import NO_OPTIONS, Options
from hookline.core.providers.special import KeyRequest, Special
from hookline.core.providers.verifier import Check, Verified, compile_schemes
from hookline.core.providers.where import Place, Where, as_bytes, request_reader

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
    #: Places whose values stand before the id, where it is unique only among those that share them.
    id_scope: tuple[Where, ...] = ()
    #: Two events of this sender can have the same body, so a body never tells that one came twice.
    repeats_bodies: bool = False
    event_type: tuple[Where, ...] = ()
    event_type_sub: str = ""  #: JSON pointer; what is there is appended to the type, after a dot
    delivery_id: tuple[Where, ...] = ()
    json_field: str = ""  #: the field in which a form carries the JSON document
    content_types: tuple[str, ...] = ("json",)  #: of json, form, xml, text, any
    methods: tuple[str, ...] = ("POST",)
    handshakes: tuple[Handshake, ...] = ()
    options: tuple[Option, ...] = ()  #: what a source of this provider may, or must, say besides its secret
    success: str = "2xx"  #: which statuses the sender takes as received
    reply: Response | None = None  #: the answer to an accepted event, where the sender asks for a certain one
    bare_refusals: bool = False  #: the sender expects refusals without a body
    timeout_s: float | None = None  #: how long the sender waits for them
    retries: str = ""
    retries_by_itself: bool | None = None  #: None: not known
    attempt: Where | None = None  #: where the sender counts its retries
    test_mode: tuple[Where, str] | None = None  #: a place, and its value in requests of the sender's test mode
    ip_ranges: str = ""  #: where the sender publishes its addresses
    key_hint: str = "the signing secret"
    notes: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    #: For `sign`: header lines that every request of this sender has, and schemes it applies together.
    sample_headers: tuple[tuple[str, str], ...] = ()
    signs_with: tuple[str, ...] = ()
    #: What a source chose among `options`; the row itself has none (`configured`).
    chosen: Options = field(default_factory=lambda: NO_OPTIONS, repr=False)
    #: The schemes that a source does not let count; what they hold is secret all the same.
    others: tuple[Scheme, ...] = ()

    _check: Check = field(init=False, repr=False, compare=False)
    _base_url: str = field(init=False, repr=False, compare=False)  #: the address without its query, if it was said
    _written_in: Any = field(init=False, repr=False, compare=False)
    _identifiers: dict[str, tuple[TextReader, TextReader]] = field(init=False, repr=False, compare=False)
    _answerers: tuple[tuple[Handshake, Answerer], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            self._refuse_nonsense()
            check, written_in = compile_schemes(self.schemes, Voice(self.name, self.key_hint), self.chosen)
            identifiers = {scheme.id: self._identifiers_of(scheme) for scheme in self.schemes}
            answerers = tuple((one, answerer(one, self.json_field)) for one in self.handshakes)
        except InvalidInput as error:
            raise ConfigError(error.message, where=self.slug) from None
        except ConfigError as error:
            raise ConfigError(error.message, where=error.where or self.slug) from None
        object.__setattr__(self, "_check", check)
        object.__setattr__(self, "_base_url", self.chosen.get(URL.name, "").partition("?")[0])
        object.__setattr__(self, "_written_in", written_in)
        object.__setattr__(self, "_identifiers", identifiers)
        object.__setattr__(self, "_answerers", answerers)

    def configured(self, block: Mapping[str, Any]) -> Provider:
        """This provider as a source configures it: the ``signature`` block of a source that is not ``generic``.

        ``scheme`` narrows the provider to one of its schemes; the other keys are its `options`. Raises ConfigError
        that names the key and what is allowed.
        """
        options = (*self.options, URL) if self.binds_url else self.options
        names, values = chosen(block, options, [scheme.id for scheme in self.schemes])
        all_schemes = [with_headers(scheme, self.options, values) for scheme in self.schemes]
        schemes = tuple(scheme for scheme in all_schemes if not names or scheme.id in names)
        others = tuple(scheme for scheme in all_schemes if names and scheme.id not in names)
        signs_with = tuple(name for name in self.signs_with if not names or name in names)
        return replace(self, schemes=schemes, others=others, signs_with=signs_with, chosen=values)

    def verify(
        self,
        request: Request,
        secrets: Sequence[str],
        now_s: float,
        tolerance_s: float | None = None,
        certificate: bytes | None = None,
    ) -> Verified:
        """Say how far the sender of ``request`` is proven, under any of ``secrets``.

        ``now_s`` is UTC seconds. ``tolerance_s`` is how far the signed timestamp may be from it, in either
        direction; None means what the provider documents. ``certificate`` is the document that `key_url` names.
        Raises VerificationError, whatever the bytes.
        """
        if self._base_url and not request.url:
            request = with_url(request, self._base_url)
        return self._check(request, secrets, now_s, tolerance_s, certificate)

    def key_url(self, request: Request) -> str:
        """Where the public key is that ``request`` is proven by; empty when none has to be fetched.

        Raises VerificationError when the request names one that is not the provider's, or cannot be read.
        """
        wanted = self.key_request(request, ())
        return wanted.url if wanted is not None else ""

    def key_request(self, request: Request, secrets: Sequence[str]) -> KeyRequest | None:
        """How to ask for the document at `key_url`; some providers want to know who asks."""
        scheme = self._written_in(request)
        if scheme.special is not None and scheme.special.key_request is not None:
            asked: KeyRequest | None = scheme.special.key_request(request, secrets)
            return asked
        if scheme.special is not None and scheme.special.key_url is not None:
            url = scheme.special.key_url(request, self.chosen)
            return KeyRequest(url) if url else None
        rules = scheme.jwt
        if rules is None or rules.key_url is None or scheme.signature is None:
            return None
        try:
            text = as_bytes(request_reader(scheme.signature.where)(request)) or b""
            token = jwt.read_token(text.removeprefix(scheme.signature.prefix.encode()))
        except ValueError:
            return None  # verify says what is wrong
        url = rules.key_url(token.key_id, self.chosen)
        if not url:
            return None
        return rules.key_request(url, token.key_id, secrets) if rules.key_request else KeyRequest(url)

    @property
    def binds_url(self) -> bool:
        """Whether any scheme depends on the address that the sender called."""
        return any(scheme.binds_url for scheme in self.schemes)

    @property
    def fetches_keys(self) -> bool:
        """Whether any scheme is proven by a key that has to be fetched."""
        return any(
            (scheme.special and (scheme.special.key_url or scheme.special.key_request))
            or (scheme.jwt and scheme.jwt.key_url)
            for scheme in self.schemes
        )

    def identify(self, request: Request, parsed: ParsedBody) -> Identity:
        """The sender's id and type of the event, empty where the request has none. Never raises."""
        read_id, read_type = self._identifiers[self._written_in(request).id]
        return Identity(read_id(request, parsed), read_type(request, parsed))

    def handshake(
        self,
        request: Request,
        secrets: Sequence[str],
        now_s: float,
        tolerance_s: float | None = None,
        certificate: bytes | None = None,
    ) -> Response | None:
        """The answer the provider expects when ``request`` is a handshake, else None. Never raises.

        A handshake that must be signed and is not gives None too; `verify` then says what is wrong.
        """
        for handshake, answer in self._answerers:
            response = answer(request, secrets, self.chosen)
            if response is not None and (
                not handshake.signed or self._proves(request, secrets, now_s, tolerance_s, certificate)
            ):
                return response
        return None

    def check_secret(self, secret: str) -> None:
        """Raise InvalidInput, without the secret in it, when no scheme of this provider can use ``secret``."""
        if self.fetches_keys and secret.startswith(PEM):
            load_public_key(secret.encode())
            return
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
        """Whether a source of this provider must have a secret.

        One that a handshake brings need not be known yet, and an option may name public keys that serve instead.
        """
        if self.learns_secret or any(option.proves and option.name in self.chosen for option in self.options):
            return False
        return all(scheme.kind is not Kind.NONE for scheme in self.schemes)

    @property
    def usual_scheme(self) -> Scheme:
        """The scheme that requests of this provider are mostly written in."""
        return next((scheme for scheme in self.schemes if scheme.id in self.signs_with), self.schemes[0])

    @property
    def learns_secret(self) -> bool:
        """Whether a handshake brings the secret."""
        return any(handshake.learns for handshake in self.handshakes)

    @property
    def tolerance_s(self) -> float | None:
        """The documented distance of the signed timestamp from now; None when none is signed or documented."""
        for scheme in self.schemes:
            if scheme.timestamp:
                return scheme.timestamp.tolerance_s
            if rules := scheme.special or scheme.jwt:
                return rules.tolerance_s if isinstance(rules, Special) else rules.max_age_s
        return None

    @property
    def id_is_signed(self) -> bool:
        """Whether nobody but the sender can have chosen the event id, in every scheme."""
        return bool(self.event_id) and all(
            scheme.covers(place)
            for scheme in self.schemes
            for place in (*(scheme.event_id or self.event_id), *self.id_scope)
        )

    @property
    def secret_headers(self) -> frozenset[bytes]:
        """Lower-case names of headers that hold a static secret, which must not travel on."""
        schemes = (*self.schemes, *self.others)
        names = [name for scheme in schemes if scheme.special for name in scheme.special.secret_headers]
        names += [
            scheme.signature.where.name
            for scheme in schemes
            if scheme.kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH) and scheme.signature
            if scheme.signature.where.place is Place.HEADER
        ]
        return frozenset(name.lower().encode("ascii") for name in names)

    def _proves(
        self,
        request: Request,
        secrets: Sequence[str],
        now_s: float,
        tolerance_s: float | None,
        certificate: bytes | None,
    ) -> bool:
        try:
            self.verify(request, secrets, now_s, tolerance_s, certificate)
        except VerificationError:
            return False
        return True

    def _identifiers_of(self, scheme: Scheme) -> tuple[TextReader, TextReader]:
        read_id = first_text(scheme.event_id or self.event_id, self.json_field)
        if self.id_scope:
            read_id = within_scope(read_id, self.id_scope, self.json_field)
        read_type = first_text(scheme.event_type or self.event_type, self.json_field, shared_type)
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
