"""A process that has packages of senders, and the questions that are put to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hookline.core.headers import index
from hookline.core.model import Request

ROOT = Path(__file__).parents[4]
NODE = ROOT / "tests/node"
PYTHON = ROOT / ".venv-oracles/bin/python"


class Worker:
    """One of the two workers, as long as the tests need it."""

    def __init__(self, command: list[str], folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NODE_"))}
        self._process = subprocess.Popen(
            command, cwd=folder, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def verdict(self, sdk: str, request: Request, secret: str) -> str:
        """``accepted`` when this package takes the request for genuine, else ``refused`` and why."""
        found = self._ask("verify", sdk, request, secret)
        return "accepted" if found["accepted"] else f"refused {found['why']}".rstrip()

    def signed(self, sdk: str, request: Request, secret: str) -> Request:
        """The request with what this package proves it by."""
        proof = self._ask("sign", sdk, request, secret)
        if "body" in proof:
            return msgspec.structs.replace(request, body=b64decode(proof["body"]))
        added = {name.lower().encode(): value.encode() for name, value in proof["headers"].items()}
        lines = (*((name, value) for name, value in request.headers if name not in added), *added.items())
        return msgspec.structs.replace(request, headers=lines, lookup=index(lines))

    def _ask(self, what: str, sdk: str, request: Request, secret: str) -> dict[str, Any]:
        question = {
            "do": what,
            "sdk": sdk,
            "secret": secret,
            "url": request.url,
            "method": request.method,
            "headers": {name.decode().lower(): value.decode() for name, value in request.headers},
            "body": b64encode(request.body).decode(),
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"the worker ended with status {self._process.wait(30)}"
        found: dict[str, Any] = json.loads(line)
        assert "error" not in found, found["error"]
        return found


def python_worker() -> Worker:
    if not PYTHON.is_file():
        pytest.fail(f"{PYTHON} is missing: run `scripts/oracles` (make test does) to install what senders publish")
    return Worker([str(PYTHON), str(Path(__file__).with_name("worker.py"))], ROOT)


def node_worker() -> Worker:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules/@octokit/webhooks-methods").is_dir():
        pytest.fail("npm packages are missing: install Node.js 20 or newer and run `scripts/node-deps`")
    # Imports are looked up from where the text is; as an argument it is in the folder that has the packages.
    return Worker([node, "--input-type=module", "--eval", Path(__file__).with_name("worker.mjs").read_text()], NODE)
