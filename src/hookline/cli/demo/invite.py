"""What the user may do while the demo serves: addresses to open, and a request of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hookline.cli.demo.stage import HELLO, HELLO_HEADER, Stage, hello_signature
from hookline.core.providers import registry, sign


@dataclass(frozen=True, slots=True)
class Invitation:
    """Addresses and command lines, ready to be copied."""

    address: str
    pages: tuple[tuple[str, str], ...]  #: address and what is there
    curl: str  #: over several lines
    events: str


def invitation(stage: Stage) -> Invitation:
    """What to do next with this server."""
    pages = (
        (f"{stage.address}/docs", "the API"),
        (f"{stage.address}/healthz", "is it alive"),
        (f"{stage.address}/metrics", "how many, how fast"),
    )
    events = f"{_program()} events list --config {shlex.quote(str(stage.file))}"
    return Invitation(stage.address, pages, _curl(stage), events)


def _curl(stage: Stage) -> str:
    event_id = f"hello-{os.urandom(3).hex()}"
    body = f'{{"id":"{event_id}","type":"greeting.sent","from":"me"}}'
    signature = _signature(stage, body.encode(), event_id)
    return " \\\n".join(
        (
            f"curl {stage.address}/webhooks/{HELLO}",
            "  -H 'Content-Type: application/json'",
            f"  -H '{HELLO_HEADER}: {signature}'",
            f"  -d '{body}'",
        )
    )


def _signature(stage: Stage, body: bytes, event_id: str) -> str:
    lines = sign.sign(
        registry.build_generic(hello_signature()),
        body=body,
        secret=stage.secret(HELLO),
        now_s=0,  # no time is signed
        event_id=event_id,
        event_type="greeting.sent",
    )
    return dict(lines)[HELLO_HEADER.lower().encode()].decode()


def _program() -> str:
    """How `hookline` can be called where the user is: not every environment is on the PATH."""
    if shutil.which("hookline"):
        return "hookline"
    beside = Path(sys.executable).parent / "hookline"
    shown = os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)
    return shlex.quote(shown)
