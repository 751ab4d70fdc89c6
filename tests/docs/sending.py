"""Somebody who does what a page about sending says: with a real server, a real receiver, a shell and the SDK."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from svix.api import Svix

from hookline.api.token import create_token
from hookline.cli.main import main
from hookline.core.model import DEFAULT_ORG
from hookline.testing.receiver import Receiver
from tests.cli.running import LIMIT_S, SERVER_SECRET, Serving, environment
from tests.docs.pages import Block, Page

#: The pages of docs/howto that are about sending.
PAGES = frozenset(
    {
        "event-types-and-schemas.md",
        "move-from-svix.md",
        "operational-webhooks.md",
        "order.md",
        "rate-limits.md",
        "recover-a-customer.md",
        "rotate-endpoint-secrets.md",
        "use-the-svix-sdks.md",
        "verify-endpoint-ownership.md",
    }
)

#: What the pages call the server and the receiver, and a message.
SERVER, RECEIVER, MESSAGE = "http://127.0.0.1:8400", "http://127.0.0.1:9000", "msg_ID"


class Reader:
    """Somebody with a page before them, at a server that has sent a message which failed."""

    def __init__(self, folder: Path, serving: Serving, receiver: Receiver, token: str) -> None:
        self.folder, self.receiver, self.address, self.token = folder, receiver, serving.address, token
        self.failed = ""
        self.names: dict[str, Any] = {}
        self._http = httpx.AsyncClient(
            base_url=f"{serving.address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=LIMIT_S
        )

    # -- the world the pages speak of ------------------------------------------------------------------

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers."""
        answer = await self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def prepare(self) -> None:
        """Acme, with an endpoint at which one message was given up."""
        self.receiver.script([500])
        await self.ask("POST", "/app", {"name": "Acme", "uid": "acme"})
        endpoint = {"url": f"{self.receiver.url}/hooks", "uid": "acme-orders", "retrySchedule": []}
        await self.ask("POST", "/app/acme/endpoint", endpoint)
        message = {"eventType": "order.paid", "payload": {"order": 1}}
        self.failed = (await self.ask("POST", "/app/acme/msg", message))["id"]
        await self.until_over(self.failed)
        await self.ask("PATCH", "/app/acme/endpoint/acme-orders", {"retrySchedule": None})

    async def until_over(self, message_id: str) -> list[str]:
        """What became of a message at each endpoint, once nothing is owed any more."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                found = (await self.ask("GET", f"/app/acme/msg/{message_id}/endpoint"))["data"]
                states = [one["statusText"] for one in found]
                if found and not {"pending", "sending"} & set(states):
                    return states
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Close the clients, those of the page too."""
        await self._http.aclose()
        self.forget()

    def forget(self) -> None:
        """Forget what the code of the page has defined, and close its clients."""
        for one in self.names.values():
            if isinstance(one, Svix):
                one._httpx_client.close()
        self.names.clear()

    # -- following a page ------------------------------------------------------------------------------

    async def follow(self, page: Page, **variables: str) -> None:
        """Write its files, run its commands and its code, in their order."""
        for block in page.blocks("sh", "python", *_files(page)):
            await self.do(block, **variables)

    async def do(self, block: Block, **variables: str) -> None:
        """Do what one block says."""
        text = self.here(block.text)
        kind, _, name = block.info.partition(" ")
        if kind == "sh" and all(line.startswith("hookline ") for line in text.splitlines()):
            for line in text.splitlines():
                await self.command(line, **variables)
        elif kind == "sh":
            await self.shell(text, **variables)
        elif kind == "python":
            await self.run(text, **variables)
        else:
            (self.folder / name).write_text(text)

    def here(self, text: str) -> str:
        """The text with the real addresses and the id of the message that failed."""
        return text.replace(SERVER, self.address).replace(RECEIVER, self.receiver.url).replace(MESSAGE, self.failed)

    async def shell(self, commands: str, **variables: str) -> str:
        """What the commands print; each of them must succeed."""
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-euc",
            commands,
            cwd=self.folder,
            env=self._environment(**variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(LIMIT_S * 2):
            out, _ = await process.communicate()
        assert process.returncode == 0, f"{commands}\n{out.decode()}"
        return out.decode()

    async def command(self, line: str, **variables: str) -> None:
        """Run one command of Hookline in this process; it must succeed."""
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
            self._enter(patch, **variables)
            await asyncio.to_thread(main, shlex.split(line, comments=True)[1:])
        assert not ended.value.code, line

    async def run(self, code: str, **variables: str) -> None:
        """Run code in this process; what it defines is in ``names`` and stays for the next block."""
        with pytest.MonkeyPatch.context() as patch:
            self._enter(patch, **variables)
            await asyncio.to_thread(exec, compile(code, "page", "exec"), self.names)

    def _enter(self, patch: pytest.MonkeyPatch, **variables: str) -> None:
        patch.chdir(self.folder)
        for name, value in self._environment(**variables).items():
            patch.setenv(name, value)

    def _environment(self, **variables: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return environment(HOOKLINE_TOKEN=self.token, PATH=path, **variables)


def _files(page: Page) -> list[str]:
    """The infos of the blocks that are files."""
    return [block.info for block in page.blocks(*_infos(page)) if block.info.startswith("json ")]


def _infos(page: Page) -> list[str]:
    return [line.strip().removeprefix("```") for line in page.text.splitlines() if line.strip().startswith("```json ")]


@asynccontextmanager
async def reading(folder: Path) -> AsyncIterator[Reader]:
    """A reader whose server has worked already."""
    flags = ("--allow-private-endpoints", "127.0.0.1")
    async with Receiver() as receiver, Serving(folder, flags) as serving:
        token = create_token(SERVER_SECRET, DEFAULT_ORG, int(time.time()))
        reader = Reader(folder, serving, receiver, token)
        try:
            await reader.prepare()
            yield reader
        finally:
            await reader.close()
