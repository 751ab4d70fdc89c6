"""Requests like those of any provider, signed as it signs: for users' tests and for ``hookline trigger``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from hookline.core.body import pointer_tokens
from hookline.core.errors import InvalidInput
from hookline.core.headers import index
from hookline.core.model import Request
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import Scheme
from hookline.core.providers.sign import EXAMPLE_URL, sign_request
from hookline.core.providers.where import Place, Where, as_bytes, parsed, request_reader
from hookline.guides import Guide, Sample, guide_of
from hookline.testing.secrets import new_pair

_FORM = "application/x-www-form-urlencoded"
_DAY_S = 86_400.0
#: As signatures are written that stand among other fields of a body.
_LONG_WORD = re.compile(rb"[0-9A-Za-z+/_-]{20,}")


class Bad(StrEnum):
    """What is wrong with a request that must be refused, or recognised."""

    TAMPERED = "tampered"  #: one byte of the body, or of what is signed, is another than was signed
    STALE = "stale"  #: signed a day ago
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - signed with a secret that nobody knows
    DUPLICATE = "duplicate"  #: sent twice


def sample_request(
    provider: Provider,
    secret: str,
    *,
    now_s: float,
    event_id: str,
    event_type: str = "",
    changes: Mapping[str, Any] | None = None,
    url: str = EXAMPLE_URL,
    scheme: str | None = None,
    bad: Bad | None = None,
) -> Request:
    """A request of ``provider`` to ``url``, signed with ``secret`` at ``now_s`` (UTC seconds).

    It carries a fresh ``event_id``, where the provider has a place for one, and ``event_type``: the guide's first
    sample when empty, else the sample of that type, or the first one with that type. ``changes`` are values by their
    JSON pointer (or ``dotted.path``), or by the name of a form field. Asymmetric schemes take the private key as
    ``secret``. Raises InvalidInput for what cannot be made.
    """
    guide = guide_of(provider.slug)
    sample = _sample(provider, guide, event_type)
    chosen = next((one for one in provider.schemes if one.id == scheme), provider.usual_scheme)
    body = _body(provider, chosen, sample, event_id, event_type or sample.type, changes or {})
    if bad is Bad.STALE and not signs_time(chosen):
        raise InvalidInput(f"{provider.name} signs no time, so nothing of it can be stale")
    request = sign_request(
        provider,
        body=body,
        secret=new_pair(provider, chosen).signing if bad is Bad.WRONG_SECRET else secret,
        now_s=now_s - _DAY_S if bad is Bad.STALE else now_s,
        event_id=event_id,
        event_type=event_type or sample.type,
        content_type=sample.content_type,
        scheme=scheme,
        url=f"{url}?{sample.query}" if sample.query and "?" not in url else url,
        method=sample.method,
        headers=tuple((name.lower().encode(), value.encode()) for name, value in sample.headers.items()),
    )
    return tampered(request, chosen, secret) if bad is Bad.TAMPERED else request


def tampered(request: Request, scheme: Scheme, secret: str) -> Request:
    """The request as somebody on the way would change it: the body where that is covered, else the proof itself."""
    if scheme.covers_body and request.body:
        return msgspec.structs.replace(request, body=_another_byte(request.body))
    where = scheme.signature.where if scheme.signature else None
    if where is None or where.place is not Place.HEADER:
        found = as_bytes(request_reader(where)(request)) if where is not None else None
        proof = next((one for one in (found, secret.encode()) if one and one in request.body + request.query), None)
        proof = proof or max(_LONG_WORD.findall(request.body), key=len, default=request.body)
        body, query = (
            request.body.replace(proof, _another_byte(proof)),
            request.query.replace(proof, _another_byte(proof)),
        )
        url = request.url.partition("?")[0] + (f"?{query.decode()}" if query else "")
        return msgspec.structs.replace(request, body=body, query=query, url=url)
    name = where.name.lower().encode()
    lines = tuple((key, _another_byte(value) if key == name else value) for key, value in request.headers)
    return msgspec.structs.replace(request, headers=lines, lookup=index(lines))


def _another_byte(text: bytes) -> bytes:
    """``text`` with one letter or digit changed for another, late, where the content is; it stays readable."""
    found = list(re.finditer(rb"[0-9A-Za-z]", text))
    if not found:
        return text + b" "
    at = found[len(found) * 2 // 3].start()
    return text[:at] + (b"7" if text[at : at + 1] != b"7" else b"8") + text[at + 1 :]


def signs_time(scheme: Scheme) -> bool:
    """Whether a captured request is worth nothing after some time."""
    if scheme.timestamp is not None:
        return scheme.timestamp.tolerance_s is not None
    return scheme.jwt is not None or (scheme.special is not None and scheme.special.tolerance_s is not None)


def _sample(provider: Provider, guide: Guide, event_type: str) -> Sample:
    found = guide.sample(event_type) or guide.sample()
    if found is None:
        found = Sample(event_type, "{}")
    known = {*guide.events, *(sample.type for sample in guide.samples)}
    if event_type and event_type != found.type and known and event_type not in known and not provider.event_type:
        near = get_close_matches(event_type, sorted(known), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(known))}"
        raise InvalidInput(f"{provider.name} sends no {event_type!r} that is known here; {hint}")
    return found


def _body(
    provider: Provider,
    scheme: Scheme,
    sample: Sample,
    event_id: str,
    event_type: str,
    changes: Mapping[str, Any],
) -> bytes:
    is_json = sample.content_type.partition(";")[0].endswith("json") or sample.body.lstrip().startswith(("{", "["))
    ids, types = scheme.event_id or provider.event_id, scheme.event_type or provider.event_type
    if is_json and sample.content_type != _FORM:
        document = msgspec.json.decode(sample.body or "{}")
        _put_first(document, ids, event_id)
        if event_type != sample.type:
            suffix = provider.event_type_sub
            plain, _, sub = event_type.partition(".") if suffix else (event_type, "", "")
            _put_first(document, types, plain)
            if sub:
                put_value(document, suffix, sub)
        for path, value in changes.items():
            put_value(document, path if path.startswith("/") else "/" + path.replace(".", "/"), value)
        return msgspec.json.encode(document)
    if sample.content_type.partition(";")[0] == _FORM:
        return _form(sample.body, ids, event_id, changes)
    if changes:
        raise InvalidInput(
            f"{provider.name} sends {sample.content_type}; only JSON and forms can be changed with --set"
        )
    lines = ((b"content-type", sample.content_type.encode()),)
    request = Request("POST", "/", b"", lines, index(lines), sample.body.encode())
    known = provider.identify(request, parsed(request)).event_id
    return request.body.replace(known.encode(), event_id.encode()) if known else request.body


def _form(text: str, ids: tuple[Where, ...], event_id: str, changes: Mapping[str, Any]) -> bytes:
    pairs = parse_qsl(text.strip(), keep_blank_values=True)
    wanted = {path.lstrip("/"): str(value) for path, value in changes.items()}
    names = [place.name.removeprefix("/") for place in ids if place.place in (Place.FORM, Place.BODY)]
    own_id = next((name for name in names if name in dict(pairs)), None)
    if own_id is not None:
        wanted.setdefault(own_id, event_id)
    if not wanted:
        return text.strip().encode()
    kept = [(name, wanted.pop(name, value)) for name, value in pairs]
    return urlencode([*kept, *wanted.items()]).encode()


def _put_first(document: Any, places: tuple[Where, ...], value: str) -> None:
    """Write at the first of the places that is in the body and there already: others belong to other events."""
    for place in places:
        if place.place is Place.BODY and _holds(document, pointer_tokens(place.name)):
            put_value(document, place.name, value)
            return


def _holds(value: Any, steps: tuple[str, ...]) -> bool:
    for step in steps:
        if isinstance(value, list):
            index_ = 0 if step == "*" else int(step) if step.isdigit() else -1
            if not 0 <= index_ < len(value):
                return False
            value = value[index_]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return True


def put_value(document: Any, pointer: str, value: Any) -> None:
    """Write ``value`` where a JSON pointer leads, making objects on the way; ``*`` is the first item of an array.

    A text stays of the kind that stood there: a number for a number. Raises InvalidInput when the way is barred.
    """
    *steps, last = pointer_tokens(pointer) or ("",)
    parent = document
    for step in steps:
        if isinstance(parent, list):
            parent = _item(parent, step, pointer)
        elif isinstance(parent, dict):
            parent = parent.setdefault(step, {})
        else:
            raise InvalidInput(f"the sample has no place for {pointer}")
    if isinstance(parent, list):
        parent[parent.index(_item(parent, last, pointer))] = value
    elif isinstance(parent, dict):
        old = parent.get(last)
        number = isinstance(old, int) and not isinstance(old, bool) and isinstance(value, str)
        parent[last] = _number(value) if number else value
    else:
        raise InvalidInput(f"the sample has no place for {pointer}")


def _item(items: list[Any], step: str, pointer: str) -> Any:
    position = 0 if step == "*" else int(step) if step.isdigit() else -1
    if not 0 <= position < len(items):
        raise InvalidInput(f"the sample has no place for {pointer}")
    return items[position]


def _number(text: str) -> int | str:
    """A new number for an id that is one: the digits of the text, as far as they fit 53 bits."""
    digits = "".join(str(int(letter, 16)) if letter in "0123456789abcdef" else "" for letter in text.lower())
    return int(digits[:15]) if digits else text
