"""The SQL of Hookline, all of it in files: named queries in ``queries/``, by what they are about, and migrations.

The text keeps to what SQLite and PostgreSQL both speak: ``:name`` parameters, times as parameters,
``CAST(x AS T)``, lists as one JSON parameter.
"""

from __future__ import annotations

import re
from importlib.resources import files

_HERE = files(__name__)
_QUERY = re.compile(r"^-- name: (\w+)\n((?:-- [^\n]*\n)+)(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _load() -> dict[str, str]:
    found: dict[str, str] = {}
    count = 0
    for file in sorted((_HERE / "queries").iterdir(), key=lambda file: file.name):
        text = file.read_text("utf-8")
        count += text.count("-- name: ")
        found |= {name: sql.strip().rstrip(";") for name, _why, sql in _QUERY.findall(text)}
    if len(found) != count:
        raise RuntimeError("queries/: every query needs a unique name and a sentence")
    return found


#: Query text by name.
QUERIES = _load()


def migrations() -> list[tuple[int, str, str]]:
    """All migrations in order, as ``(number, file name, text)``."""
    found = [entry for entry in (_HERE / "migrations").iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8")) for entry in found)
