"""HOOKLINE_SECRET: made once, the same for all who start at the same time, readable by its owner only."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hookline.config.server_secret import exposed, server_secret
from hookline.core.errors import ConfigError
from tests.cli.running import SERVER_SECRET


def test_a_secret_that_is_given_is_used_and_nothing_is_made(tmp_path: Path) -> None:
    assert server_secret(SERVER_SECRET, tmp_path / "data") == SERVER_SECRET
    assert not (tmp_path / "data").exists()


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first = server_secret("", tmp_path / "data")
    assert len(first) == 64
    assert server_secret("", tmp_path / "data") == first
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert exposed("", tmp_path / "data") == ""


def test_all_who_start_at_the_same_time_have_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            folder = tmp_path / str(attempt)
            found = list(pool.map(lambda folder: server_secret("", folder), [folder] * 8))
            assert len(set(found)) == 1
            assert [path.name for path in folder.iterdir()] == ["secret"]


def test_where_a_database_exists_no_new_secret_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set HOOKLINE_SECRET to it or put the file back"):
        server_secret("", tmp_path, may_create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_a_spoilt_file_is_said_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        server_secret("", tmp_path)
    assert str(tmp_path / "secret") in caught.value.message
    assert "short" not in caught.value.message


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="set HOOKLINE_SECRET or name a folder with --data-dir"):
        server_secret("", tmp_path / "file" / "data")


def test_a_secret_that_others_may_read_gets_a_warning(tmp_path: Path) -> None:
    server_secret("", tmp_path)
    (tmp_path / "secret").chmod(0o644)
    assert (
        exposed("", tmp_path) == f"others on this machine may read {tmp_path}/secret; run `chmod 600 {tmp_path}/secret`"
    )
    assert exposed(SERVER_SECRET, tmp_path) == ""
