"""A folder in which a server has worked: events with every ending, and refused requests."""

from __future__ import annotations

from pathlib import Path
from time import time

import httpx

from hookline.app import Server, build
from hookline.config.file import read_file
from hookline.config.settings import load_settings
from hookline.core.providers import registry, sign
from hookline.testing.receiver import Answer, Receiver
from tests.cli.running import GITHUB_SECRET, SERVER_SECRET

#: What a hostile sender hopes a terminal will do: colours, a title, a line that overwrites another.
HOSTILE = b'{"ref":"\\u001b[31mred","n":1.10,"note":"\xe2\x80\xaereversed"}'

FILE = """\
version: 1
allow_private_endpoints: true
sources:
  - name: github
    provider: github
    secrets: ["env:GITHUB_WEBHOOK_SECRET"]
    owner: platform-team
    endpoints:
      - name: build
        url: {url}/build
        events: ["push", "pull_request.*"]
        headers: {{X-Team: blue, X-Api-Key: not-a-real-api-key}}
        retry: {{schedule: [], jitter: 0}}
  - name: open
    provider: none
"""


def write_file(folder: Path, url: str = "http://127.0.0.1:9") -> Path:
    """hookline.yaml in this folder, its endpoint at ``url``."""
    path = folder / "hookline.yaml"
    path.write_text(FILE.format(url=url))
    return path


def signed(
    body: bytes, event_id: str, event_type: str = "push", secret: str = GITHUB_SECRET
) -> list[tuple[bytes, bytes]]:
    """The header lines that GitHub sends with this body."""
    lines = sign.sign(
        registry.get("github"), body=body, secret=secret, now_s=time(), event_id=event_id, event_type=event_type
    )
    return list(lines)


async def make(folder: Path) -> None:
    """Events that were processed, failed and ignored, one of them sent twice, and two rejections."""
    async with Receiver() as receiver:
        receiver.script([Answer(200, body=b'{"ok":true}'), 500])
        file = read_file(write_file(folder, receiver.url))
        flags = {"database": f"sqlite:///{folder}/hookline-data/hookline.db", "data_dir": str(folder / "hookline-data")}
        settings = load_settings(flags, {"HOOKLINE_SECRET": SERVER_SECRET}, file)
        server = build(settings)
        await server.apply(file, {"GITHUB_WEBHOOK_SECRET": GITHUB_SECRET})
        await server.start(services=False)
        await _send_all(server)
        await server.stop()


async def _send_all(server: Server) -> None:
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(transport=transport, base_url="http://hookline.example") as client:
        for body, event_id, event_type in (
            (HOSTILE, "processed", "push"),
            (b'{"n":1}', "failed", "push"),
            (b'{"action":"created"}', "ignored", "star"),
            (HOSTILE, "processed", "push"),
        ):
            answer = await client.post(
                "/webhooks/github",
                content=body,
                headers=[*signed(body, event_id, event_type), (b"X-Hostile", b"\x9b31mred")],
            )
            assert answer.status_code == 200, answer.text
            await server.dispatcher.quiet()
        wrong = signed(b'{"n":3}', "wrong", secret="not-the-secret-of-github-0123")
        assert (await client.post("/webhooks/github", content=b'{"n":3}', headers=wrong)).status_code == 401
        late = signed(b'{"n":4}', "late")
        assert (await client.post("/webhooks/late", content=b'{"n":4}', headers=late)).status_code == 404
