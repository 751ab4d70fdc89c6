"""The unit for systemd: systemd understands it, it is closed, and fits what the server does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from hookline.cli.exits import Exit
from hookline.cli.server import MOST_FILES
from hookline.config.settings import Settings
from tests.deploy import deployed

ANALYZE = shutil.which("systemd-analyze")

#: The exposure that systemd finds, in tenths of a point; up to 49 it calls that "OK". Using the network is some.
MOST_EXPOSURE = 15


def the(key: str) -> str:
    """The one value of a key."""
    (only,) = deployed.unit()[key]
    return only


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Ask systemd, without one that runs."""
    assert ANALYZE is not None, "run scripts/debian-deps: it installs systemd-analyze"
    return subprocess.run([ANALYZE, *words], capture_output=True, text=True, check=False)


def test_systemd_understands_all_of_it(tmp_path: Path) -> None:
    installed = tmp_path / deployed.UNIT.name
    installed.write_text(deployed.UNIT.read_text().replace("/opt/hookline/bin", str(Path(sys.executable).parent)))
    done = analyze("verify", installed)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_systemd_finds_it_closed() -> None:
    done = analyze("security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSURE}", deployed.UNIT)
    assert done.returncode == 0, done.stdout


def test_it_may_finish_what_is_in_flight() -> None:
    assert int(the("TimeoutStopSec")) >= Settings().graceful_stop_s + 5


def test_each_of_several_processes_is_told_to_stop_once() -> None:
    """The first of them tells the others, and a second signal ends them at once."""
    assert the("KillMode") == "mixed"


def test_it_is_started_again_unless_that_would_not_help() -> None:
    assert the("Restart") == "on-failure"
    assert the("StartLimitIntervalSec") == "0"
    assert the("RestartPreventExitStatus").split() == [str(int(code)) for code in (Exit.USAGE, Exit.CONFIGURATION)]


def test_it_may_open_as_many_files_as_it_will_ask_for() -> None:
    assert int(the("LimitNOFILE")) == MOST_FILES


def test_it_may_write_to_the_data_folder_only() -> None:
    assert the("ProtectSystem") == "strict"
    assert "ReadWritePaths" not in deployed.unit()
    assert deployed.settings()["hookline.env"]["HOOKLINE_DATA_DIR"] == f"/var/lib/{the('StateDirectory')}"


def test_the_page_puts_everything_where_the_unit_looks_for_it() -> None:
    text = deployed.PAGES[2].text
    folder = the("ExecStart").partition("/bin/")[0]
    assert re.search(rf"ln -sfn hookline-\S+ {folder}\n", text)
    assert f"{the('EnvironmentFile')}\n" in text
    assert f"--working-directory={the('WorkingDirectory')} " in text
    assert (
        f"useradd --system --home-dir /var/lib/{the('StateDirectory')} --shell /usr/sbin/nologin {the('User')}\n"
        in text
    )
