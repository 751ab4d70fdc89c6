"""Static tokens and basic auth that are right but written in another way than the source expects."""

from __future__ import annotations

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator

from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Cure, Finding, cured
from hookline.core.providers.scheme import Kind, Scheme
from hookline.core.providers.where import Place, as_bytes, request_reader

_BEARER, _BASIC = b"Bearer ", b"Basic "
_LONGEST = 20_000

_Try = tuple[str, str, str, Cure]


def find(case: Case) -> Iterator[Finding]:
    """A credential that is accepted when it is written as the source expects."""
    for scheme in case.schemes:
        if scheme.signature is None or scheme.signature.where.place is not Place.HEADER:
            continue
        value = as_bytes(request_reader(scheme.signature.where)(case.request)) or b""
        if not value or len(value) > _LONGEST:
            continue
        name = scheme.signature.where.name.encode()
        for code, problem, remedy, cure in _tries(case, scheme, name, value):
            if case.works(cure):
                yield cured(code, problem, remedy, cure)
                return


def _tries(case: Case, scheme: Scheme, name: bytes, value: bytes) -> Iterator[_Try]:
    if scheme.kind is Kind.STATIC_TOKEN:
        yield from _bearer(case, scheme, name, value)
        yield from _basic_as_token(case, scheme, name, value)
    elif scheme.kind is Kind.BASIC_AUTH:
        yield from _token_as_basic(case, name, value)
        yield from _swapped(case)
        yield from _badly_encoded(case, name, value)


def _bearer(case: Case, scheme: Scheme, name: bytes, value: bytes) -> Iterator[_Try]:
    prefix = (scheme.signature.prefix if scheme.signature else "").encode()
    bare = value
    while bare[: len(_BEARER)].lower() == b"bearer ":
        bare = bare[len(_BEARER) :].lstrip()
    tell = "Let the sender write the token as this source expects it"
    if case.is_generic:
        tell += ", or say with `prefix` in the `signature` block what stands in front of it"
    if prefix:
        problem = f"The token is right, but `{prefix.decode()}` is missing in front of it or written in another way."
        if value.startswith(prefix):
            problem = f"The token is right, but `{prefix.decode()}` stands in front of it twice."
    else:
        problem = "The token is right, but `Bearer` stands in front of it, which this source does not expect."
    yield "bearer_prefix", problem, f"{tell}.", case.with_header(name, prefix + bare)
    for secret in case.secrets:
        if secret[:7].lower() == "bearer ":
            yield (
                "bearer_prefix",
                "The configured secret begins with `Bearer`, which is not part of the token.",
                "Store only the token.",
                case.with_secret(secret[7:].strip()),
            )


def _basic_as_token(case: Case, scheme: Scheme, name: bytes, value: bytes) -> Iterator[_Try]:
    userinfo = _decoded(value)
    user, _, password = userinfo.partition(b":")
    prefix = (scheme.signature.prefix if scheme.signature else "").encode()
    for part in (userinfo, password, user):
        if part:
            yield (
                "basic_instead_of_token",
                "The sender sends the token as basic auth (user and password), and this source expects it bare.",
                "Use a source with `kind: basic_auth`, or let the sender send the bare token.",
                case.with_header(name, prefix + part),
            )


def _token_as_basic(case: Case, name: bytes, value: bytes) -> Iterator[_Try]:
    token = value[len(_BEARER) :] if value[: len(_BEARER)].lower() == b"bearer " else value
    for secret in case.secrets:
        user = secret.partition(":")[0].encode("utf-8", "surrogatepass")
        for userinfo in (user + b":" + token, token):
            yield (
                "token_instead_of_basic",
                "The sender sends the password as a bare token, and this source expects basic auth (user and "
                "password).",
                "Use a source with `kind: static_token`, or let the sender use basic auth.",
                case.with_header(name, _BASIC + b64encode(userinfo)),
            )


def _swapped(case: Case) -> Iterator[_Try]:
    for secret in case.secrets:
        user, colon, password = secret.partition(":")
        if colon:
            yield (
                "basic_swapped",
                "User and password are swapped between the sender and this source.",
                "Write the secret of the source as `user:password`, in this order, and compare it with the sender.",
                case.with_secret(f"{password}:{user}"),
            )


def _badly_encoded(case: Case, name: bytes, value: bytes) -> Iterator[_Try]:
    code, remedy = "altered_header", "Let the sender write `Basic` and the base64 of `user:password`, nothing else."
    kind, _, rest = value.partition(b" ")
    if kind.lower() == b"basic":
        problem = "The user and password are not in base64, as basic auth asks for."
        yield code, problem, remedy, case.with_header(name, _BASIC + b64encode(rest.strip()))
    userinfo = _decoded(value) or _decoded(_BASIC + value)
    if userinfo:
        problem = (
            "The user and password are right, but badly wrapped: a blank or line end behind them, no `Basic` in front."
        )
        yield code, problem, remedy, case.with_header(name, _BASIC + b64encode(userinfo.strip()))


def _decoded(value: bytes) -> bytes:
    kind, _, encoded = value.partition(b" ")
    if kind.lower() != b"basic":
        return b""
    encoded = encoded.strip().translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return a2b_base64(encoded + b"=" * (-len(encoded) % 4), strict_mode=True)
    except Base64Error:
        return b""
