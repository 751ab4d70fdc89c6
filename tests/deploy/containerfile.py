"""A Containerfile, read; and its build stage, carried out in a folder instead of a container.

`play` does what the instructions say: COPY copies from the checkout, RUN runs in a shell. Absolute paths of the image
are below the folder, and ``python`` is a Python of its own without any package, as in the base image.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT

#: What of an image's file system is found in the commands and variables.
_PLACES = re.compile(r"(?<![\w.])/(?=opt/|etc/|var/lib/|tmp\b)")
#: A command may use what was fetched before, unlike in an image, where that would only be weight.
_IGNORED = {"PIP_NO_CACHE_DIR", "UV_NO_CACHE"}

#: What belongs to the Python that runs the tests. The rest says how this machine reaches others.
_NOT_PASSED_ON = ("HOOKLINE_", "PYTHON", "VIRTUAL_ENV")

RUN_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Its JSON array, or what stands between the spaces."""
        words: list[str] = json.loads(self.text) if self.text.startswith("[") else self.text.split()
        return words


@dataclass(slots=True)
class Stage:
    """What stands between one FROM and the next."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """Every instruction of this name."""
        return [each for each in self.instructions if each.name == name]

    def the(self, name: str) -> Instruction:
        """The one instruction of this name."""
        (only,) = self.all(name)
        return only

    @property
    def environment(self) -> dict[str, str]:
        """What its ENV lines set."""
        return dict(pair.split("=", 1) for each in self.all("ENV") for pair in each.words())

    @property
    def command(self) -> list[str]:
        """What a container runs when nobody says otherwise."""
        return [*self.the("ENTRYPOINT").words(), *self.the("CMD").words()]


def read(path: Path) -> list[Stage]:
    """The stages of a Containerfile."""
    lines = "\n".join(line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    stages: list[Stage] = []
    for line in re.sub(r"\s*\\\n\s*", " ", lines).splitlines():
        name, _, text = line.partition(" ")
        if name == "FROM":
            image, _, named = text.partition(" AS ")
            stages.append(Stage(image, named))
        else:
            stages[-1].instructions.append(Instruction(name, text.strip()))
    return stages


def inside(root: Path, text: str) -> str:
    """A command or value of the image with its paths below ``root``."""
    return _PLACES.sub(f"{root}/", text)


def play(stage: Stage, root: Path) -> None:
    """Carry out a build stage below ``root``. Raises AssertionError with what a command said when it fails."""
    subprocess.run([sys.executable, "-m", "venv", root / "usr"], check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    environ |= {"PATH": f"{root}/usr/bin:/usr/bin:/bin"}
    environ |= {name: value for name, value in stage.environment.items() if name not in _IGNORED}
    folder = root
    for each in stage.instructions:
        if each.name == "WORKDIR":
            folder = root / each.text.lstrip("/")
            folder.mkdir(parents=True)
        elif each.name == "COPY":
            *sources, target = each.words()
            _copy(sources, folder / target)
        elif each.name == "RUN":
            _run(inside(root, each.text), folder, environ)


def _copy(sources: list[str], target: Path) -> None:
    for source in (ROOT / each for each in sources):
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def _run(command: str, folder: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
