"""Settings: a flag wins over a variable, a variable over hookline.yaml, and that over the default."""

# ruff: noqa: E501 (a table of messages is read line by line)

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.config.file import FileConfig, read_file
from hookline.config.problems import ConfigErrors
from hookline.config.settings import SETTINGS, LogFormat, LogLevel, Role, Settings, Sync, config_path, load_settings
from hookline.core.errors import ConfigError

FAKE_SECRET = "fake-secret-nobody-uses-anywhere"


def file_with(tmp_path: Path, text: str) -> FileConfig:
    path = tmp_path / "hookline.yaml"
    path.write_text("version: 1\n" + text)
    return read_file(path)


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings({}, {}) == Settings()


def test_the_default_is_told_to_nobody_outside_this_machine() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8400)
    assert settings.allow_private_endpoints is False
    assert settings.sync is Sync.FULL


@pytest.mark.parametrize(
    ("flags", "environ", "port"),
    [
        ({"port": 1}, {"HOOKLINE_PORT": "2"}, 1),
        ({"port": None}, {"HOOKLINE_PORT": "2"}, 2),
        ({}, {"HOOKLINE_PORT": ""}, 3),
        ({}, {}, 3),
    ],
)
def test_a_flag_wins_over_a_variable_over_the_file(
    tmp_path: Path, flags: dict[str, Any], environ: dict[str, str], port: int
) -> None:
    assert load_settings(flags, environ, file_with(tmp_path, "port: 3")).port == port


def test_false_and_zero_from_a_flag_are_given(tmp_path: Path) -> None:
    settings = load_settings(
        {"port": 0, "allow_private_endpoints": False}, {}, file_with(tmp_path, "port: 3\nallow_private_endpoints: true")
    )
    assert (settings.port, settings.allow_private_endpoints) == (0, False)


EVERY_VARIABLE = {
    "HOOKLINE_HOST": ("0.0.0.0", "0.0.0.0"),
    "HOOKLINE_PORT": (" 9400 ", 9400),
    "HOOKLINE_DATABASE_URL": ("postgresql://ada@db/hookline", "postgresql://ada@db/hookline"),
    "HOOKLINE_ROLE": ("Ingest", Role.INGEST),
    "HOOKLINE_PROCESSES": ("4", 4),
    "HOOKLINE_CONFIG": ("other.yaml", Path("other.yaml")),
    "HOOKLINE_SECRET": (FAKE_SECRET, FAKE_SECRET),
    "HOOKLINE_DATA_DIR": ("/data", Path("/data")),
    "HOOKLINE_ORGANISATION": ("org_acme", "org_acme"),
    "HOOKLINE_LOG_FORMAT": ("json", LogFormat.JSON),
    "HOOKLINE_LOG_LEVEL": ("debug", LogLevel.DEBUG),
    "HOOKLINE_TLS_CERT": ("cert.pem", Path("cert.pem")),
    "HOOKLINE_TLS_KEY": ("key.pem", Path("key.pem")),
    "HOOKLINE_TRUSTED_PROXIES": ("10.0.0.1, 192.0.2.0/24", ("10.0.0.1/32", "192.0.2.0/24")),
    "HOOKLINE_MAX_BODY": ("2MB", 2 << 20),
    "HOOKLINE_READ_TIMEOUT": ("500ms", 0.5),
    "HOOKLINE_GRACEFUL_STOP": ("1m", 60),
    "HOOKLINE_ALLOW_PRIVATE_ENDPOINTS": ("on", True),
    "HOOKLINE_RESPONSE_MAX": ("1KB", 1024),
    "HOOKLINE_RETENTION": ("forever", 36_500 * 86_400),
    "HOOKLINE_DEDUPE_WINDOW": ("7d", 604_800),
    "HOOKLINE_REJECTIONS_MAX": ("5", 5),
    "HOOKLINE_REJECTIONS_MAX_AGE": ("1h", 3600),
    "HOOKLINE_ENFORCE_SCHEMAS": ("yes", True),
    "HOOKLINE_DISABLE_AFTER": ("2d", 172_800),
    "HOOKLINE_PUBLIC_URL": ("https://hooks.example.com/", "https://hooks.example.com"),
    "HOOKLINE_SYNC": ("normal", Sync.NORMAL),
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_read_from_its_variable(setting: Any) -> None:
    written = {variable: text for variable, (text, _) in EVERY_VARIABLE.items()}
    settings = load_settings({}, written)
    assert getattr(settings, setting.field) == EVERY_VARIABLE[setting.variable][1]
    assert settings.warnings == ()


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.in_file], ids=lambda setting: setting.key)
def test_every_setting_of_the_file_is_read_from_it(tmp_path: Path, setting: Any) -> None:
    text, value = EVERY_VARIABLE[setting.variable]
    both = "tls_cert: cert.pem\ntls_key: key.pem" if setting.key.startswith("tls") else f"{setting.key}: {text}"
    if setting.key in ("role", "processes"):
        both += "\ndatabase: postgresql://ada@db/hookline"
    assert getattr(load_settings({}, {}, file_with(tmp_path, both)), setting.field) == value


