"""The story of a product that sends webhooks, told with the official JavaScript SDK."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .sdk.world import World, running

NODE = Path(__file__).parents[1] / "node"


async def tell(script: str, world: World) -> Any:
    """What a script of ``tests/node`` prints when it is run against this server."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules/svix").is_dir():
        pytest.fail("the JavaScript SDK is missing: install Node.js 20 or newer and run `scripts/node-deps`")
    process = await asyncio.create_subprocess_exec(
        node,
        NODE / script,
        env={"PATH": os.environ["PATH"], "HOOKLINE_URL": world.url, "HOOKLINE_TOKEN": world.token()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def test_the_javascript_sdk_creates_publishes_verifies_and_lists(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        told = await tell("send.mjs", world)
    assert told["attempts"] == [
        {
            "msgId": told["message"],
            "endpointId": told["endpoint"],
            "status": 0,
            "statusText": "success",
            "responseStatusCode": 200,
            "response": "thank you",
        }
    ]
    refusals = told["refusals"]
    assert {name: one["status"] for name, one in refusals.items()} == {"conflict": 409, "missing": 404, "wrong": 422}
    assert refusals["missing"]["body"]["code"] == "not_found"
    assert refusals["wrong"]["body"]["detail"][0]["loc"] == ["body", "name"]
