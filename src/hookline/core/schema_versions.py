"""An event type's JSON Schemas by version, as in ``{"1": {…}, "2": {…}}``: which of them counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def newest_schema(schemas: Mapping[str, Any] | None) -> Any | None:
    """The schema of the highest version: by number where versions are numbers, which are above other names."""
    if not schemas:
        return None
    return schemas[max(schemas, key=_order)]


def _order(version: str) -> tuple[bool, int, str]:
    is_number = version.isascii() and version.isdigit() and len(version) <= 18
    return is_number, int(version) if is_number else 0, version