@pytest.mark.parametrize(("key", "value"), [("role", "deliver"), ("processes", "2")])
def test_what_several_servers_share_needs_a_database_that_they_can_share(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: .*postgresql://"):
        load_settings({key: value}, {})


def test_every_field_is_a_setting_or_the_warnings() -> None:
    assert {each.name for each in dataclasses.fields(Settings)} - {each.field for each in SETTINGS} == {"warnings"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("false", False), ("10.0.0.0/8,fd00::/8", ("10.0.0.0/8", "fd00::/8")), ("127.0.0.1", ("127.0.0.1/32",))],
)
def test_private_endpoints_are_allowed_by_a_word_or_by_network(text: str, value: object) -> None:
    assert load_settings({}, {"HOOKLINE_ALLOW_PRIVATE_ENDPOINTS": text}).allow_private_endpoints == value


def test_the_database_lies_in_the_data_folder_unless_it_is_named() -> None:
    assert load_settings({"data_dir": "/srv/hook"}, {}).database == "sqlite:////srv/hook/hookline.db"
    named = load_settings({"data_dir": "/srv/hook", "database": "sqlite://:memory:"}, {})
    assert named.database == "sqlite://:memory:"


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("HOOKLINE_HOST", "a\x00b", "must be text that is not empty"),
        ("HOOKLINE_PORT", "65536", "must be a whole number from 0 to 65535"),
        ("HOOKLINE_PORT", "http", "must be a whole number from 0 to 65535"),
        ("HOOKLINE_PORT", "٣", "must be a whole number from 0 to 65535"),
        ("HOOKLINE_DATABASE_URL", "hookline.db", "must be `sqlite:///path/to/file.db`, `sqlite://:memory:` or `postgresql://…`"),
        ("HOOKLINE_DATABASE_URL", "mysql://a", "must be `sqlite:///path/to/file.db`, `sqlite://:memory:` or `postgresql://…`"),
        ("HOOKLINE_DATABASE_URL", "sqlite://a.db", "must be `sqlite:///path/to/file.db`, `sqlite://:memory:` or `postgresql://…`"),
        ("HOOKLINE_ROLE", "worker", "must be all or ingest or deliver or api"),
        ("HOOKLINE_ROLE", "delivery", "must be all or ingest or deliver or api; did you mean `deliver`?"),
        ("HOOKLINE_SECRET", "short", "must have at least 32 characters; make one with `openssl rand -hex 32`"),
        ("HOOKLINE_ORGANISATION", "acme", "must be `org_` and up to 60 letters, digits, `-` and `_`"),
        ("HOOKLINE_LOG_FORMAT", "jsn", "must be console or json; did you mean `json`?"),
        ("HOOKLINE_TRUSTED_PROXIES", "proxy", "must be an address or a network, as in `192.0.2.7` or `192.0.2.0/24`"),
        ("HOOKLINE_MAX_BODY", "big", "`big` is not a size; write `512KB`, `1MB`, `2MiB` or a number of bytes"),
        ("HOOKLINE_READ_TIMEOUT", "1h", "must be between 100ms and 5m"),
        ("HOOKLINE_RETENTION", "a while", "`a while` is not a duration; write `250ms`, `5s`, `5m`, `2h`, `30d` or a number of seconds"),
        ("HOOKLINE_ALLOW_PRIVATE_ENDPOINTS", "maybe", "must be an address or a network, as in `192.0.2.7` or `192.0.2.0/24`; or true or false"),
        ("HOOKLINE_REJECTIONS_MAX", "-1", "must be a whole number from 0 to 10000000"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_used_is_told_by_its_name(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load_settings({}, {variable: text})
    assert str(caught.value) == f"{variable}: {message}"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load_settings({"port": 99999, "tls_cert": "a.pem"}, {"HOOKLINE_ROLE": "x"})
    assert str(caught.value).split("\n") == [
        "--port: must be a whole number from 0 to 65535",
        "HOOKLINE_ROLE: must be all or ingest or deliver or api",
        "tls_cert: `tls_cert` and `tls_key` belong together; set both or neither",
    ]


def test_a_source_cannot_accept_more_than_the_server(tmp_path: Path) -> None:
    file = file_with(tmp_path, "max_body: 1MB\nsources:\n  - {name: a, provider: none, max_body: 2MB}")
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {}, file)
    assert str(caught.value) == (
        f"{file.path}:4 sources[0].max_body: is more than the server's `max_body` (1MB); lower this or raise that"
    )


def test_a_variable_that_is_no_setting_is_a_warning(tmp_path: Path) -> None:
    file = file_with(tmp_path, "sources:\n  - {name: a, provider: github, secrets: ['env:HOOKLINE_GITHUB']}")
    environ = {"HOOKLINE_PROT": FAKE_SECRET, "HOOKLINE_GITHUB": "x", "HOOKLINE_XYZZY": "x", "PATH": "/bin"}
    assert load_settings({}, environ, file).warnings == (
        "the environment variable HOOKLINE_PROT is not a setting of Hookline; did you mean HOOKLINE_PORT?",
        "the environment variable HOOKLINE_XYZZY is not a setting of Hookline",
    )


def test_a_flag_that_does_not_exist_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="prt"):
        load_settings({"prt": 1}, {})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:fake-pw@db:5432/x?sslmode=require", "postgresql://(hidden)@db:5432/x?(hidden)"),
        ("postgresql://ada:fake/@pw@db/x", "postgresql://(hidden)@db/x"),
        ("postgresql://db/x?password=fake-pw", "postgresql://db/x?(hidden)"),
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
    ],
)
def test_no_form_that_is_shown_holds_a_secret(url: str, shown: str) -> None:
    settings = load_settings({}, {"HOOKLINE_SECRET": FAKE_SECRET, "HOOKLINE_DATABASE_URL": url})
    public = settings.public()
    assert (public["database"], public["secret"]) == (shown, "(hidden)")
    for text in (repr(settings), str(public)):
        assert "fake" not in text


@given(st.dictionaries(st.sampled_from([each.variable for each in SETTINGS]), st.text()))
def test_any_environment_is_settings_or_a_config_error(environ: dict[str, str]) -> None:
    try:
        assert isinstance(load_settings({}, environ), Settings)
    except ConfigErrors as error:
        assert all(problem.where for problem in error.problems if isinstance(problem, ConfigError))


def test_what_is_shown_of_a_default_is_read_back_to_it() -> None:
    for setting in SETTINGS:
        shown = setting.show(setting.default)
        if shown != "none":
            assert setting.read(shown) == setting.default, setting.key


def test_the_file_is_named_by_flag_or_variable_or_found_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_path({}, {}) is None
    (tmp_path / "hookline.yaml").touch()
    assert config_path({}, {}) == Path("hookline.yaml")
    assert config_path({}, {"HOOKLINE_CONFIG": "a.yaml"}) == Path("a.yaml")
    assert config_path({"config": "b.yaml"}, {"HOOKLINE_CONFIG": "a.yaml"}) == Path("b.yaml")
