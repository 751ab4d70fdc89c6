"""``hookline init`` writes a file that is good as it is, and never overwrites one."""

from __future__ import annotations

from pathlib import Path

from hookline.config.file import read_file
from tests.cli.conftest import Run


def test_the_file_that_is_written_can_be_applied(run: Run, home: Path) -> None:
    assert run("init").code == 0
    assert [source.name for source in read_file(home / "hookline.yaml").sources] == ["github"]
    assert run("apply").code == 0


def test_a_file_that_exists_is_left_as_it_is(run: Run, home: Path) -> None:
    (home / "hookline.yaml").write_text("mine")
    result = run("init")
    assert result.code == 1
    assert result.err == (
        "Error: hookline.yaml exists already and was left as it is; remove it, or name another with --file\n"
    )
    assert (home / "hookline.yaml").read_text() == "mine"
    assert run("init", "--file", "other.yaml", "--json").out == '{\n  "file": "other.yaml"\n}\n'


def test_a_folder_that_does_not_exist_is_said(run: Run, home: Path) -> None:
    result = run("init", "-f", "no/hookline.yaml")
    assert (result.code, result.err) == (3, "Error: no/hookline.yaml: cannot be written: No such file or directory\n")
