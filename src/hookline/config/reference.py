"""The page docs/reference/configuration.md: ``python -m hookline.config.reference`` prints it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from enum import StrEnum
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from hookline.config import units
from hookline.config.fields import Spec
from hookline.config.settings import PREFIX, SETTINGS, Setting
from hookline.config.spec import DedupeSpec, EndpointSpec, RetrySpec, SourceSpec
from hookline.core.providers import generic, template

_INTRODUCTION = f"""# Configuration

A server is told what to do by flags, environment variables and a file, `hookline.yaml`.
A flag wins over a variable, a variable over the file, the file over the default.
An empty variable counts as not set; a `{PREFIX}…` variable that is not a setting gets a warning.

Every problem of a file is reported at once, with its line, its key and what to write instead:

```
hookline.yaml:4 sources[0].provder: there is no such key; did you mean `provider`?
```

How values are written:

| kind | written as |
|---|---|
| duration | {units.DURATION_EXAMPLES} |
| lifetime | a duration, or `forever` |
| size | {units.SIZE_EXAMPLES}; units count in steps of 1024 |
| rate | {units.RATE_EXAMPLES} (per second, minute, hour; also `/d`) |
| network | `192.0.2.7` or `192.0.2.0/24`, also IPv6; in variables several with commas between |
| secret | `env:NAME`, `file:PATH` (relative to `hookline.yaml`), or the secret itself |
| event pattern | `push` exactly, `pull_request.*` everything below, `*` everything |

The file is YAML 1.2: only `true` and `false` are booleans, a key may occur only once, and tags and merge keys
are refused. Paths of secrets and schemas are relative to the file, other paths to the working folder.
It may have at most 1MB.
"""

_FILE = """## hookline.yaml

| key | what |
|---|---|
| `version` | The version of this format: `1`. Required. |
| `sources` | A list of sources, see below. |
| every key above that has one | The setting, for this server. |
"""

_SIGNATURE = """### sources[].signature

How requests are signed, for `provider: generic`. For a provider of the catalogue the block holds its options, which
[its page](../providers.md) lists; `url`, where the sender signs the address that it calls and a proxy changes it on the
way; and `scheme`, the id of the only scheme (or a list) that shall count.

"""


def page() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION,
        "## Settings\n\n" + _table(["key", "flag", "variable", "default", "what"], map(_setting_row, SETTINGS)),
        _FILE,
        _section("sources[]", SourceSpec),
        _SIGNATURE + _docstring_table(generic),
        "`signed` is text with these fields:\n\n" + _docstring_table(template),
        _section("sources[].dedupe", DedupeSpec),
        _section("sources[].endpoints[]", EndpointSpec),
        _section("sources[].endpoints[].retry", RetrySpec),
    ]
    return "\n".join(parts)


def _docstring_table(module: ModuleType) -> str:
    """The table at the top of a module, which is where those who change the code keep it true."""
    rows = [line for line in (module.__doc__ or "").splitlines() if line.startswith("|")]
    return re.sub(r" \(\w+\.py\)", "", "\n".join(rows).replace("``", "`")) + "\n"


def _setting_row(setting: Setting) -> list[str]:
    key = f"`{setting.key}`" if setting.in_file else "not in the file"
    default = setting.show(setting.default)
    return [
        key,
        f"`{setting.flag}`" if setting.flag else "no flag",
        f"`{setting.variable}`",
        f"`{default}`",
        f"{setting.doc}{_choices(_members(setting))}",
    ]


def _members(setting: Setting) -> Iterable[str]:
    return type(setting.default) if isinstance(setting.default, StrEnum) else ()


def _section(title: str, spec: type[Spec]) -> str:
    defaults = spec.model_construct().model_dump(mode="json")
    rows = [
        [f"`{key}`", _default(field, defaults.get(key)), f"{field.description}{_choices(_words(field.annotation))}"]
        for key, field in spec.model_fields.items()
    ]
    summary = (spec.__doc__ or "").partition("\n")[0]
    return f"### {title}\n\n{summary}\n\n" + _table(["key", "default", "what"], rows)


def _default(field: FieldInfo, value: Any) -> str:
    if field.is_required():
        return "required"
    if isinstance(value, dict) and value:
        return "see below"
    return f"`{_yaml(value)}`" if value not in (None, "", [], {}) else "none"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return '"*"' if value == "*" else value
    return json.dumps(value)


def _words(annotation: Any) -> list[str]:
    """The words of the Literal in a field's type."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for inner in get_args(annotation) for word in _words(inner)]


def _choices(words: Iterable[str]) -> str:
    listed = ", ".join(f"`{word}`" for word in words)
    return f" Of: {listed}." if listed else ""


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
