"""Secrets by reference: found where they are said to be, and never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.config.secrets import check_reference, resolve
from hookline.core.errors import ConfigError, InvalidInput

FAKE = "fake-secret-nobody-uses"


def test_a_reference_to_a_variable_is_its_value(tmp_path: Path) -> None:
    assert resolve("env:FAKE_SECRET", {"FAKE_SECRET": FAKE}, tmp_path) == FAKE


def test_a_literal_is_itself(tmp_path: Path) -> None:
    assert resolve(FAKE, {}, tmp_path) == FAKE


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_is_read_beside_the_configuration_without_its_line_end(tmp_path: Path, end: str) -> None:
    (tmp_path / "secret").write_bytes(f"{FAKE}{end}".encode())
    assert resolve("file:secret", {}, tmp_path) == FAKE


def test_spaces_inside_a_file_belong_to_the_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f" {FAKE} \n\n")
    assert resolve(f"file:{tmp_path / 'secret'}", {}, Path("/")) == f" {FAKE} \n"


@pytest.mark.parametrize(
    ("reference", "content", "message"),
    [
        ("env:FAKE_SECRET", None, "hookline.yaml:4: the environment variable FAKE_SECRET is not set"),
        ("env:EMPTY", None, "hookline.yaml:4: the environment variable EMPTY is set but empty"),
        ("file:s", None, "hookline.yaml:4: cannot read the secret file {dir}/s: No such file or directory"),
        ("file:.", None, "hookline.yaml:4: cannot read the secret file {dir}: Is a directory"),
        ("file:a\0b", None, "hookline.yaml:4: cannot read the secret file {dir}/a\0b: not a usable path"),
        ("file:s", b"\n", "hookline.yaml:4: the secret file {dir}/s is empty"),
        ("file:s", b"\xff\xfe" + FAKE.encode(), "hookline.yaml:4: the secret file {dir}/s is not UTF-8 text"),
        ("file:s", FAKE.encode() * 3000, "hookline.yaml:4: the secret file {dir}/s is larger than 64KB"),
    ],
)
def test_a_secret_that_is_not_there_is_told_with_its_place(
    tmp_path: Path, reference: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        resolve(reference, {"EMPTY": " "}, tmp_path, "hookline.yaml:4")
    assert str(caught.value) == message.replace("{dir}", str(tmp_path))
    assert FAKE not in repr(caught.value)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("", "a secret must not be empty; write `env:NAME`, `file:PATH` or the secret itself"),
        ("env:", "after `env:` comes the name of a variable, as in `env:GITHUB_WEBHOOK_SECRET`"),
        ("env:MY-SECRET", "after `env:` comes the name of a variable, as in `env:GITHUB_WEBHOOK_SECRET`"),
        ("file: ", "after `file:` comes a path, as in `file:secrets/github`"),
        ("${GITHUB_SECRET}", "variables are not expanded; write `env:NAME` with the name of the variable"),
        ("$GITHUB_SECRET", "variables are not expanded; write `env:NAME` with the name of the variable"),
    ],
)
def test_a_reference_that_can_name_nothing_is_refused(reference: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_reference(reference)
    assert str(caught.value) == message


@pytest.mark.parametrize("reference", ["env:A", "file:/run/secrets/x", FAKE, "pa$$word", "$aB", "whsec_x"])
def test_other_references_are_kept_as_they_are(reference: str) -> None:
    assert check_reference(reference) == reference
