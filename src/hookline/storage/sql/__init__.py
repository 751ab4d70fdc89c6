"""The SQL of Hookline, all of it in files: named queries in ``queries/``, by what they are about, and migrations.

The text keeps to what SQLite and PostgreSQL both speak: ``:name`` parameters, times as parameters,
``CAST(x AS T)``, lists as one JSON parameter.

A list that is read both ways is written once, under two names: the second query is the first without its DESC.
"""

from __future__ import annotations

import re
from importlib.resources import files

_HERE = files(__name__)
_QUERY = re.compile(r"^-- name: (\w+)(?:, (\w+))?\n((?:-- [^\n]*\n)+)(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _load() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted((_HERE / "queries").iterdir(), key=lambda file: file.name):
        text = file.read_text("utf-8")
        read = _QUERY.findall(text)
        queries = [(name, _text(sql)) for name, _back, _why, sql in read]
        queries += [(back, _text(sql).replace(" DESC", "")) for _name, back, _why, sql in read if back]
        if len(read) != text.count("-- name: ") or len(dict(queries) | found) != len(queries) + len(found):
            raise RuntimeError(f"{file.name}: every query needs a unique name and a sentence")
        found |= dict(queries)
    return found


def _text(sql: str) -> str:
    return sql.strip().rstrip(";")


#: Query text by name.
QUERIES = _load()


def migrations() -> list[tuple[int, str, str]]:
    """All migrations in order, as ``(number, file name, text)``."""
    found = [entry for entry in (_HERE / "migrations").iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8")) for entry in found)
