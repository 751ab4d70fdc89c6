"""The parts of pages that are written by the code: ``python -m tests.docs.generated`` writes them anew.

A part stands between ``<!-- begin generated: NAME -->`` and ``<!-- end generated -->``; what is around it is
written by people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hookline.config.units import format_duration
from hookline.core.providers.handshake import Handshake
from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers
from hookline.core.providers.scheme import Encoding, Format, Kind, Scheme, Signature
from hookline.core.providers.where import Place, Where
from hookline.core.state import TRANSITIONS, DeliveryState

DOCS = Path(__file__).parents[2] / "docs"

_PART = re.compile(r"(<!-- begin generated: ([\w-]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)

_ENCODINGS = {
    Encoding.HEX: "in hexadecimal",
    Encoding.HEX_ANY_CASE: "in hexadecimal, small or capital letters",
    Encoding.BASE64: "in base64",
    Encoding.BASE64URL: "in URL-safe base64",
}


def catalogue() -> str:
    """Every provider of the catalogue, by slug."""
    return "\n".join(_provider(row) for row in all_providers())


def life() -> str:
    """The life of a delivery as a mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {DeliveryState.WAITING}", f"    [*] --> {DeliveryState.LEASED}"]
    for state, moves in TRANSITIONS.items():
        for after in dict.fromkeys(moves.values()):
            named = ", ".join(move for move, to in moves.items() if to is after)
            lines.append(f"    {state} --> {after}: {named}")
    return "\n".join(["```mermaid", *lines, "```", ""])


PARTS: dict[str, Callable[[], str]] = {"catalogue": catalogue, "life": life}


def written(page: str) -> str:
    """``page`` with its generated parts as the code would write them now."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page)


def parts_of(page: str) -> list[str]:
    """The names of the generated parts of a page."""
    return [part[2] for part in _PART.finditer(page)]


def _provider(row: Provider) -> str:
    slugs = ", ".join(f"`{slug}`" for slug in (row.slug, *row.aliases))
    facts = [
        ("provider", slugs),
        ("verified", "<br>".join(_scheme(scheme) for scheme in row.schemes)),
        ("timestamp", _timestamp(row)),
        ("event id", _event_id(row)),
        ("event type", _event_type(row)),
        ("methods", ", ".join(row.methods)),
        ("bodies", ", ".join(row.content_types)),
        ("handshakes", "<br>".join(map(_handshake, row.handshakes)) or "none"),
        ("expects", _expects(row)),
        ("sends again", row.retries or "not known"),
        ("addresses", f"<{row.ip_ranges}>" if row.ip_ranges else "not published"),
        ("paste into `secrets`", row.key_hint.strip(" ,") if row.needs_secret else "nothing"),
    ]
    table = _table(("", row.name), facts)
    notes = "".join(f"- {note}\n" for note in row.notes)
    sources = f"- From: {', '.join(map(_source, row.docs))}\n" if row.docs else ""
    return "\n".join(part for part in (f"### {row.name}\n", table, notes + sources) if part)


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else source


def _scheme(scheme: Scheme) -> str:
    if scheme.signature is None:
        return "nothing"
    where = _where(scheme.signature.where)
    if scheme.kind is Kind.STATIC_TOKEN:
        return f"a static token in {where}"
    if scheme.kind is Kind.BASIC_AUTH:
        return f"user and password in {where}"
    how = "Ed25519" if scheme.kind is Kind.ED25519 else f"HMAC-{scheme.algorithm.upper()}"
    written = _ENCODINGS[scheme.signature.encoding] + _behind(scheme.signature)
    note = f" ({scheme.notes})" if scheme.notes else ""
    return f"{how} of `{scheme.signed}`, {written}, in {where}{note}"


def _behind(signature: Signature) -> str:
    if signature.format is Format.KV:
        return f" behind `{signature.tag}=`"
    if signature.format is Format.SPACE_LIST:
        return f" behind `{signature.tag},`"
    return f" behind `{signature.prefix}`" if signature.prefix else ""


def _timestamp(row: Provider) -> str:
    signed = [scheme.timestamp for scheme in row.schemes if scheme.timestamp]
    if not signed:
        return "none is signed"
    places = ", ".join(dict.fromkeys(_where(timestamp.where) for timestamp in signed))
    tolerance_s = row.tolerance_s
    limit = f"at most {format_duration(tolerance_s)} from now" if tolerance_s is not None else "of any age"
    return f"{places}; {limit}, unless the source sets `tolerance`"


def _event_id(row: Provider) -> str:
    if not row.event_id:
        return "none; the content of the body stands for it"
    places = [place for scheme in row.schemes for place in scheme.event_id or row.event_id]
    return f"{_places(places)}; {'signed' if row.id_is_signed else 'not signed, so the replay guard watches the body'}"


def _event_type(row: Provider) -> str:
    places = [place for scheme in row.schemes for place in scheme.event_type or row.event_type]
    more = (
        f"; with `.` and `{row.event_type_sub}` of the body behind it, where there is one" if row.event_type_sub else ""
    )
    return (_places(places) or "none; it is `unknown`") + more


def _handshake(one: Handshake) -> str:
    answer = f"answered with {_where(one.echo)}" if one.echo else f"answered with an empty {one.status}"
    return f"`{one.id}`: {answer}{', if it is signed' if one.signed else ''}"


def _expects(row: Provider) -> str:
    return f"{row.success}" + (f" within {format_duration(row.timeout_s)}" if row.timeout_s is not None else "")


def _places(places: Iterable[Where]) -> str:
    return ", else ".join(dict.fromkeys(map(_where, places)))


def _where(where: Where) -> str:
    name = f"`{where.name}`"
    return {
        Place.HEADER: f"header {name}",
        Place.QUERY: f"query parameter {name}",
        Place.BODY: f"{name} of the body",
        Place.FORM: f"form field {name}",
        Place.FIELD: f"field {name} of the signature",
    }[where.place]


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [head, ("---", "---"), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text()
        if parts_of(page):
            path.write_text(written(page))
