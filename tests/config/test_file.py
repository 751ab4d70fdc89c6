"""hookline.yaml: read whole, every mistake at once, each with its line and the remedy."""

# ruff: noqa: E501 (a table of messages is read line by line)

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline.config.example import STARTER
from hookline.config.file import FileConfig, read_file
from hookline.config.problems import ConfigErrors
from hookline.core.errors import ConfigError

FAKE = "fake-secret-nobody-uses"
FAKE_SIGNING = "whsec_" + base64.b64encode(b"fake-secret-nobody-uses!").decode()

GOOD = """\
version: 1
port: 9400
retention: 7d
allow_private_endpoints: [127.0.0.0/8]
sources:
  - name: github
    provider: github
    secrets: ["env:GITHUB_WEBHOOK_SECRET", "file:old"]
    endpoints:
      - name: build
        url: http://127.0.0.1:9000/build
        secrets: [env:BUILD_SECRET]
  - name: sensor
    provider: none
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str | bytes) -> FileConfig:
    path = Path("hookline.yaml")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file(path)


def refused(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value).split("\n") == [str(problem) for problem in caught.value.problems]
    return str(caught.value).split("\n")


def test_a_good_file_is_its_settings_and_sources(folder: Path) -> None:
    config = read(GOOD)
    assert config.settings == {
        "port": 9400,
        "retention": 604_800,
        "allow_private_endpoints": ("127.0.0.0/8",),
    }
    assert [source.name for source in config.sources] == ["github", "sensor"]
    assert config.sources[0].endpoints[0].url == "http://127.0.0.1:9000/build"
    assert config.variables() == {"GITHUB_WEBHOOK_SECRET", "BUILD_SECRET"}


def test_every_secret_is_resolved_by_name(folder: Path) -> None:
    (folder / "old").write_text("fake-old\n")
    secrets = read(GOOD).resolve_secrets({"GITHUB_WEBHOOK_SECRET": FAKE, "BUILD_SECRET": FAKE_SIGNING})
    assert secrets.sources == {"github": (FAKE, "fake-old"), "sensor": ()}
    assert secrets.endpoints == {("github", "build"): (FAKE_SIGNING,)}
    assert FAKE not in repr(secrets)
    assert FAKE_SIGNING not in repr(secrets)


def test_all_missing_secrets_are_told_at_once(folder: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(GOOD).resolve_secrets({})
    assert str(caught.value).split("\n") == [
        "hookline.yaml:8 sources[0].secrets[0]: the environment variable GITHUB_WEBHOOK_SECRET is not set",
        "hookline.yaml:8 sources[0].secrets[1]: cannot read the secret file old: No such file or directory",
        "hookline.yaml:12 sources[0].endpoints[0].secrets[0]: the environment variable BUILD_SECRET is not set",
    ]


def test_a_secret_that_cannot_sign_is_told_by_its_reference_only(folder: Path) -> None:
    (folder / "old").write_text("fake-old\n")
    with pytest.raises(ConfigErrors) as caught:
        read(GOOD).resolve_secrets({"GITHUB_WEBHOOK_SECRET": FAKE, "BUILD_SECRET": FAKE})
    assert str(caught.value) == (
        "hookline.yaml:12 sources[0].endpoints[0].secrets[0]: an endpoint's secret begins with `whsec_`; "
        "leave `secrets` out to have one generated (env:BUILD_SECRET)"
    )


def test_a_secret_that_the_provider_cannot_use_is_told_with_its_place(folder: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(
            "version: 1\nsources:\n  - name: a\n    provider: standard-webhooks\n    secrets: [fake secret!, env:B]\n"
        ).resolve_secrets({"B": "fake secret!"})
    first, second = str(caught.value).split("\n")
    assert first.startswith("hookline.yaml:5 sources[0].secrets[0]: ")
    assert second.endswith(" (env:B)")
    assert "fake secret!" not in first + second


SOURCE = "version: 1\nsources:\n  - name: a\n    provider: none\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["hookline.yaml: is empty; begin it with `version: 1` and `sources:`"]),
        ("# nothing\n", ["hookline.yaml: is empty; begin it with `version: 1` and `sources:`"]),
        ("- a", ["hookline.yaml:1: must be a mapping of keys to values, beginning with `version: 1`"]),
        ("hello", ["hookline.yaml:1: must be a mapping of keys to values, beginning with `version: 1`"]),
        ("sources: []", ["hookline.yaml:1: `version` is missing; begin the file with `version: 1`"]),
        ("version: 2", ["hookline.yaml:1 version: must be 1; this Hookline reads no other version"]),
        ("version: '1'", ["hookline.yaml:1 version: must be 1; this Hookline reads no other version"]),
        ("version: true", ["hookline.yaml:1 version: must be 1; this Hookline reads no other version"]),
        ("version: 1\nsorces: []", ["hookline.yaml:2 sorces: there is no such key; did you mean `sources`?"]),
        ("version: 1\nlog-format: json", ["hookline.yaml:2 log-format: there is no such key; did you mean `log_format`?"]),
        (f"version: 1\nsecret: {FAKE}", ["hookline.yaml:2 secret: cannot be set in this file; use HOOKLINE_SECRET"]),
        ("version: 1\nconfig: a", ["hookline.yaml:2 config: cannot be set in this file; use --config or HOOKLINE_CONFIG"]),
        ("version: 1\nport: 99999", ["hookline.yaml:2 port: must be a whole number from 0 to 65535"]),
        ("version: 1\nport:", ["hookline.yaml:2 port: has no value; give it one or remove the key"]),
        ("version: 1\nrole: inges", ["hookline.yaml:2 role: must be all or ingest or deliver or api; did you mean `ingest`?"]),
        ("version: 1\nsources: {}", ["hookline.yaml:2 sources: must be a list; begin each source with `- name:`"]),
        ("version: 1\nsources: github", ["hookline.yaml:2 sources: must be a list; begin each source with `- name:`"]),
        ("version: 1\nsources: [github]", ["hookline.yaml:2 sources[0]: must be a mapping of keys to values"]),
        ("version: 1\nsources:\n  - name: a", ["hookline.yaml:3 sources[0].provider: this key is required"]),
        (SOURCE + "    retentoin: 5d", ["hookline.yaml:5 sources[0].retentoin: there is no such key; did you mean `retention`?"]),
        (SOURCE + "    enabled: yes", ["hookline.yaml:5 sources[0].enabled: must be true or false"]),
        (SOURCE + "  - {name: a, provider: none}", ["hookline.yaml:5 sources[1].name: `a` is already the name of sources[0]; give each its own"]),
        (SOURCE + "    endpoints: [{name: b, url: 'http://b'}, {name: b, url: 'http://b'}]", ["hookline.yaml:5 sources[0].endpoints: 2 endpoints are named `b`; give each its own name"]),
        (SOURCE + "    endpoints:\n      - name: b\n        url: b", ["hookline.yaml:7 sources[0].endpoints[0].url: a URL begins with http:// or https://"]),
        (SOURCE + "    endpoints:\n      - name: b\n        url: http://b\n        retry: {schedul: []}", ["hookline.yaml:8 sources[0].endpoints[0].retry.schedul: there is no such key; did you mean `schedule`?"]),
        (SOURCE + "    enabled: true\n    enabled: true", ["hookline.yaml:6 sources[0].enabled: is given twice; remove one"]),
        (SOURCE + "\tenabled: true", ["hookline.yaml:5: has a tab where YAML wants spaces; indent with spaces"]),
        (SOURCE + '    "a\\nb": 1', ["hookline.yaml:5 sources[0].'a\\nb': there is no such key; known here: name, provider, signature, secrets, owner, purpose, environment, runbook, rotation, enabled, tolerance, methods, content_types, max_body, require_https, allow_ips, rate_limit, client_rate_limit, dedupe, schemas, on_schema_mismatch, event_types, retention, endpoints"]),
        ("version: 1\nsources:\n  - name: git-hub\n    provider: github", ['hookline.yaml:3 sources[0].secrets: `provider: github` needs at least one secret, as in ["env:GIT_HUB_WEBHOOK_SECRET"]']),
        (b"version: 1\n\xff", ["hookline.yaml:2: is not UTF-8 text; save it as UTF-8"]),
        (SOURCE + "    schemas: {a: missing.json}", ["hookline.yaml:5 sources[0].schemas.a: the schema file missing.json cannot be read: No such file or directory"]),
        (SOURCE + "    schemas: {a: [1]}", ["hookline.yaml:5 sources[0].schemas.a: must be a JSON Schema (a mapping); only hookline.yaml can name a file instead"]),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_every_mistake_is_one_line_with_its_place_and_the_remedy(
    folder: Path, text: str | bytes, lines: list[str]
) -> None:
    assert refused(text) == lines


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    text = "version: 3\nprt: 1\nsources:\n  - name: A\n    provider: none\n  - name: b\n    provider: none\n    max_body: x\n"
    assert [line.partition(": ")[0] for line in refused(text)] == [
        "hookline.yaml:1 version",
        "hookline.yaml:2 prt",
        "hookline.yaml:4 sources[0].name",
        "hookline.yaml:8 sources[1].max_body",
    ]


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"^nowhere\.yaml: cannot be read: No such file or directory$"):
        read_file(Path("nowhere.yaml"))


def test_a_folder_is_not_a_file(folder: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"cannot be read: Is a directory$"):
        read_file(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.json", '{"type":\t"object"}', ""),
        ("s.yaml", "type: object", ""),
        ("s.json", "{", "the schema file s.json is not JSON"),
        ("s.yaml", "a: [", "the schema file s.yaml is not YAML here: expected the node content, but found '<stream end>'"),
        ("s.json", '{"type": 5}', "is not a JSON Schema: "),
        ("s.json", "[]", "must be a JSON Schema"),
    ],
)  # fmt: skip
def test_a_schema_can_be_a_file_beside(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    text = SOURCE + f"    schemas: {{order.paid: {name}}}"
    if message:
        (line,) = refused(text)
        assert line.startswith(f"hookline.yaml:5 sources[0].schemas.order.paid: {message}")
    else:
        assert read(text).sources[0].schemas == {"order.paid": {"type": "object"}}


def test_no_message_and_no_repr_shows_a_literal_secret(folder: Path) -> None:
    text = GOOD.replace('"env:GITHUB_WEBHOOK_SECRET"', FAKE)
    assert FAKE not in repr(read(text))
    for broken in (
        text.replace("name: github", f"name: {FAKE.upper()}"),
        text.replace("port: 9400", f"port: {FAKE}"),
        text.replace("port: 9400", f"database: postgresql://ada:{FAKE} @db/x"),
        text.replace(FAKE, f"*{FAKE}"),
        text.replace(FAKE, f"!{FAKE} x"),
        text.replace(FAKE, f"{{{FAKE}: 1}}"),
        text.replace(FAKE, f"'{FAKE}"),
        text.replace("http://127.0.0.1:9000/build", f"http://ada:{FAKE}@example.com/"),
        text.replace("env:BUILD_SECRET", FAKE),
        text.replace("env:BUILD_SECRET", f"whsec_{FAKE}"),
    ):
        assert not any(FAKE in line or FAKE.upper() in line for line in refused(broken)), broken


def test_the_starter_file_is_good(folder: Path) -> None:
    config = read(STARTER)
    assert [source.name for source in config.sources] == ["github"]
    assert config.resolve_secrets({"GITHUB_WEBHOOK_SECRET": FAKE}).sources == {"github": (FAKE,)}


def test_what_the_starter_comments_out_is_good_too(folder: Path) -> None:
    lines = [
        line.replace("# ", "", 1) if line.startswith(" " * 4) and "# " in line[:12] else line
        for line in STARTER.splitlines()
    ]
    config = read("\n".join(lines))
    assert config.sources[0].rate_limit is not None
    assert config.sources[0].dedupe.name == "X-Event-Id"
    assert config.sources[0].endpoints[0].concurrency == 10


def test_paths_of_schemas_and_secrets_start_at_the_file(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "s.json").write_text("{}")
    (inner / "secret").write_text(FAKE)
    (inner / "hookline.yaml").write_text(SOURCE + "    schemas: {a: s.json}\n    secrets: ['file:secret']")
    config = read_file(Path("inner/hookline.yaml"))
    assert config.sources[0].schemas == {"a": {}}
    assert config.resolve_secrets({}).sources == {"a": (FAKE,)}


fragments = st.lists(
    st.sampled_from([*GOOD.splitlines(keepends=True), *(" " * n for n in range(5)), "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "\n", "!x ", "'", '"', "~", "\t", "sources:\n", "name", "5m"]),
    max_size=25,
).map("".join)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    raw=st.one_of(
        st.binary(),
        fragments.map(str.encode),
        st.text().map(lambda text: (SOURCE + "    " + text).encode(errors="replace")),
    )
)
def test_any_bytes_are_a_configuration_or_a_config_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "hookline.yaml"
    path.write_bytes(raw)
    result: Any
    try:
        result = read_file(path)
    except ConfigError as error:
        result = error
        assert str(error).startswith(str(path))
    assert isinstance(result, (FileConfig, ConfigError))
