"""What the sending API would refuse, said by the flags that were used instead of the fields of its bodies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from hookline.api.sending.refusal import Unprocessable
from hookline.config.problems import Path, spell
from hookline.core.errors import InvalidInput


@contextlib.contextmanager
def by_flags(flags: Mapping[str, str]) -> Iterator[None]:
    """Turn Unprocessable into InvalidInput with a line for each thing that is wrong. ``flags`` are by field."""
    try:
        yield
    except Unprocessable as error:
        said = [f"{_flag(each.place, flags)}: {each.words}" for each in error.wrong]
        raise InvalidInput("\n".join(dict.fromkeys(said)), code=error.code) from None


def _flag(place: Path, flags: Mapping[str, str]) -> str:
    """The flag of a field; of a payload also where in it."""
    field = str(place[1]) if len(place) > 1 else ""
    flag = flags.get(field, f"--{field}")
    return f"{flag} {spell(place[2:])}" if field == "payload" and place[2:] else flag
