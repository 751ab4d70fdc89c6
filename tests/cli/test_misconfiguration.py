"""Everything that can be wrong with what a server is told ends with one clear message and its own exit code."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from hookline.storage.store import open_store
from tests.cli.conftest import Run
from tests.cli.making import write_file
from tests.cli.running import GITHUB_SECRET, SERVER_SECRET

Spoil = Callable[[Path], None]


def _nothing(home: Path) -> None:
    pass


def _file(text: str) -> Spoil:
    def spoil(home: Path) -> None:
        (home / "hookline.yaml").write_text(text)

    return spoil


def _source(line: str) -> Spoil:
    return _file(f"version: 1\nsources:\n  - name: github\n    {line}\n")


def _without_variable(home: Path) -> None:
    write_file(home)
    del os.environ["GITHUB_WEBHOOK_SECRET"]  # the fixture `home` restores it


def _short_secret(home: Path) -> None:
    os.environ["HOOKLINE_SECRET"] = "short"


def _no_pem(home: Path) -> None:
    (home / "cert.pem").write_text("not a certificate")
    (home / "key.pem").write_text("not a key")


def _locked_key(home: Path) -> None:
    key = generate_private_key(SECP256R1())
    (home / "cert.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (home / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"not-a-real-passphrase"))
    )


def _no_database(home: Path) -> None:
    (home / "garbage.db").write_bytes(b"this is not a database" * 100)


#: Nobody listens on port 1.
_NOWHERE = "postgresql://u:pw@127.0.0.1:1/x"

CASES: dict[str, tuple[Spoil, list[str], int, str]] = {
    "a flag that is no number": (_nothing, ["--port", "x"], 2, "--port: must be a whole number from 0 to 65535"),
    "a flag with a slip": (_nothing, ["--log-format", "jsn"], 2, "must be console or json; did you mean `json`?"),
    "a role of a file": (_nothing, ["--role", "ingest"], 3, "role: `ingest` is a part of the work of several servers"),
    "several processes of a file": (_nothing, ["--processes", "2"], 3, "processes: a file has one server process"),
    "a database nobody knows": (_nothing, ["--database", "mysql://db/x"], 2, "--database: must be `sqlite:///path"),
    "a database that is not there": (_nothing, ["--database", _NOWHERE], 5, "the database cannot do it now: conn"),
    "a file that is absent": (_nothing, ["--config", "no.yaml"], 3, "no.yaml: cannot be read: No such file"),
    "a folder as a file": (_nothing, ["--config", "."], 3, ".: cannot be read: Is a directory"),
    "an unknown key": (_source("provder: github"), [], 3, "hookline.yaml:4 sources[0].provder: there is no such key"),
    "its nearest key": (_source("provder: github"), [], 3, "did you mean `provider`?"),
    "no YAML": (_file("version: [1"), [], 3, "hookline.yaml"),
    "a bad URL": (
        _source("provider: none\n    endpoints: [{name: a, url: 'htp://x'}]"),
        [],
        3,
        "hookline.yaml:5 sources[0].endpoints[0].url",
    ),
    "a variable that is not set": (
        _without_variable,
        [],
        3,
        "sources[0].secrets[0]: the environment variable GITHUB_WEBHOOK_SECRET is not set",
    ),
    "a secret that is too short": (_short_secret, [], 3, "HOOKLINE_SECRET: must have at least 32 characters"),
    "a certificate without a key": (_nothing, ["--tls-cert", "a"], 3, "belong together"),
    "a certificate that is absent": (
        _nothing,
        ["--tls-cert", "a", "--tls-key", "b"],
        3,
        "tls_cert: cannot read a: No such file",
    ),
    "a certificate that is none": (
        _no_pem,
        ["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
        3,
        "cert.pem and key.pem are not a certificate chain and its key in PEM form",
    ),
    "a key with a passphrase": (
        _locked_key,
        ["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
        3,
        "give it without a passphrase",
    ),
    "an address of another machine": (_nothing, ["--host", "192.0.2.1"], 4, "is not an address of this machine"),
    "a host that is no name": (_nothing, ["--host", "no host"], 4, "is not an address of this machine"),
    "a file that is no database": (_no_database, ["--database", "sqlite:///garbage.db"], 5, "garbage.db"),
    "a folder that cannot be made": (
        _no_database,
        ["--database", "sqlite:///garbage.db/x/y.db"],
        5,
        "cannot make the folder",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_misconfigured_server_does_not_start_and_says_what_to_change(run: Run, home: Path, name: str) -> None:
    spoil, flags, code, said = CASES[name]
    spoil(home)
    result = run("serve", "--port", "0", *flags)
    assert said in result.err
    assert result.code == code
    assert result.out == ""
    assert result.err.startswith("Error: ")
    for secret in (SERVER_SECRET, GITHUB_SECRET, "u:pw"):
        assert secret not in result.err


def test_a_port_that_is_taken_has_a_code_of_its_own(run: Run, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("serve", "--port", port, "--json")
    assert result.code == 4
    told = json.loads(result.err)
    assert told["code"] == "address_unusable"
    assert told["detail"].startswith(f"another program listens on 127.0.0.1:{port} already; stop it")
    assert not (home / "hookline-data" / "hookline.db").exists()


def test_a_second_server_on_the_same_database_is_refused(run: Run, home: Path) -> None:
    (home / "hookline-data").mkdir()
    first = open_store("sqlite:///hookline-data/hookline.db", SERVER_SECRET, serve=True)
    result = run("serve", "--port", "0")
    assert result.code == 5
    assert f"another server (process {os.getpid()}) runs on hookline-data/hookline.db" in result.err
    asyncio.run(first.close())


def test_a_database_that_was_written_with_another_secret_is_refused(
    run: Run, worked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKLINE_SECRET", "another-fake-server-secret-0123456789")
    for arguments in (["serve", "--port", "0"], ["events", "list"], ["apply"]):
        result = run(*arguments)
        assert result.code == 5
        assert "written with another HOOKLINE_SECRET" in result.err


def test_a_database_whose_secret_is_gone_gets_no_new_one(
    run: Run, worked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOKLINE_SECRET")
    for arguments in (["serve", "--port", "0"], ["events", "list"], ["token", "create"]):
        result = run(*arguments)
        assert result.code == 3
        assert "set HOOKLINE_SECRET to it or put the file back" in result.err
    assert not (worked / "hookline-data" / "secret").exists()
