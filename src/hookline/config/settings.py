"""The settings of a server: what may be set, by which name, and what it is when nobody says.

The fields of ``Settings`` are the only definition; flags, variables, keys of hookline.yaml, the reference
page and redaction are all derived from them. A flag wins over a variable, a variable over hookline.yaml.
"""

# ruff: noqa: RUF009 (the calls in the defaults are how a setting is declared)

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookline.config import units
from hookline.config.fields import duration_between
from hookline.config.problems import ConfigErrors, nearest
from hookline.config.setting_values import (
    HIDDEN,
    boolean,
    choice,
    database,
    hide_credentials,
    integer,
    networks,
    networks_or_boolean,
    organisation,
    path,
    public_url,
    server_secret,
    shown,
    text,
)
from hookline.core.errors import ConfigError, InvalidInput
from hookline.core.model import DEFAULT_ORG

if TYPE_CHECKING:
    from hookline.config.file import FileConfig

PREFIX = "HOOKLINE_"
DEFAULT_FILE = Path("hookline.yaml")
DEFAULT_FOLDER = Path("hookline-data")


class Role(StrEnum):
    """Which part of the work this process does."""

    ALL = "all"
    INGEST = "ingest"
    DELIVER = "deliver"
    API = "api"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Sync(StrEnum):
    """When SQLite waits for the disk."""

    FULL = "full"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that may be set."""

    key: str  #: the name in hookline.yaml and, with hyphens, of the flag
    field: str  #: the attribute of Settings, which has its unit in the name
    variable: str
    default: Any
    doc: str
    read: Callable[[object], Any]
    show: Callable[[Any], str]
    in_file: bool
    hidden: bool

    @property
    def flag(self) -> str:
        """``--log-format``; empty for the secret, which would be seen in every list of processes."""
        return "" if self.key == "secret" else "--" + self.key.replace("_", "-")


def _setting(
    default: Any,
    read: Callable[[object], Any],
    doc: str,
    *,
    key: str = "",
    variable: str = "",
    show: Callable[[Any], str] = shown,
    in_file: bool = True,
    hidden: bool = False,
) -> Any:
    about = {
        "read": read,
        "doc": doc,
        "key": key,
        "variable": variable,
        "show": show,
        "in_file": in_file,
        "hidden": hidden,
    }
    return field(default=default, repr=not hidden, metadata=about)


def _lifetime(default: str, key: str, doc: str) -> Any:
    return _setting(units.parse_lifetime(default), units.parse_lifetime, doc, key=key, show=units.format_lifetime)


def _duration(default: str, read: Callable[[object], float], key: str, doc: str) -> Any:
    return _setting(units.parse_duration(default), read, doc, key=key, show=units.format_duration)


def _size(default: str, key: str, doc: str) -> Any:
    return _setting(units.parse_size(default), units.parse_size, doc, key=key, show=units.format_size)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told, checked and complete. Its repr holds neither the secret nor the database URL."""

    host: str = _setting("127.0.0.1", text, "The address to listen on; `0.0.0.0` for all of this machine's.")
    port: int = _setting(8400, integer(0, 65535), "The port to listen on; 0 takes any free one.")
    database: str = _setting(
        "sqlite:///hookline-data/hookline.db",
        database,
        "`sqlite:///path/to/file.db`, `sqlite://:memory:` or `postgresql://…`. "
        "When absent, `hookline.db` in the data folder.",
        variable="HOOKLINE_DATABASE_URL",
        show=hide_credentials,
        hidden=True,
    )
    role: Role = _setting(Role.ALL, choice(Role), "Which part of the work this process does.")
    processes: int = _setting(
        1,
        integer(1, 256),
        "How many processes share the work and the port on this machine. More than one needs PostgreSQL.",
    )
    config: Path | None = _setting(
        None,
        path,
        "Sources and settings. When absent, `hookline.yaml` in the working folder if there is one.",
        in_file=False,
    )
    secret: str = _setting(
        "",
        server_secret,
        "Signs tokens and encrypts secrets, 32 characters or more. When absent, made in the data folder.",
        show=lambda value: HIDDEN if value else "none",
        in_file=False,
        hidden=True,
    )
    data_dir: Path = _setting(DEFAULT_FOLDER, path, "The folder for what Hookline keeps on this machine.")
    organisation: str = _setting(DEFAULT_ORG, organisation, "Who owns what is in hookline.yaml.")
    log_format: LogFormat = _setting(
        LogFormat.CONSOLE, choice(LogFormat), "How log lines look: for people or for machines."
    )
    log_level: LogLevel = _setting(LogLevel.INFO, choice(LogLevel), "The least important lines that are logged.")
    tls_cert: Path | None = _setting(None, path, "The certificate chain (PEM) to serve HTTPS with.")
    tls_key: Path | None = _setting(None, path, "The private key (PEM) that belongs to `tls_cert`.")
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        networks,
        "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses or networks.",
    )
    max_body_bytes: int = _size(
        "25MB",
        "max_body",
        "The largest body that any source may accept; each source has its own `max_body` below it.",
    )
    read_timeout_s: float = _duration(
        "10s", duration_between("100ms", "5m"), "read_timeout", "How long a sender may take to send its body."
    )
    graceful_stop_s: float = _duration(
        "20s",
        duration_between("0s", "1h"),
        "graceful_stop",
        "How long work in flight may go on after SIGTERM before it is given back.",
    )
    allow_private_endpoints: bool | tuple[str, ...] = _setting(
        False,
        networks_or_boolean,
        "Whether endpoints may have private, loopback and other special addresses: true, false, or a list of "
        "the networks that may be used.",
    )
    response_max_bytes: int = _size("4KB", "response_max", "How much of an endpoint's response is read and kept.")
    retention_s: float = _lifetime("30d", "retention", "How long events are kept, for sources that do not say.")
    dedupe_window_s: float = _lifetime(
        "forever",
        "dedupe_window",
        "How long an event is remembered to recognise duplicates, for sources that do not say.",
    )
    rejections_max: int = _setting(
        10_000, integer(0, 10_000_000), "How many refused requests are kept; the oldest go first."
    )
    rejections_max_age_s: float = _lifetime("7d", "rejections_max_age", "How long refused requests are kept.")
    enforce_schemas: bool = _setting(
        False,
        boolean,
        "Whether messages must have a known event type and match its schema, for applications that do not say.",
    )
    disable_after_s: float = _lifetime(
        "5d",
        "disable_after",
        "An endpoint of an application that failed for so long is disabled when one more delivery dies or one more "
        "probe fails.",
    )
    public_url: str = _setting(
        "",
        public_url,
        "Where people reach this server, as in `https://hooks.example.com`, for links; else what they asked for.",
    )
    sync: Sync = _setting(
        Sync.FULL,
        choice(Sync),
        "With `full` an acknowledged event survives a power failure; with `normal` only a crash of Hookline.",
    )
    #: What is odd but does not stop the server, in sentences.
    warnings: tuple[str, ...] = ()

    def public(self) -> dict[str, str]:
        """Every setting by key as people would write it, without secrets and credentials."""
        return {setting.key: setting.show(getattr(self, setting.field)) for setting in SETTINGS}


