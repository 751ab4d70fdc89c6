"""The Containerfile: what hadolint says of it, and what it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.deploy import deployed
from tests.docs.pages import ROOT

HADOLINT = Path(sys.executable).parent / "hadolint"

IGNORED = ROOT / ".containerignore"


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([HADOLINT, deployed.CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_everything_that_is_installed_has_a_hash_but_the_wheel_that_was_just_made() -> None:
    steps = [step for stage in deployed.STAGES for run in stage.all("RUN") for step in run.text.split(" && ")]
    *installs, wheel = [step for step in steps if re.search(r"\bpip .*install\b", step)]
    assert [step.rpartition(" ")[2] for step in installs] == ["requirements/build.lock", "requirements/postgres.lock"]
    assert all("install" in step and {"--require-hashes", "--only-binary"} <= set(step.split()) for step in installs)
    assert {"--no-deps", "--no-index"} <= set(wheel.split())
    assert "uv build --wheel --no-build-isolation --out-dir dist" in steps
    assert not re.search(r"apt|curl|wget|https?:", " ".join(steps))


def test_all_that_is_copied_is_let_through_and_hardly_anything_else() -> None:
    let_through = {line.lstrip("!") for line in IGNORED.read_text().splitlines() if line.startswith("!")}
    copied = {source.split("/")[0] for each in deployed.BUILD.all("COPY") for source in each.words()[:-1]}
    assert let_through == copied
    assert (ROOT / ".dockerignore").read_text() == IGNORED.read_text()


def test_it_runs_as_somebody_who_may_write_to_the_data_folder_only() -> None:
    made, *_ = deployed.IMAGE.all("RUN")
    (user,) = re.findall(r"--uid (\d+)", made.text)
    assert deployed.IMAGE.the("USER").text == f"{user}:{user}"
    assert int(user) >= 10_000
    folder = deployed.IMAGE.environment["HOOKLINE_DATA_DIR"]
    assert deployed.IMAGE.the("VOLUME").text == folder
    assert made.text.endswith(f"--mode 700 {folder}")


def test_the_command_is_no_shell() -> None:
    for name in ("ENTRYPOINT", "CMD"):
        assert deployed.IMAGE.the(name).text.startswith("[")
    assert " CMD [" in deployed.IMAGE.the("HEALTHCHECK").text
