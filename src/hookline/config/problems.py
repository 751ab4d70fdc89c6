"""Everything that is wrong with a configuration, in words that say what to change.

Pydantic finds the problems of a SourceSpec; ``explain`` says them in Hookline's words, without ever
repeating a value that could be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from hookline.core.errors import ConfigError

#: Where a value stands in a document: ``("sources", 0, "endpoints", 1, "url")``.
Path: TypeAlias = tuple[str | int, ...]

NO_VALUE = "has no value; give it one or remove the key"


class ConfigErrors(ConfigError):
    """The configuration cannot be used, for at least one reason; the message has a line for each."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(problem.message for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at ``path``, and what to write instead."""

    path: Path
    message: str


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """What is wrong with an input for ``model``; no message holds a value that could be a secret."""
    return [
        Problem(tuple(found["loc"]), _in_words(model, found))
        for found in error.errors(include_url=False, include_context=True)
        if not (found["type"] == "too_short" and found["input"])  # its items have problems of their own
    ]


def spell(path: Path) -> str:
    """``sources[0].endpoints[1].url``"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_spell_key(part)}" if text else _spell_key(part)
    return text


def _spell_key(key: str) -> str:
    """Keys are written by people: one that is no name must not break the line that tells about it."""
    return key if re.fullmatch(r"[\w.*-]{1,80}", key) else repr(key[:80])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean `retry`?`` or nothing."""
    close = nearest(word, known)
    return f"; did you mean `{close}`?" if close else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that ``word`` is most likely a slip of, or an empty string."""
    close = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def unknown_key(key: object, known: Sequence[str]) -> str:
    """The message for a key that does not exist, with the nearest one or all of them."""
    word = key if isinstance(key, str) else ""
    hint = did_you_mean(word, known) or f"; known here: {', '.join(known)}"
    return f"there is no such key{hint}"


def _in_words(model: type[BaseModel], found: Mapping[str, Any]) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        *above, key = found["loc"]
        return unknown_key(key, list(_model_at(model, above).model_fields))
    if found.get("input", "") is None and kind != "hookline":
        return NO_VALUE
    template = _WORDS.get(kind)
    return template.format_map({name: _plain(value) for name, value in context.items()}) if template else found["msg"]


def _plain(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for inner in map(_inner_model, get_args(annotation)) if inner), None)


_WORDS = {
    "missing": "this key is required",
    "string_type": "must be text; put it in quotes",
    "string_unicode": "has characters that are not Unicode text",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_short": "needs at least {min_length}",
    "too_long": "must have at most {max_length} entries",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list, as in [a, b]",
    "list_type": "must be a list, as in [a, b]",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "recursion_loop": "contains itself",
}
