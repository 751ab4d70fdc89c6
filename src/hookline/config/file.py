"""hookline.yaml: settings of the server and the whole receiving side, under version control."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from hookline.config import document, secrets
from hookline.config.document import Document
from hookline.config.fields import check_signing_secret
from hookline.config.problems import NO_VALUE, ConfigErrors, Path, Problem, explain, spell, unknown_key
from hookline.config.settings import SETTINGS
from hookline.config.spec import SourceSpec
from hookline.core.errors import ConfigError, InvalidInput

VERSION = 1

_SETTINGS = {setting.key: setting for setting in SETTINGS if setting.in_file}
_KEYS = ["version", *_SETTINGS, "sources"]


@dataclass(frozen=True, slots=True)
class ResolvedSecrets:
    """The secrets themselves, by source name and by (source name, endpoint name). Never in a repr."""

    sources: Mapping[str, tuple[str, ...]] = field(repr=False)
    endpoints: Mapping[tuple[str, str], tuple[str, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileConfig:
    """What a hookline.yaml says, checked: read settings by key, sources whose secrets are references."""

    path: FilePath
    settings: Mapping[str, Any] = field(repr=False)
    sources: tuple[SourceSpec, ...]
    document: Document = field(repr=False, compare=False)

    def where(self, *path: str | int) -> str:
        """``hookline.yaml:12 sources[0].endpoints[1].url``"""
        return _where(self.path, self.document, path)

    def variables(self) -> frozenset[str]:
        """The environment variables that the file names."""
        return frozenset(filter(None, (secrets.variable(reference) for reference, _ in self._references())))

    def resolve_secrets(self, environ: Mapping[str, str]) -> ResolvedSecrets:
        """Every secret that the file names. Raises ConfigErrors with all that are missing or unusable."""
        found: dict[Path, tuple[str, ...]] = {}
        problems: list[ConfigError] = []
        for reference, path in self._references():
            try:
                secret = self._resolve(reference, environ, path)
            except ConfigError as error:
                problems.append(error)
            else:
                found[path[:-1]] = (*found.get(path[:-1], ()), secret)
        if problems:
            raise ConfigErrors(problems)
        return self._by_name(found)

    def _references(self) -> Iterator[tuple[str, Path]]:
        for index, source in enumerate(self.sources):
            for number, reference in enumerate(source.secrets):
                yield reference, ("sources", index, "secrets", number)
            for place, endpoint in enumerate(source.endpoints):
                for number, reference in enumerate(endpoint.secrets):
                    yield reference, ("sources", index, "endpoints", place, "secrets", number)

    def _resolve(self, reference: str, environ: Mapping[str, str], path: Path) -> str:
        where = self.where(*path)
        secret = secrets.resolve(reference, environ, self.path.parent, where)
        check = check_signing_secret if "endpoints" in path else self._source_at(path).find_provider().check_secret
        try:
            check(secret)
        except InvalidInput as error:
            named = f" ({reference})" if secrets.is_reference(reference) else ""
            raise ConfigError(f"{error.message}{named}", where=where) from None
        return secret

    def _source_at(self, path: Path) -> SourceSpec:
        return self.sources[int(path[1])]

    def _by_name(self, found: Mapping[Path, tuple[str, ...]]) -> ResolvedSecrets:
        sources: dict[str, tuple[str, ...]] = {}
        endpoints: dict[tuple[str, str], tuple[str, ...]] = {}
        for index, source in enumerate(self.sources):
            sources[source.name] = found.get(("sources", index, "secrets"), ())
            for place, endpoint in enumerate(source.endpoints):
                path: Path = ("sources", index, "endpoints", place, "secrets")
                endpoints[source.name, endpoint.name] = found.get(path, ())
        return ResolvedSecrets(sources, endpoints)


def read_file(path: FilePath) -> FileConfig:
    """Read and check a hookline.yaml. Raises ConfigErrors with everything that is wrong, and where."""
    read = document.read(_bytes(path))
    if read.value is not None or not read.problems:
        _check_outline(read)
    settings = dict(_settings(read))
    sources = _sources(read, path.parent)
    if read.problems:
        raise _errors(path, read)
    return FileConfig(path, settings, tuple(sources), read)


def _bytes(path: FilePath) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(document.LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ConfigErrors([ConfigError(f"cannot be read: {reason}", where=str(path))]) from None


def _check_outline(read: Document) -> None:
    """The top level: a mapping with a version and known keys."""
    top = read.value
    if top is None:
        read.problems.append(Problem((), "is empty; begin it with `version: 1` and `sources:`"))
    elif not isinstance(top, dict):
        read.problems.append(Problem((), "must be a mapping of keys to values, beginning with `version: 1`"))
    elif "version" not in top:
        read.problems.append(Problem((), "`version` is missing; begin the file with `version: 1`"))
    elif type(top["version"]) is not int or top["version"] != VERSION:
        read.problems.append(Problem(("version",), "must be 1; this Hookline reads no other version"))
    for key in top if isinstance(top, dict) else ():
        if key not in _KEYS:
            read.problems.append(Problem((key,), _not_here(key)))


def _not_here(key: str) -> str:
    for setting in SETTINGS:
        if setting.key == key:
            return f"cannot be set in this file; use {' or '.join(filter(None, (setting.flag, setting.variable)))}"
    return unknown_key(key, _KEYS)


def _settings(read: Document) -> Iterator[tuple[str, Any]]:
    top = read.value if isinstance(read.value, dict) else {}
    for key, setting in _SETTINGS.items():
        if key in top:
            try:
                if top[key] is None:
                    raise InvalidInput(NO_VALUE)
                yield key, setting.read(top[key])
            except InvalidInput as error:
                read.problems.append(Problem((key,), error.message))


def _sources(read: Document, folder: FilePath) -> list[SourceSpec]:
    top = read.value if isinstance(read.value, dict) else {}
    listed = top.get("sources")
    if listed is None:
        return []
    if not isinstance(listed, list):
        read.problems.append(Problem(("sources",), "must be a list; begin each source with `- name:`"))
        return []
    made: list[SourceSpec] = []
    first: dict[str, int] = {}
    for index, written in enumerate(listed):
        spec = _source(read, ("sources", index), written, folder)
        if spec is None:
            continue
        made.append(spec)
        if first.setdefault(spec.name, index) != index:
            message = f"`{spec.name}` is already the name of sources[{first[spec.name]}]; give each its own"
            read.problems.append(Problem(("sources", index, "name"), message))
    return made


def _source(read: Document, path: Path, written: Any, folder: FilePath) -> SourceSpec | None:
    try:
        spec = SourceSpec.model_validate(_with_schemas(read, path, written, folder))
    except ValidationError as error:
        read.problems += [Problem((*path, *found.path), found.message) for found in explain(error, SourceSpec)]
        return None
    if missing := spec.missing_secret():
        read.problems.append(Problem((*path, "secrets"), missing))
    return spec


def _with_schemas(read: Document, path: Path, written: Any, folder: FilePath) -> Any:
    """The source with every schema that is the path of a file replaced by what is in it."""
    schemas = written.get("schemas") if isinstance(written, dict) else None
    if not isinstance(schemas, dict):
        return written
    inline: dict[str, Any] = {}
    for pattern, schema in schemas.items():
        try:
            inline[pattern] = _schema_file(folder / schema) if isinstance(schema, str) else schema
        except InvalidInput as error:
            read.problems.append(Problem((*path, "schemas", pattern), error.message))
    return {**written, "schemas": inline}


def _schema_file(path: FilePath) -> Any:
    try:
        raw = _bytes(path)
    except ConfigError as error:
        raise InvalidInput(f"the schema file {error.message.replace(': ', ' ', 1)}") from None
    if path.suffix == ".json":
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise InvalidInput(f"the schema file {path} is not JSON") from None
    read = document.read(raw)
    if read.problems:
        raise InvalidInput(f"the schema file {path} {read.problems[0].message}")
    return read.value


def _errors(path: FilePath, read: Document) -> ConfigErrors:
    ordered = sorted(read.problems, key=lambda found: read.line(found.path))
    return ConfigErrors([ConfigError(each.message, where=_where(path, read, each.path)) for each in ordered])


def _where(file: FilePath, read: Document, path: Path) -> str:
    line = read.line(path)
    return f"{file}:{line} {spell(path)}".rstrip() if line else f"{file} {spell(path)}".rstrip()
