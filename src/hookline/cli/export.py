"""``hookline export``: what is stored, as a hookline.yaml, with references in place of secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.output import print_json
from hookline.cli.place import Place, at
from hookline.config.endpoint_spec import HIDDEN
from hookline.config.file import VERSION
from hookline.storage.catalogue import StoredEndpoint, StoredSource

_HEAD = f"""\
# What is stored, written by `hookline export`. No secret is in it:
# give those of the sources through the variables that are named, and confidential headers by hand.
version: {VERSION}
"""

_PLAIN_KEY = re.compile(r"[a-z_]+")


@with_flags(STORE_FLAGS)
def export(flags: Flags, as_json: Json = False) -> None:
    """Print what is stored as a hookline.yaml.

    In place of secrets there are the names of variables; signing secrets of endpoints stay in the store.
    """

    async def work(place: Place) -> None:
        catalogue = place.store.catalogue
        stored = [
            (source, await catalogue.endpoints(place.org_id, source.id))
            for source in await catalogue.sources(place.org_id)
        ]
        if as_json:
            print_json({"version": VERSION, "sources": [_public(*each) for each in stored]})
        else:
            print(yaml_of(stored), end="")  # noqa: T201

    at(flags, work)


def yaml_of(stored: Iterable[tuple[StoredSource, list[StoredEndpoint]]]) -> str:
    """A hookline.yaml that says what is stored; values that are the default are left out."""
    lines = [line for source, endpoints in stored for line in _source(source, endpoints)]
    return _HEAD + ("\nsources:\n" + "\n".join(lines) + "\n" if lines else "\nsources: []\n")


def _public(source: StoredSource, endpoints: list[StoredEndpoint]) -> dict[str, Any]:
    shown = source.spec.public()
    shown["secrets"] = [HIDDEN] * len(source.secrets)
    shown["endpoints"] = [{**each.spec.public(), "secrets": [HIDDEN] * len(each.secrets)} for each in endpoints]
    return shown


def _source(source: StoredSource, endpoints: list[StoredEndpoint]) -> Iterator[str]:
    facts = source.spec.model_dump(mode="json", exclude_defaults=True, exclude={"secrets", "endpoints"})
    if variables := _variables(source):
        facts["secrets"] = [f"env:{name}" for name in variables]
    yield from _item(facts, "  ")
    if endpoints:
        yield "    endpoints:"
    for endpoint in endpoints:
        yield from _endpoint(endpoint)


def _endpoint(endpoint: StoredEndpoint) -> Iterator[str]:
    facts = endpoint.spec.model_dump(mode="json", exclude_defaults=True, exclude={"secrets", "headers"})
    headers = endpoint.spec.public()["headers"]
    shown = {name: value for name, value in headers.items() if value != HIDDEN}
    if shown:
        facts["headers"] = shown
    yield from _item(facts, "      ")
    for name in headers:
        if name not in shown:
            yield f"        # headers: {name}: {HIDDEN}"


def _variables(source: StoredSource) -> list[str]:
    """A variable for each secret: GITHUB_WEBHOOK_SECRET, GITHUB_WEBHOOK_SECRET_2, …"""
    name = f"{re.sub(r'[^A-Z0-9]', '_', source.spec.name.upper())}_WEBHOOK_SECRET"
    name = name if not name[0].isdigit() else f"_{name}"
    return [name if number == 1 else f"{name}_{number}" for number in range(1, len(source.secrets) + 1)]


def _item(facts: dict[str, Any], indent: str) -> Iterator[str]:
    """A mapping as an item of a list: one line for each key, its value in one piece."""
    mark = "- "
    for key, value in facts.items():
        yield f"{indent}{mark}{key}: {_flow(value)}"
        mark = "  "


def _flow(value: Any) -> str:
    """A value in YAML's flow style; texts are always quoted, so that none is read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key not in ("null", "true", "false") else _quoted(key)


def _quoted(text: str) -> str:
    """In double quotes (YAML 1.2 §7.3.1): JSON's escapes, and YAML's own for what YAML wants escaped."""
    return re.sub(
        r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]",
        lambda match: f"\\u{ord(match[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )
