"""A provider made of configuration: the ``signature`` block of a source with ``provider: generic``.

| key | means | default |
|---|---|---|
| ``kind`` | ``hmac``, ``ed25519``, ``rsa``, ``ecdsa``, ``hash``, ``static_token``, ``basic_auth`` | ``hmac`` |
| ``header`` | the header that holds the signature or token | |
| ``in`` | instead of ``header``: ``query:NAME``, ``body:/POINTER``, ``form:NAME`` | |
| ``algorithm`` | ``sha256``, ``sha512``, ``sha384``, ``sha1`` | ``sha256`` |
| ``encoding`` | ``hex``, ``hex_any_case``, ``base64``, ``base64url``, ``base64url_bare`` (without padding) | ``hex`` |
| ``prefix`` | what stands before the signature, as ``sha256=`` | |
| ``format`` | ``plain``, ``list``, ``kv``, ``space_list``, ``positional``, ``numbered``, ``pipe_pairs`` | ``plain`` |
| ``tag`` | in ``kv`` and ``space_list`` the key of signatures, as ``v1`` | |
| ``delimiter`` | in ``list``, ``kv`` and ``positional`` what separates | ``,`` |
| ``signed`` | template of what is signed (template.py) | ``{raw_body}`` |
| ``key_encoding`` | ``utf8``, ``base64``, ``hex``, ``whsec_base64``, ``whpk_base64``, ``public_key`` | ``utf8`` |
| ``timestamp`` | ``header:NAME``, or ``field:KEY`` of a ``kv`` signature, or ``body:/POINTER`` | |
| ``timestamp_unit`` | ``s``, ``ms``, ``ns``, ``iso``, ``s_or_ms``, ``iso_or_s`` | ``s`` |
| ``tolerance_s`` | how far the timestamp may be from now, in seconds | 300 |
| ``event_id`` | ``header:NAME``, ``body:/POINTER``, ``query:NAME`` or ``form:NAME``; or a list, the first found | |
| ``event_type`` | the same | |

Every mistake is a ConfigError that names the key and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from hookline.core.errors import ConfigError
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import (
    Algorithm,
    Encoding,
    Format,
    KeyEncoding,
    Kind,
    Scheme,
    Signature,
    Timestamp,
    TimeUnit,
)
from hookline.core.providers.where import Place, Where, header, parse_where

SLUG = "generic"

_Choice = TypeVar("_Choice", bound=StrEnum)

#: What a block can say. Tokens and certificates have rules of their own, and md5 is for one old sender.
KINDS = (Kind.HMAC, Kind.ED25519, Kind.RSA, Kind.ECDSA, Kind.HASH, Kind.STATIC_TOKEN, Kind.BASIC_AUTH)
ALGORITHMS = (Algorithm.SHA1, Algorithm.SHA256, Algorithm.SHA384, Algorithm.SHA512)

_WHERE_KEYS = ("header", "in")
_SIGNED_KEYS = (
    "algorithm",
    "encoding",
    "format",
    "tag",
    "delimiter",
    "signed",
    "key_encoding",
    "timestamp",
    "timestamp_unit",
    "tolerance_s",
)
_KEYS = ("kind", *_WHERE_KEYS, "prefix", *_SIGNED_KEYS, "event_id", "event_type")


def build_generic(signature: Mapping[str, Any]) -> Provider:
    """A provider from a ``signature`` block. Raises ConfigError with the key and the allowed values."""
    _refuse_unknown_keys(signature)
    if signature.get("kind") == Kind.NONE:
        raise _wrong("kind", "use `provider: none` for a source that asks for no proof")
    kind = _choice(signature, "kind", Kind.HMAC, KINDS)
    credential = kind in (Kind.STATIC_TOKEN, Kind.BASIC_AUTH)
    try:
        scheme = _credential(signature, kind) if credential else _signed(signature, kind)
    except ConfigError as error:
        raise ConfigError(error.message, where=error.where or "signature") from None
    return Provider(
        slug=SLUG,
        name="The sender",
        schemes=(scheme,),
        event_id=_places(signature, "event_id"),
        event_type=_places(signature, "event_type"),
        content_types=("any",),
        methods=("POST", "PUT", "GET"),
        key_hint="the secret that the sender signs with",
    )


def _signed(signature: Mapping[str, Any], kind: Kind) -> Scheme:
    timestamp = _timestamp(signature)
    signed = _text(signature, "signed", "{raw_body}")
    scheme = Scheme(
        id=SLUG,
        kind=kind,
        signature=Signature(
            _location(signature),
            encoding=_choice(signature, "encoding", Encoding.HEX),
            format=_choice(signature, "format", Format.PLAIN),
            prefix=_text(signature, "prefix"),
            tag=_text(signature, "tag"),
            delimiter=_text(signature, "delimiter", ","),
        ),
        algorithm=_choice(signature, "algorithm", Algorithm.SHA256, ALGORITHMS),
        signed=signed,
        key=_choice(signature, "key_encoding", KeyEncoding.UTF8),
        timestamp=timestamp,
    )
    if timestamp and "{timestamp}" not in signed and not scheme.covers(timestamp.where):
        raise _wrong(
            "timestamp",
            f"{timestamp.where.words} is not signed, so anybody could set it anew. Add `{{timestamp}}` to `signed` "
            "where the sender signs it, or leave `timestamp` out",
        )
    return scheme


def _credential(signature: Mapping[str, Any], kind: Kind) -> Scheme:
    for key in _SIGNED_KEYS:
        if key in signature:
            raise _wrong(key, f"means nothing with kind `{kind}`; leave it out")
    where = header("Authorization")
    if kind is Kind.STATIC_TOKEN or any(key in signature for key in _WHERE_KEYS):
        where = _location(signature)
    return Scheme(id=SLUG, kind=kind, signature=Signature(where, prefix=_text(signature, "prefix")))


def _timestamp(signature: Mapping[str, Any]) -> Timestamp | None:
    if "timestamp" not in signature:
        for key in ("timestamp_unit", "tolerance_s"):
            if key in signature:
                raise _wrong(key, "means nothing without `timestamp`, the place of the time of sending")
        return None
    return Timestamp(
        parse_where(signature["timestamp"], "signature.timestamp"),
        unit=_choice(signature, "timestamp_unit", TimeUnit.S),
        tolerance_s=_seconds(signature, "tolerance_s", 300.0),
    )


def _location(signature: Mapping[str, Any]) -> Where:
    if ("header" in signature) == ("in" in signature):
        raise _wrong("header", "name the header that holds the signature, or its place with `in`, not both")
    if "in" in signature:
        return parse_where(signature["in"], "signature.in")
    return parse_where(f"header:{_text(signature, 'header')}", "signature.header")


def _places(signature: Mapping[str, Any], key: str) -> tuple[Where, ...]:
    value = signature.get(key, [])
    where = f"signature.{key}"
    places = tuple(parse_where(one, where) for one in (value if isinstance(value, list) else [value]))
    if any(place.place is Place.FIELD for place in places):
        raise ConfigError("`field:` is only for `timestamp`", where=where)
    return places


def _choice(
    signature: Mapping[str, Any], key: str, default: _Choice, allowed: tuple[_Choice, ...] | None = None
) -> _Choice:
    value = signature.get(key, default)
    choices = allowed or tuple(type(default))
    if not isinstance(value, str) or value not in choices:
        raise _wrong(key, f"{value!r} is not one of {', '.join(choices)}")
    return type(default)(value)


def _text(signature: Mapping[str, Any], key: str, default: str = "") -> str:
    value = signature.get(key, default)
    if not isinstance(value, str):
        raise _wrong(key, f"must be text, not {value!r}; put it in quotes")
    return value


def _seconds(signature: Mapping[str, Any], key: str, default: float) -> float:
    value = signature.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise _wrong(key, f"must be a number of seconds, zero or more, not {value!r}")
    return float(value)


def _refuse_unknown_keys(signature: Mapping[str, Any]) -> None:
    for key in signature:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(_KEYS)}"
            raise ConfigError(f"there is no key `{key}`; {hint}", where="signature")


def _wrong(key: str, problem: str) -> ConfigError:
    return ConfigError(problem, where=f"signature.{key}")
