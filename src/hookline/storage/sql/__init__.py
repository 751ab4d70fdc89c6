"""The SQL of Hookline, all of it in files.

- ``queries/``: named queries, by what they are about. Their text is the same for SQLite and PostgreSQL: ``:name``
  parameters, times as parameters, ``CAST(x AS T)``. Only what locks rows (``FOR UPDATE``) is left out for SQLite, where
  one writer is alone with the file.
- ``arrays/``: the few hot ones once more for PostgreSQL, where they do for many rows in one statement what SQLite is
  asked for each. Every parameter is an array; the first of them is what rows are locked in the order of.
- ``sqlite/`` and ``postgres/``: the schema, as numbered migrations. The same number is the same schema.

A list that is read both ways is written once, under two names: the second query is the first without its DESC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from operator import itemgetter
from typing import Any, NamedTuple

_HERE = files(__name__)
_QUERY = re.compile(r"^-- name: (\w+)(?:, (\w+))?\n((?:-- [^\n]*\n)+)(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_RETURNS = re.compile(r"\s+RETURNING \w+$")
_PARAMETER = re.compile(r":(\w+)")
_LOCKS = re.compile(r"\s+FOR (?:NO KEY )?(?:UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED)?")
_WORKS_WITH = re.compile(r"^-- works with: (\d+)$", re.MULTILINE)


class Migration(NamedTuple):
    """One step of the schema.

    ``works_with``: the oldest version whose code may go on serving when this step is applied.
    """

    number: int
    name: str
    text: str
    works_with: int


def _load(folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted((_HERE / folder).iterdir(), key=lambda file: file.name):
        text = file.read_text("utf-8")
        read = _QUERY.findall(text)
        queries = [(name, _text(sql)) for name, _back, _why, sql in read]
        queries += [(back, _text(sql).replace(" DESC", "")) for _name, back, _why, sql in read if back]
        if len(read) != text.count("-- name: ") or len(dict(queries) | found) != len(queries) + len(found):
            raise RuntimeError(f"{file.name}: every query needs a unique name and a sentence")
        found |= dict(queries)
    return found


class ForEach(NamedTuple):
    """A statement that SQLite is asked for many rows, in the form that costs least.

    ``text`` has numbered parameters, ``values`` puts those of a row in their order. It returns nothing: what would be
    returned is gathered in a table of its own first, which costs SQLite as much as the change itself.
    """

    text: str
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]


def _for_each(text: str) -> ForEach:
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    numbered = _PARAMETER.sub(lambda found: f"?{names.index(found[1]) + 1}", _RETURNS.sub("", text))
    if len(names) > 1:
        return ForEach(numbered, itemgetter(*names))
    return ForEach(numbered, lambda row: tuple(row[name] for name in names))


def _text(sql: str) -> str:
    return sql.strip().rstrip(";")


#: Query text by name, as PostgreSQL understands it.
QUERIES = _load("queries")
#: The same as SQLite understands it.
SQLITE = {name: _LOCKS.sub("", text) for name, text in QUERIES.items()}
#: The same for many rows at once.
SQLITE_EACH = {name: _for_each(text) for name, text in SQLITE.items()}
#: What PostgreSQL does for many rows at once.
ARRAYS = _load("arrays")


def migrations(dialect: str) -> list[Migration]:
    """All migrations of ``sqlite`` or ``postgres``, in order."""
    found = [entry for entry in (_HERE / dialect).iterdir() if entry.name.endswith(".sql")]
    return sorted(_migration(entry.name, entry.read_text("utf-8")) for entry in found)


def _migration(name: str, text: str) -> Migration:
    number = int(name.split("_")[0])
    said = _WORKS_WITH.search(text)
    return Migration(number, name, text, int(said[1]) if said else number)