def _derive() -> Iterator[Setting]:
    for each in dataclasses.fields(Settings):
        if each.metadata:
            about = dict(each.metadata)
            key = about.pop("key") or each.name
            variable = about.pop("variable") or PREFIX + key.upper()
            yield Setting(key=key, field=each.name, variable=variable, default=each.default, **about)


SETTINGS = tuple(_derive())


def config_path(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Path | None:
    """The file to read: flag ``config``, else HOOKLINE_CONFIG, else ``hookline.yaml`` when it exists."""
    named = flags.get("config") or environ.get(PREFIX + "CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str], file: FileConfig | None = None) -> Settings:
    """The settings of this server: flag, else variable, else hookline.yaml, else the default.

    ``flags`` are by key (``log_format``); None is a flag that was not given, and an empty variable is one
    that is not set. Raises ConfigErrors naming every flag and variable that cannot be used.
    """
    if unknown := set(flags) - {setting.key for setting in SETTINGS}:
        raise TypeError(f"there are no flags {', '.join(sorted(unknown))}")
    given: dict[str, Any] = {}
    problems: list[ConfigError] = []
    for setting in SETTINGS:
        try:
            given.update(_given(setting, flags, environ, file))
        except ConfigError as error:
            problems.append(error)
    given.setdefault("database", f"sqlite:///{given.get('data_dir', DEFAULT_FOLDER) / 'hookline.db'}")
    settings = Settings(**given, warnings=tuple(_unknown_variables(environ, file)))
    problems += _contradictions(settings, file)
    if problems:
        raise ConfigErrors(problems)
    return settings


def _given(
    setting: Setting, flags: Mapping[str, Any], environ: Mapping[str, str], file: FileConfig | None
) -> dict[str, Any]:
    if flags.get(setting.key) is not None:
        return {setting.field: _read(setting, flags[setting.key], setting.flag or setting.key)}
    if environ.get(setting.variable):
        return {setting.field: _read(setting, environ[setting.variable], setting.variable)}
    if file is not None and setting.key in file.settings:
        return {setting.field: file.settings[setting.key]}
    return {}


def _read(setting: Setting, value: object, where: str) -> Any:
    try:
        return setting.read(value)
    except InvalidInput as error:
        raise ConfigError(error.message, where=where) from None


def _unknown_variables(environ: Mapping[str, str], file: FileConfig | None) -> Iterator[str]:
    known = {setting.variable for setting in SETTINGS}
    by_name = {name.removeprefix(PREFIX).lower(): name for name in known}
    used = file.variables() if file is not None else frozenset()
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name not in used:
            close = nearest(name.removeprefix(PREFIX), by_name)
            hint = f"; did you mean {by_name[close]}?" if close else ""
            yield f"the environment variable {name} is not a setting of Hookline{hint}"


def _contradictions(settings: Settings, file: FileConfig | None) -> Iterator[ConfigError]:
    if settings.database.startswith("sqlite"):
        if settings.role is not Role.ALL:
            yield ConfigError(
                f"`{settings.role}` is a part of the work of several servers, and a file has one: leave it out, or use "
                "a `database` of the kind postgresql://…",
                where="role",
            )
        if settings.processes > 1:
            yield ConfigError(
                "a file has one server process: leave it out, or use a `database` of the kind postgresql://…",
                where="processes",
            )
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield ConfigError("`tls_cert` and `tls_key` belong together; set both or neither", where="tls_cert")
    for index, source in enumerate(file.sources if file is not None else ()):
        if file is not None and source.max_body > settings.max_body_bytes:
            yield ConfigError(
                f"is more than the server's `max_body` ({units.format_size(settings.max_body_bytes)}); "
                "lower this or raise that",
                where=file.where("sources", index, "max_body"),
            )
