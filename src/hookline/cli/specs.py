"""What flags say, as the specs that the file and the API are read with; so their rules hold here too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from hookline.config.fields import Spec
from hookline.config.problems import Path, explain, spell
from hookline.core.errors import InvalidInput

S = TypeVar("S", bound=Spec)


def checked_spec(model: type[S], values: Mapping[str, Any], flags: Mapping[str, str]) -> S:
    """``values`` as a spec. ``flags`` name the flag of a field that is called otherwise.

    Raises InvalidInput with a line for everything that cannot be used.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = [f"{_flag(each.path, flags)}: {each.message}" for each in explain(error, model)]
        raise InvalidInput("\n".join(problems)) from None


def _flag(path: Path, flags: Mapping[str, str]) -> str:
    field, *inner = path
    rest = spell(tuple(part for part in inner if isinstance(part, str)))
    return " ".join(filter(None, [flags.get(str(field), f"--{str(field).replace('_', '-')}"), rest]))


def pairs(flag: str, texts: Iterable[str], separator: str = "=") -> dict[str, str]:
    """``["plan=gold"]`` as names and values. Raises InvalidInput for a text without the separator."""
    found = {}
    for text in texts:
        name, given, value = text.partition(separator)
        if not given or not name.strip():
            raise InvalidInput(f"{flag}: write a name, `{separator}` and a value")
        found[name.strip()] = value.strip()
    return found
