"""A row of the catalogue in words, for people: the documentation and ``hookline providers show`` both say this.

Code, names and places stand between backticks, as in Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable

from hookline.config.units import format_duration
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.options import URL
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import Encoding, Format, Kind, Scheme, Signature
from hookline.core.providers.signed import Signed
from hookline.core.providers.where import Place, Where

_ENCODINGS = {
    Encoding.HEX: "in hexadecimal",
    Encoding.HEX_ANY_CASE: "in hexadecimal of either case",
    Encoding.BASE64: "in base64",
    Encoding.BASE64URL: "in base64url",
    Encoding.BASE64URL_BARE: "in base64url without padding",
}


def facts(row: Provider) -> list[tuple[str, str]]:
    """Label and text of all that a row says. A text may have several lines."""
    return [
        ("provider", ", ".join(f"`{slug}`" for slug in (row.slug, *row.aliases))),
        ("verified", "\n".join(describe_scheme(scheme) for scheme in row.schemes)),
        ("proves", _proves(row)),
        ("timestamp", _timestamp(row)),
        ("event id", _event_id(row)),
        ("event type", _event_type(row)),
        ("counts its retries", describe_place(row.attempt) if row.attempt else ""),
        ("methods", ", ".join(row.methods)),
        ("bodies", ", ".join(row.content_types)),
        ("handshakes", "\n".join(map(_handshake, row.handshakes)) or "none"),
        ("expects", _expects(row)),
        ("sends again", row.retries or "not known"),
        ("addresses", f"<{row.ip_ranges}>" if row.ip_ranges.startswith("https://") else row.ip_ranges),
        ("test mode", f"{describe_place(row.test_mode[0])} is `{row.test_mode[1]}`" if row.test_mode else ""),
        ("paste into `secrets`", row.key_hint.strip(" ,") if row.needs_secret else _no_secret(row)),
        ("options in `signature`", "\n".join(_options(row))),
    ]


def describe_scheme(scheme: Scheme) -> str:
    """How a sender proves itself under this scheme."""
    note = f" ({scheme.notes})" if scheme.notes else ""
    if scheme.special is not None:
        return f"{scheme.special.words}{note}"
    if scheme.signature is None:
        return f"nothing{note}"
    where = describe_place(scheme.signature.where)
    if scheme.kind is Kind.STATIC_TOKEN:
        return f"a static token in {where}{_behind(scheme.signature)}{note}"
    if scheme.kind is Kind.BASIC_AUTH:
        return f"user and password in {where}{note}"
    if scheme.jwt is not None:
        body = f", whose `{scheme.jwt.body_hash}` is the hash of the body," if scheme.jwt.body_hash else ""
        return f"a token signed with {' or '.join(scheme.jwt.algorithms)}{body} in {where}{note}"
    written = _ENCODINGS[scheme.signature.encoding] + _behind(scheme.signature)
    return f"{_algorithm(scheme)} of {_signed(scheme)}, {written}, in {where}{note}"


def describe_place(where: Where) -> str:
    """A place in a request."""
    name = f"`{where.name}`"
    return {
        Place.HEADER: f"header {name}",
        Place.QUERY: f"query parameter {name}",
        Place.BODY: f"{name} of the body",
        Place.FORM: f"form field {name}",
        Place.FIELD: f"field {name} of the signature",
        Place.KEY: f"the name of the body's first member beside {name.replace(',', '`, `')}",
    }[where.place]


def _algorithm(scheme: Scheme) -> str:
    bits = scheme.algorithm.upper()
    return {
        Kind.ED25519: "Ed25519",
        Kind.RSA: f"RSA with {bits}",
        Kind.ECDSA: f"ECDSA with {bits}",
        Kind.HASH: f"{bits} of the secret and",
    }.get(scheme.kind, f"HMAC-{bits}")


def _signed(scheme: Scheme) -> str:
    return scheme.signed.words if isinstance(scheme.signed, Signed) else f"`{scheme.signed}`"


def _behind(signature: Signature) -> str:
    if signature.format is Format.KV:
        return f" behind `{signature.tag}=`"
    if signature.format is Format.SPACE_LIST:
        return f" behind `{signature.tag},`"
    if signature.format is Format.POSITIONAL:
        return " behind the time"
    return f" behind `{signature.prefix}`" if signature.prefix else ""


def _proves(row: Provider) -> str:
    levels = [scheme.covers_body for scheme in row.schemes if scheme.kind is not Kind.NONE]
    if not levels:
        return "nothing: events are `unverified`"
    if all(levels):
        return "sender and body: events are `verified`"
    if not any(levels):
        return "the sender, not the body: events are `authenticated`"
    return "the sender, and by some of the schemes the body: events are `verified` or `authenticated`"


def _timestamp(row: Provider) -> str:
    signed = [scheme.timestamp for scheme in row.schemes if scheme.timestamp]
    tokens = [scheme for scheme in row.schemes if scheme.jwt or (scheme.special and scheme.special.tolerance_s)]
    if not signed and not tokens:
        return "none is signed"
    places = ", ".join(dict.fromkeys(describe_place(timestamp.where) for timestamp in signed)) or "in the proof itself"
    tolerance_s = row.tolerance_s
    limit = f"at most {format_duration(tolerance_s)} from now" if tolerance_s is not None else "of any age"
    return f"{places}; {limit}, unless the source sets `tolerance`"


def _event_id(row: Provider) -> str:
    places = [place for scheme in row.schemes for place in scheme.event_id or row.event_id]
    if not places:
        if row.repeats_bodies:
            return "none, and bodies repeat: nothing tells that one came twice"
        return "none; the content of the body stands for it"
    watched = "signed" if row.id_is_signed else "not signed"
    if not row.id_is_signed and not row.repeats_bodies:
        watched += ", so the replay guard watches the body"
    scope = f", within {' and '.join(map(describe_place, row.id_scope))}" if row.id_scope else ""
    return f"{_places(places)}{scope}; {watched}"


def _event_type(row: Provider) -> str:
    places = [place for scheme in row.schemes for place in scheme.event_type or row.event_type]
    more = (
        f"; with `.` and `{row.event_type_sub}` of the body behind it, where there is one" if row.event_type_sub else ""
    )
    return (_places(places) or "none; it is `unknown`") + more


def _handshake(one: Handshake) -> str:
    if one.respond is not None:
        answer = "answered as the sender documents"
    elif one.echo is not None:
        answer = f"answered with {describe_place(one.echo)}"
    else:
        answer = f"answered with {'an empty ' if not one.body else ''}{one.status}"
    learns = ", and the secret it brings is kept" if one.learns else ""
    return f"`{one.id}`: {answer}{', if it is signed' if one.signed else ''}{learns}"


def _expects(row: Provider) -> str:
    within = f" within {format_duration(row.timeout_s)}" if row.timeout_s is not None else ""
    body = row.reply.body.decode("utf-8", "replace") if row.reply is not None else ""
    return f"{row.success}{within}" + (f", with the body `{body}`" if body else "")


def _no_secret(row: Provider) -> str:
    return "nothing: the first handshake brings it" if row.learns_secret else "nothing"


def _options(row: Provider) -> Iterable[str]:
    options = row.options if URL in row.options or not row.binds_url else (*row.options, URL)
    for option in options:
        yield f"`{option.name}`: {option.means}"
    if len(row.schemes) > 1:
        yield f"`scheme`: which of {', '.join(f'`{scheme.id}`' for scheme in row.schemes)} count; all without it"


def _places(places: Iterable[Where]) -> str:
    return ", else ".join(dict.fromkeys(map(describe_place, places)))
