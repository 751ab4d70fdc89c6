"""The image without a container: what the Containerfile installs is installed, and serves from where it may not write.

The modes of all files forbid to write, as a read-only root file system does; root is held to them by taking its
capabilities away, as every manifest does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy import containerfile, deployed, test_locks
from tests.postgres.cluster import Cluster

LIMIT_S = 30.0

_NO_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


@dataclass(frozen=True, slots=True)
class Image:
    """What an image would hold, below a folder."""

    root: Path

    @property
    def data(self) -> Path:
        """The only folder, beside the temporary one, that may be written to."""
        return self.root / deployed.IMAGE.the("VOLUME").text.lstrip("/")

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The variables of a container: those of the image, and what it is told."""
        image = {name: self._here(value) for name, value in deployed.IMAGE.environment.items()}
        image["PATH"] = image["PATH"].replace("$PATH", "/usr/bin:/bin")
        return {**image, "TMPDIR": str(self.root / "tmp"), **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Run a command in the place of a container."""
        environ = self.environment(more)
        program = shutil.which(words[0], path=environ["PATH"])
        assert program is not None, f"there is no {words[0]}"
        return subprocess.Popen(
            [*_NO_CAPABILITIES, program, *words[1:]],
            cwd=self.root / deployed.IMAGE.the("WORKDIR").text.lstrip("/"),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **more: str) -> str:
        """The same until it ends well; what it printed."""
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, err
        return out

    @contextmanager
    def serving(self, **more: str) -> Iterator[str]:
        """What a container runs by itself, on a free port of this machine; its address."""
        process = self.start(*deployed.IMAGE.command, "--json", "--host", "127.0.0.1", "--port", "0", **more)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            yield json.loads(line)["address"]
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, err
        finally:
            process.kill()
            process.communicate()

    def files(self) -> dict[Path, int]:
        """Everything that is not in the two folders, and when it was changed."""
        return {
            path: path.lstat().st_mtime_ns
            for path in self.root.rglob("*")
            if self.data not in (path, *path.parents) and path.name != "tmp"
        }

    def _here(self, text: str) -> str:
        return containerfile.inside(self.root, text)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    made = Image(tmp_path_factory.mktemp("image"))
    containerfile.play(deployed.BUILD, made.root)
    for folder in (made.data, made.root / "tmp", made.root / deployed.IMAGE.the("WORKDIR").text.lstrip("/")):
        folder.mkdir(parents=True, exist_ok=True)
    _chmod(made.root, "a-w")
    for folder in (made.data, made.root / "tmp"):
        folder.chmod(0o700)
    yield made
    _chmod(made.root, "u+w")


def _chmod(root: Path, mode: str) -> None:
    subprocess.run(["chmod", "--recursive", mode, root], check=True)


def healthy(image: Image, check: list[str], address: str) -> bool:
    """What a health check says of the server at an address."""
    port = address.rpartition(":")[2]
    process = image.start(*(word.replace("8400", port) for word in check))
    process.communicate(timeout=LIMIT_S)
    return process.returncode == 0


def checks() -> dict[str, list[str]]:
    """The health checks of the image and of the nodes in compose.yaml."""
    found: dict[str, Any] = {name: node["healthcheck"]["test"][1:] for name, node in deployed.nodes().items()}
    return found | {"image": json.loads(deployed.IMAGE.the("HEALTHCHECK").text.partition(" CMD ")[2])}


def test_what_is_installed_is_whole_and_nothing_more(image: Image) -> None:
    installed: list[str | Path] = ["--python", image.root / "opt" / "hookline"]
    uv = image.root / "usr" / "bin" / "uv"
    done = subprocess.run([uv, "pip", "check", *installed], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([uv, "pip", "freeze", *installed], capture_output=True, text=True, check=True).stdout
    names = {re.split("==| @ ", line)[0] for line in listed.splitlines()}
    assert {"hookline", "psycopg-binary"} <= names
    assert names - {"hookline"} <= set(test_locks.locked("postgres"))


def test_it_serves_and_writes_to_its_data_folder_only(image: Image) -> None:
    before = image.files()
    with image.serving() as address:
        assert httpx.get(f"{address}/readyz").status_code == 200
        assert {name: healthy(image, check, address) for name, check in checks().items()} == dict.fromkeys(
            checks(), True
        )
    assert {name: healthy(image, check, address) for name, check in checks().items()} == dict.fromkeys(checks(), False)
    assert image.files() == before
    assert {"hookline.db", "secret"} <= {path.name for path in image.data.iterdir()}


def test_it_cannot_serve_where_it_may_not_write(image: Image) -> None:
    with pytest.raises(AssertionError, match="cannot be made"):
        image.run(
            *deployed.IMAGE.command, "--port", "0", HOOKLINE_DATA_DIR=str(image.root / "etc" / "hookline" / "data")
        )


def test_nodes_serve_on_postgresql_after_the_migration_and_write_nothing_here(image: Image) -> None:
    (migrate, first, *_) = [deployed.services()[name] for name in ("migrate", *deployed.nodes())]
    assert migrate["environment"] == first["environment"]
    before = {**image.files(), **dict.fromkeys(image.data.rglob("*"), 0)}
    with Cluster(fsync="off") as cluster:
        told = {"HOOKLINE_DATABASE_URL": cluster.new_database(), "HOOKLINE_SECRET": "not-a-real-secret-" + "s" * 20}
        assert "applied" in image.run("hookline", *migrate["command"], **told)
        assert "up to date" in image.run("hookline", *migrate["command"], "--check", **told)
        with image.serving(**told) as one, image.serving(**told, HOOKLINE_PROCESSES="2") as another:
            for address in (one, another):
                assert httpx.get(f"{address}/readyz").status_code == 200
    assert {**image.files(), **dict.fromkeys(image.data.rglob("*"), 0)} == before
    assert list((image.root / "tmp").iterdir()) == []
