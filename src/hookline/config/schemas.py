"""JSON Schema documents: refused when they are saved, not when the first event comes."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from hookline.core.errors import InvalidInput


def check_schema(document: object) -> dict[str, Any]:
    """Return ``document`` when it is a usable JSON Schema. Raises InvalidInput saying what is wrong in it.

    ``$ref`` can only point into the document: nothing is ever fetched.
    """
    if not isinstance(document, dict):
        raise InvalidInput("must be a JSON Schema (a mapping); only hookline.yaml can name a file instead")
    try:
        jsonschema_rs.validator_for(document, offline=True)
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{part}" for part in error.instance_path)
        raise InvalidInput(f"is not a JSON Schema: {place or '/'}: {_short(error.message)}") from None
    except (ValueError, TypeError, RecursionError, jsonschema_rs.ReferencingError):
        raise InvalidInput("is not a JSON Schema: keys must be text and values must be JSON") from None
    return document


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:199] + "…"
