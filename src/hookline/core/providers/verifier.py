"""Turns schemes into functions, once. Called with any bytes they give Verified or VerificationError.

A provider with several schemes is decided by the first whose signature is present, in the order of its
row: GitHub's SHA-1 header counts only where the SHA-256 header is absent. Schemes that share one header
(``v1`` and ``v1a``) are all tried.

A signature is compared before its timestamp is judged. So ``stale_timestamp`` always means a genuine
request at the wrong time, and ``bad_signature`` never hides behind a wrong clock.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from hmac import compare_digest
from typing import TypeAlias

import msgspec

from hookline.core.errors import ConfigError, InvalidInput, VerificationError
from hookline.core.headers import occurrences
from hookline.core.model import Request, Verification, full_url
from hookline.core.providers import jwt
from hookline.core.providers.format import Fields, format_parser
from hookline.core.providers.jwt import Jwt, Token
from hookline.core.providers.matcher import Matcher, key_of, matcher, written_length
from hookline.core.providers.refusal import Voice, malformed, repeated
from hookline.core.providers.scheme import Format, Kind, Scheme, Signature, Timestamp
from hookline.core.providers.signed import NO_OPTIONS, Options, Signed
from hookline.core.providers.special import Special
from hookline.core.providers.template import Template
from hookline.core.providers.timestamp import check_fresh, time_parser
from hookline.core.providers.where import Place, Where, as_bytes, request_reader


class Verified(msgspec.Struct, frozen=True, gc=False):
    """A request proved what its source asks for.

    ``scheme`` is the id of the scheme that proved it, ``secret_index`` which of the secrets (-1 when
    none was asked for), ``timestamp_s`` the signed time of sending in UTC seconds, None when there is none.
    """

    level: Verification
    scheme: str
    secret_index: int
    timestamp_s: float | None


#: Request, secrets, now in UTC seconds, tolerance in seconds (None: what the provider documents), and the document
#: with the public key that the request names (None: there is none, or it was not to be had).
Check: TypeAlias = Callable[[Request, Sequence[str], float, float | None, bytes | None], Verified]
#: The timestamp as it is written, and in UTC seconds.
TimeReader: TypeAlias = Callable[[Request, Fields], tuple[bytes, float | None]]

#: Which refusal tells most when schemes that share a header all refuse.
_TELLING = (
    "stale_timestamp",
    "future_timestamp",
    "body_mismatch",
    "wrong_url",
    "bad_claim",
    "key_unavailable",
    "bad_signature",
    "no_secret",
)

#: The most headers that a numbered signature is looked for in.
_MOST_NUMBERED = 20


def compile_schemes(
    schemes: Sequence[Scheme], voice: Voice, options: Options = NO_OPTIONS
) -> tuple[Check, Callable[[Request], Scheme]]:
    """The check of a provider, and which scheme a request is written in (the first when in none)."""
    if not schemes:
        raise ConfigError("a provider needs at least one scheme; kind `none` asks for no proof")
    choices = [(_presence(scheme), _choice(scheme, schemes, voice, options), scheme) for scheme in schemes]
    _, first_check, first_scheme = choices[0]
    if len(choices) == 1:
        return first_check, lambda _: first_scheme

    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, certificate: bytes | None
    ) -> Verified:
        for present, chosen, _ in choices:
            if present(request):
                return chosen(request, secrets, now_s, tolerance_s, certificate)
        return first_check(request, secrets, now_s, tolerance_s, certificate)

    def written_in(request: Request) -> Scheme:
        return next((scheme for present, _, scheme in choices if present(request)), first_scheme)

    return check, written_in


def _presence(scheme: Scheme) -> Callable[[Request], bool]:
    if scheme.special is not None:
        return scheme.special.is_present
    if scheme.signature is None:
        return lambda _: True
    if scheme.signature.where.place is Place.HEADER:
        name = scheme.signature.where.name.lower().encode("ascii")
        return lambda request: name in request.lookup
    fetch = request_reader(scheme.signature.where)
    return lambda request: fetch(request) is not None


def _choice(scheme: Scheme, schemes: Sequence[Scheme], voice: Voice, options: Options) -> Check:
    """The check of ``scheme`` and of all others that have their signature in the same place."""
    if scheme.signature is None:
        return _compile(scheme, voice, options)
    where = scheme.signature.where
    checks = [
        _compile(other, voice, options) for other in schemes if other.signature and other.signature.where == where
    ]
    return checks[0] if len(checks) == 1 else _any_of(checks)


def _any_of(checks: Sequence[Check]) -> Check:
    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, certificate: bytes | None
    ) -> Verified:
        refusals: list[VerificationError] = []
        for one in checks:
            try:
                return one(request, secrets, now_s, tolerance_s, certificate)
            except VerificationError as error:
                refusals.append(error)
        raise min(refusals, key=lambda e: _TELLING.index(e.cause) if e.cause in _TELLING else len(_TELLING))

    return check


def _compile(scheme: Scheme, voice: Voice, options: Options) -> Check:
    if scheme.special is not None:
        return _compile_special(scheme, scheme.special, options)
    signature = scheme.signature
    if signature is None:
        unproven = Verified(Verification.UNVERIFIED, scheme.id, -1, None)
        return lambda _request, _secrets, _now_s, _tolerance_s, _certificate: unproven
    if scheme.jwt is not None:
        return _compile_jwt(scheme, signature, scheme.jwt, voice, options)
    if scheme.kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH):
        return _compile_credential(scheme, signature, voice)
    if isinstance(scheme.signed, Signed):
        return _compile_signed(scheme, signature, voice, scheme.signed.make, options)
    message = Template.parse(scheme.signed).compile(options)
    return _compile_signed(
        scheme, signature, voice, lambda request, timestamp, _: (message(request, timestamp),), options
    )


def _compile_signed(
    scheme: Scheme,
    signature: Signature,
    voice: Voice,
    messages: Callable[[Request, bytes, Options], tuple[bytes, ...]],
    options: Options,
) -> Check:
    find, parse = _finder(scheme, signature, voice), format_parser(signature)
    read_time = _time_reader(scheme.timestamp, voice)
    matches, length = matcher(scheme, signature), written_length(scheme, signature)
    level = Verification.VERIFIED if scheme.covers_body else Verification.AUTHENTICATED
    documented_s = scheme.timestamp.tolerance_s if scheme.timestamp else None
    scheme_id = scheme.id

    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, _: bytes | None
    ) -> Verified:
        given, fields = parse(find(request))
        timestamp, sent_s = read_time(request, fields)
        for message in messages(request, timestamp, options):
            position = _first_match(matches, secrets, message, given, voice)
            if position >= 0:
                break
        else:
            raise voice.mismatch(signature, given, length)
        allowed_s = documented_s if tolerance_s is None else tolerance_s
        if sent_s is not None and allowed_s is not None:
            check_fresh(sent_s, now_s, allowed_s)
        return Verified(level, scheme_id, position, sent_s)

    return check


def _first_match(matches: Matcher, secrets: Sequence[str], message: bytes, given: list[bytes], voice: Voice) -> int:
    """The position of the secret that proves the message, -1 for none. Raises ``no_secret``."""
    usable = False
    for position, secret in enumerate(secrets):
        try:
            if matches(secret, message, given):
                return position
            usable = True
        except InvalidInput:
            continue
    if not usable:
        raise voice.no_secret(len(secrets))
    return -1


def _finder(scheme: Scheme, signature: Signature, voice: Voice) -> Callable[[Request], bytes]:
    """A function that reads the one signature value of a request, or refuses."""
    where = signature.where
    if signature.format is Format.NUMBERED:
        return _numbered_finder(scheme, signature, voice)
    fetch = request_reader(where)
    names = _header_names(scheme, signature)

    def find(request: Request) -> bytes:
        if len(request.lookup) != len(request.headers):
            _refuse_repeated(request, names)
        value = fetch(request)
        if isinstance(value, list):
            raise repeated(where.words)
        text = as_bytes(value)
        if not text:
            raise voice.missing(where)
        return text

    return find


def _header_names(scheme: Scheme, signature: Signature) -> tuple[bytes, ...]:
    """The headers that a scheme reads, none of which may occur twice."""
    places = [signature.where, *([scheme.timestamp.where] if scheme.timestamp else [])]
    own = tuple(place.name.lower().encode("ascii") for place in places if place.place is Place.HEADER)
    return own + scheme.signed_headers()


def _refuse_repeated(request: Request, names: tuple[bytes, ...]) -> None:
    for name in names:
        if occurrences(request.headers, name) > 1:
            raise repeated(f"the {name.decode()} header")


def _time_reader(timestamp: Timestamp | None, voice: Voice) -> TimeReader:
    if timestamp is None:
        return lambda _request, _fields: (b"", None)
    where, unit = timestamp.where, timestamp.unit
    parse, fetch = time_parser(unit), _time_fetcher(where)

    def read(request: Request, fields: Fields) -> tuple[bytes, float | None]:
        text = as_bytes(fetch(request, fields))
        if not text:
            raise voice.missing_time(where)
        try:
            return text, parse(text)
        except (ValueError, OverflowError):
            raise voice.malformed_time(where, unit) from None

    return read


def _time_fetcher(where: Where) -> Callable[[Request, Fields], object]:
    if where.place is Place.FIELD:
        name = where.name.encode("ascii")
        return lambda _, fields: fields.get(name)
    fetch = request_reader(where)
    return lambda request, _: fetch(request)


def _compile_credential(scheme: Scheme, signature: Signature, voice: Voice) -> Check:
    """A static token, or ``user:password`` as basic auth (RFC 7617): proves the sender, covers no body."""
    find, to_key = _finder(scheme, signature, voice), key_of(scheme)
    read = _basic_credential if scheme.kind is Kind.BASIC_AUTH else _token_credential

    def matches(secret: str, message: bytes, given: list[bytes]) -> bool:
        key = to_key(secret)
        return isinstance(key, bytes) and compare_digest(key, given[0])

    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, _: bytes | None
    ) -> Verified:
        given = read(signature, find(request))
        position = _first_match(matches, secrets, b"", [given], voice)
        if position < 0:
            raise voice.wrong_credential(signature.where)
        return Verified(Verification.AUTHENTICATED, scheme.id, position, None)

    return check


def _token_credential(signature: Signature, value: bytes) -> bytes:
    prefix = signature.prefix.encode()
    if not value.startswith(prefix):
        raise malformed(signature, f"does not begin with `{signature.prefix}`")
    return value[len(prefix) :]


def _basic_credential(signature: Signature, value: bytes) -> bytes:
    kind, _, encoded = value.partition(b" ")
    try:
        userinfo = a2b_base64(encoded, strict_mode=True)
    except Base64Error:
        userinfo = b""
    if kind.lower() != b"basic" or not userinfo or b2a_base64(userinfo, newline=False) != encoded:
        raise malformed(signature, "is not `Basic` and base64")
    return userinfo


def _compile_special(scheme: Scheme, special: Special, options: Options) -> Check:
    level = Verification.VERIFIED if special.covers_body else Verification.AUTHENTICATED
    verify, documented_s, scheme_id = special.verify, special.tolerance_s, scheme.id

    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, certificate: bytes | None
    ) -> Verified:
        proof = verify(request, secrets, certificate, options)
        allowed_s = documented_s if tolerance_s is None else tolerance_s
        if proof.timestamp_s is not None and allowed_s is not None:
            check_fresh(proof.timestamp_s, now_s, allowed_s)
        return Verified(level, scheme_id, proof.secret_index, proof.timestamp_s)

    return check


def _compile_jwt(scheme: Scheme, signature: Signature, rules: Jwt, voice: Voice, options: Options) -> Check:
    find = _finder(scheme, signature, voice)
    level = Verification.VERIFIED if rules.covers_body else Verification.AUTHENTICATED
    scheme_id = scheme.id

    def check(
        request: Request, secrets: Sequence[str], now_s: float, tolerance_s: float | None, certificate: bytes | None
    ) -> Verified:
        try:
            token = jwt.read_token(_token_credential(signature, find(request)))
        except ValueError:
            raise malformed(signature, "holds no signed token") from None
        if token.algorithm not in rules.algorithms:
            raise jwt.unsupported(token.algorithm, rules.algorithms)
        fetched = rules.key_url is not None and bool(rules.key_url(token.key_id, options))
        fetched = fetched and (rules.key_request is None or any(secrets))
        position = _prover(token, secrets, certificate, voice, fetched=fetched)
        if position is None:
            raise voice.wrong_token(signature.where)
        sent_s = jwt.check_claims(rules, token.claims, request, full_url(request), now_s, tolerance_s)
        return Verified(level, scheme_id, position, sent_s)

    return check


def _prover(
    token: Token, secrets: Sequence[str], certificate: bytes | None, voice: Voice, *, fetched: bool
) -> int | None:
    """The position of the secret under which a token is signed, -1 for a key that was fetched, None for none.

    Raises ``no_secret``, and ``key_unavailable`` when the key had to be ``fetched`` and was not to be had.
    """
    shared = token.algorithm.startswith("HS")
    usable = False
    for position, secret in enumerate(secrets):
        try:
            for key in [jwt.key_bytes(secret)] if shared else jwt.find_key(secret.encode(), token.key_id):
                if jwt.is_proved(token, key):
                    return position
                usable = True
        except (InvalidInput, UnicodeEncodeError):
            continue
    if certificate is not None and not shared:
        usable = True
        for key in jwt.find_key(certificate, token.key_id):
            with suppress(InvalidInput):  # a set may hold keys for other uses
                if jwt.is_proved(token, key):
                    return -1
    if not usable and fetched and not shared:
        raise voice.no_key()
    if not usable:
        raise voice.no_secret(len(secrets))
    return None


def _numbered_finder(scheme: Scheme, signature: Signature, voice: Voice) -> Callable[[Request], bytes]:
    """A function that reads the signatures of ``X-Signature-1``, ``X-Signature-2`` and so on, as one value."""
    stem = signature.where.name.lower().encode("ascii").rstrip(b"0123456789")
    own = _header_names(scheme, signature)

    def find(request: Request) -> bytes:
        values: list[bytes] = []
        for number in range(1, _MOST_NUMBERED + 1):
            value = request.lookup.get(stem + b"%d" % number)
            if value is None:
                break
            values.append(value.strip())
        if len(request.lookup) != len(request.headers):
            _refuse_repeated(request, (*own, *(stem + b"%d" % number for number in range(1, len(values) + 1))))
        if not any(values):
            raise voice.missing(signature.where)
        return b",".join(values)

    return find
