"""What a source of a provider says besides its secret: the address it gave to the sender, a header of its choice.

They stand in the ``signature`` block of the source, beside ``scheme``, which narrows a provider to one scheme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from hookline.core.errors import ConfigError
from hookline.core.providers.scheme import Scheme
from hookline.core.providers.signed import Options
from hookline.core.providers.where import Place, Where

#: The key that chooses among the schemes of a provider.
SCHEME = "scheme"


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``means`` ends the sentence "it is …".

    ``header``: it is the name of a header that people choose at the sender; ``default`` is the one in the row.
    ``secret``: it is not shown. ``proves``: with it a source needs no secret.
    """

    name: str
    means: str
    default: str = ""
    header: bool = False
    secret: bool = False
    proves: bool = False


#: The address that was given to the sender, for those who sign it.
URL = Option("url", "the address of the source as it was given to the sender, where a proxy changes it on the way")


def chosen(block: Mapping[str, Any], options: Sequence[Option], schemes: Sequence[str]) -> tuple[list[str], Options]:
    """The ids of schemes (empty: all) and the options that a block says. Raises ConfigError."""
    known = {option.name: option for option in options}
    values: dict[str, str] = {option.name: option.default for option in options if option.default}
    names: list[str] = []
    for key, value in block.items():
        if key == SCHEME:
            names = _schemes(value, schemes)
        elif key not in known:
            allowed = [SCHEME, *known]
            near = get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(allowed)}"
            raise ConfigError(f"there is no key `{key}` for this provider; {hint}", where="signature")
        elif not isinstance(value, str) or not value or (known[key].header and not value.isascii()):
            raise ConfigError(f"must be text: {known[key].means}", where=f"signature.{key}")
        else:
            values[key] = value
    return names, values


def with_headers(scheme: Scheme, options: Sequence[Option], values: Options) -> Scheme:
    """The scheme with the headers that people chose in place of those of the row."""
    for option in options:
        if option.header and values.get(option.name, option.default) != option.default:
            scheme = _renamed(scheme, option.default, values[option.name])
    return scheme


def _renamed(scheme: Scheme, old: str, new: str) -> Scheme:
    def name(where: Where) -> Where:
        return Where(where.place, new) if where == Where(Place.HEADER, old) else where

    signature, timestamp = scheme.signature, scheme.timestamp
    return replace(
        scheme,
        signature=replace(signature, where=name(signature.where)) if signature else None,
        timestamp=replace(timestamp, where=name(timestamp.where)) if timestamp else None,
    )


def _schemes(value: object, schemes: Sequence[str]) -> list[str]:
    names: list[Any] = value if isinstance(value, list) else [value]
    for name in names:
        if name not in schemes:
            raise ConfigError(f"{name!r} is not one of {', '.join(schemes)}", where=f"signature.{SCHEME}")
    return names
