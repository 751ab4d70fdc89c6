"""Bodies that something on the way changed, so that the signature is that of another text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hookline.core.doctor import compression, form_text, json_text
from hookline.core.doctor.case import Case
from hookline.core.doctor.diagnosis import Finding, cured
from hookline.core.providers.where import Place

_BOM = b"\xef\xbb\xbf"

#: Two slips with the same body would look alike; this many forms of one body are enough.
_MOST_FORMS = 400

_READ_FIRST = (
    "Verify the bytes as they were received, before anything parses them; switch off whatever parses and writes bodies "
    "between the sender and Hookline."
)


def find(case: Case) -> Iterator[Finding]:
    """A request that verifies with another form of its body."""
    if not case.request.body or not _depends_on_body(case):
        return
    for code, problem, remedy, bodies in _forms(case):
        if (finding := _try(case, code, problem, remedy, bodies)) is not None:
            yield finding
            return


def _try(case: Case, code: str, problem: str, remedy: str, bodies: Iterable[bytes]) -> Finding | None:
    tried = {hash(case.request.body)}
    for count, body in enumerate(bodies):
        if count >= _MOST_FORMS or case.budget.bytes_left <= 0:
            return None
        if hash(body) in tried:
            continue
        tried.add(hash(body))
        cure = case.with_body(body)
        if case.works(cure):
            return cured(code, problem, remedy, cure)
    return None


def _forms(case: Case) -> Iterator[tuple[str, str, str, Iterable[bytes]]]:
    body = case.request.body
    yield (
        "body_line_ends",
        "Blanks or line ends of the body were added, removed or rewritten; with the ones that were signed it verifies.",
        "Pass the body on as bytes, not as text. A file that an editor saved may have a line end more.",
        _line_ends(body),
    )
    yield (
        "body_charset",
        "The body was read in one character encoding and written in another, or a byte order mark came or went.",
        f"{_READ_FIRST} Decode nothing: signatures are over bytes.",
        _charsets(body),
    )
    yield (
        "body_compressed",
        "The body arrived compressed, and the signature is that of the uncompressed one.",
        "Let the proxy pass bodies on as they came, or uncompress them before they are verified.",
        compression.expanded(body),
    )
    yield (
        "body_json_rewritten",
        "The JSON body was parsed and written again on its way: it says the same, but not in the same bytes.",
        _READ_FIRST,
        json_text.rewritten(body),
    )
    if body.lstrip()[:1] not in (b"{", b"["):
        yield (
            "body_form_rewritten",
            "The form was parsed and written again on its way: the same fields, but not in the same bytes.",
            _READ_FIRST,
            form_text.rewritten(body),
        )
    if not _proof_in_body(case):
        yield (
            "body_compressed",
            "The sender signed the compressed body, and something on the way uncompressed it.",
            "Switch off whatever uncompresses requests in front of Hookline.",
            compression.compressed(body),
        )


def _depends_on_body(case: Case) -> bool:
    """Whether another body can change the verdict: a signed checksum (PayPal) covers nothing and still can."""
    return case.covers_body or _proof_in_body(case) or any(scheme.special for scheme in case.schemes)


def _proof_in_body(case: Case) -> bool:
    places = [scheme.signature.where.place for scheme in case.schemes if scheme.signature]
    return any(place in (Place.BODY, Place.FORM) for place in places)


def _line_ends(body: bytes) -> Iterator[bytes]:
    bare = body.strip(b" \t\r\n")
    for text in (body, bare):
        for end in (b"\n", b"\r\n", b"", b"\n\n", b" "):
            yield text + end
    yield from (body.rstrip(b"\r\n"), body.lstrip(), body.removesuffix(b"\n"), body.removesuffix(b"\0"), body[:-2])
    unix = body.replace(b"\r\n", b"\n")
    windows = unix.replace(b"\n", b"\r\n")
    for text in (unix, windows, body.replace(b"\n", b""), unix.replace(b"\r", b"\n")):
        yield text
        yield text.rstrip(b"\r\n")
        yield text.rstrip(b"\r\n") + b"\n"
        yield text.rstrip(b"\r\n") + b"\r\n"


def _charsets(body: bytes) -> Iterator[bytes]:
    yield body.removeprefix(_BOM)
    yield _BOM + body
    for read, write in (
        ("latin-1", "utf-8"),
        ("utf-8", "latin-1"),
        ("cp1252", "utf-8"),
        ("utf-8", "cp1252"),
        ("utf-16", "utf-8"),
        ("utf-8", "utf-16-le"),
        ("utf-8", "utf-16"),
    ):
        try:
            text = body.decode(read)
            yield text.encode(write)
        except (UnicodeError, ValueError):
            continue
