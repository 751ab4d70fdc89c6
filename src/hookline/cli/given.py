"""Options that several commands share: described once, and handed to a command by the fields that they set.

    @with_given(OPTIONS)
    def create(name: str, given: Given) -> None: ...

has every option of the table, and ``given`` holds the values of those that were used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeAlias

#: What was given on the command line, by field.
Given: TypeAlias = dict[str, Any]

#: The annotations of options, by field. Each is optional: None is an option that was not given.
Options: TypeAlias = Mapping[str, Any]


def with_given(options: Options) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command has these options and gets those that were used as ``given``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(**all_given: Any) -> None:
            chosen = {field: all_given.pop(field) for field in options}
            command(given={field: value for field, value in chosen.items() if value is not None}, **all_given)

        parameters = [
            one
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            for one in (map(_parameter, options.items()) if parameter.name == "given" else (_keyword(parameter),))
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {}  # the signature is read, and these would be too
        return called

    return decorate


def _keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _parameter(option: tuple[str, Any]) -> inspect.Parameter:
    field, annotation = option
    return inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
