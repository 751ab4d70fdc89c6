"""Flags that are settings: made of config.settings.SETTINGS, so that each is described once.

    @with_flags(STORE_FLAGS)
    def list_sources(flags: Flags, as_json: Json = False) -> None: ...

has ``--config``, ``--database`` and so on; what was given is in ``flags``, by key, ready for load_settings.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, TypeAlias

import typer

from hookline.config import units
from hookline.config.setting_values import shown
from hookline.config.settings import SETTINGS, Setting

#: What was given on the command line, by key; None is a flag that was not.
Flags: TypeAlias = Mapping[str, str | None]

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

#: Every setting that has a flag.
ALL_FLAGS = tuple(setting.key for setting in SETTINGS if setting.flag)

#: What finds the database, and who is asking.
STORE_FLAGS = ("config", "database", "data_dir", "organisation")

#: The same where hookline.yaml itself is named by ``--file``.
FILE_FLAGS = ("database", "data_dir", "organisation")

#: What stands for a value in the help: by how the value is written, or by what it is.
_KINDS = {units.format_duration: "DURATION", units.format_lifetime: "LIFETIME", units.format_size: "SIZE"}
_PLACES = {"database": "URL", "config": "FILE", "tls_cert": "FILE", "tls_key": "FILE", "data_dir": "FOLDER"}

_BY_KEY = {setting.key: setting for setting in SETTINGS}


def with_flags(keys: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command has a flag for each of these settings and gets them as ``flags``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(**given: Any) -> None:
            flags = {key: given.pop(key) for key in keys}
            command(flags=flags, **given)

        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name != "flags"
        ]
        called.__signature__ = inspect.Signature([*own, *map(_parameter, keys)])  # type: ignore[attr-defined]
        called.__annotations__ = {}  # typer reads the signature, and would read these too
        return called

    return decorate


def _parameter(key: str) -> inspect.Parameter:
    setting = _BY_KEY[key]
    option = typer.Option(setting.flag, help=_help(setting), metavar=_metavar(setting))
    return inspect.Parameter(
        key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def _help(setting: Setting) -> str:
    doc = setting.doc.replace("`", "").replace("[", "(").replace("]", ")")  # brackets would be markup
    return f"{doc} ({setting.variable}; default {setting.show(setting.default)})"


def _metavar(setting: Setting) -> str:
    if isinstance(setting.default, StrEnum):
        return "|".join(type(setting.default))
    if isinstance(setting.default, int) and setting.show is shown:
        return "true|false|NETWORKS" if isinstance(setting.default, bool) else "NUMBER"
    return _KINDS.get(setting.show) or _PLACES.get(setting.key, setting.key.rpartition("_")[2].upper())
