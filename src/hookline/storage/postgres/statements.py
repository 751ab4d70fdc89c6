"""The named queries as PostgreSQL is asked them: ``:name`` becomes ``$1``, and each is prepared once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from hookline.storage.postgres.encoding import BINARY, Encoded, array, parameter
from hookline.storage.sql import ARRAYS, QUERIES

#: Not the ``::`` of a cast, nor what stands in quotes (there is no colon in a quote of ours).
_PARAMETER = re.compile(r"(?<!:):(\w+)")
_ARRAY = re.compile(r"CAST\(:(\w+) AS ([A-Z ]+)\[\]\)")


class Statement(msgspec.Struct, frozen=True):
    """A query with numbered parameters; ``name`` is what the server knows it by once it is prepared."""

    name: bytes
    text: bytes
    params: tuple[str, ...]
    kinds: tuple[str, ...] = ()  #: of arrays: the types of their elements

    def encode(self, values: Mapping[str, Any]) -> list[Encoded]:
        """Its parameters, in order."""
        return [parameter(values[name]) for name in self.params]

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Encoded]:
        """Its parameters, each the column of that name in the rows."""
        return [
            (array(kind, [row[name] for row in rows]), BINARY)
            for name, kind in zip(self.params, self.kinds, strict=True)
        ]

    def encode_columns(self, columns: Sequence[Sequence[Any]]) -> list[Encoded]:
        """Its parameters, each a column."""
        return [(array(kind, column), BINARY) for kind, column in zip(self.kinds, columns, strict=True)]


@cache
def query(name: str) -> Statement:
    """A query for one row of parameters."""
    return _statement(f"q_{name}", QUERIES[name])


@cache
def arrays(name: str) -> Statement | None:
    """The same for many rows at once, where that was written."""
    return _statement(f"a_{name}", ARRAYS[name]) if name in ARRAYS else None


def plain(name: str, text: str) -> Statement:
    """A statement without parameters."""
    return Statement(name.encode(), text.encode(), ())


def _statement(name: str, text: str) -> Statement:
    params = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    kinds = dict(_ARRAY.findall(text))
    numbered = _PARAMETER.sub(lambda found: f"${params.index(found[1]) + 1}", text)
    return Statement(name.encode(), numbered.encode(), params, tuple(kinds[each] for each in params) if kinds else ())
