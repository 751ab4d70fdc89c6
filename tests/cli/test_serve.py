"""The server as people run it: a process that starts, takes webhooks, obeys signals and loses nothing."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from hookline.api import present
from hookline.core.model import DEFAULT_ORG
from hookline.storage.base import EventFilter
from hookline.storage.store import open_store
from hookline.testing.receiver import Answer, Receiver
from tests.cli.certificate import write_certificate
from tests.cli.making import signed, write_file
from tests.cli.running import LIMIT_S, SERVER_SECRET, Serving, hookline

BODY = b'{"ref":"refs/heads/main"}'


async def _send(serving: Serving, event_id: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{serving.address}/webhooks/github", content=BODY, headers=signed(BODY, event_id))


async def _events(folder: Path) -> list[dict[str, Any]]:
    store = open_store(f"sqlite:///{folder}/hookline-data/hookline.db", SERVER_SECRET)
    try:
        events = await store.events.find(DEFAULT_ORG, EventFilter())
        stories = [await store.events.story(DEFAULT_ORG, event.id) for event in events]
        return [present.story(story, store.routing) for story in stories if story is not None]
    finally:
        await store.close()


async def _until_closed(serving: Serving) -> None:
    """Return when the server accepts no more connections."""
    host, port = serving.address.removeprefix("http://").split(":")
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            with suppress(OSError):  # it was accepted and dropped
                await writer.wait_closed()


async def test_a_server_takes_a_webhook_delivers_it_and_stops_when_it_is_told(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        async with Serving(tmp_path) as serving:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", serving.address)
            assert serving.process is not None
            assert serving.told["pid"] == serving.process.pid
            assert serving.told["database"] == "sqlite:///hookline-data/hookline.db"
            answer = await _send(serving, "d-1")
            assert answer.status_code == 200
            await receiver.wait_for(1)
            serving.signal(signal.SIGTERM)
            ended = await serving.ended()
    assert ended.code == 0
    assert ended.out == ""
    for said in (
        f"open      {serving.address}/docs\n",
        f"webhooks  {serving.address}/webhooks/{{github,open}}\n",
        "applied   hookline.yaml (3 created)\n",
        "given_back=0",
    ):
        assert said in ended.err
    assert "Traceback" not in ended.err
    assert SERVER_SECRET not in ended.err
    (event,) = await _events(tmp_path)
    assert (event["id"], event["status"]) == (answer.json()["id"], "processed")


async def test_what_is_in_flight_to_a_receiver_that_hangs_is_given_back_within_the_limit(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        receiver.script([Answer.hang()])
        async with Serving(tmp_path, ("--graceful-stop", "500ms")) as serving:
            assert (await _send(serving, "d-1")).status_code == 200
            await receiver.wait_for(1)
            began = asyncio.get_running_loop().time()
            serving.signal(signal.SIGINT)
            ended = await serving.ended()
        assert asyncio.get_running_loop().time() - began < 10
        assert ended.code == 0
        assert "given_back=1" in ended.err
        (event,) = await _events(tmp_path)
        assert (event["status"], event["deliveries"][0]["state"]) == ("pending", "waiting")
        async with Serving(tmp_path) as serving:  # the next server delivers it
            await receiver.wait_for(2)
            serving.signal(signal.SIGTERM)
            assert (await serving.ended()).code == 0
    (event,) = await _events(tmp_path)
    assert event["status"] == "processed"


async def test_a_request_that_is_half_sent_when_the_signal_comes_is_finished(tmp_path: Path) -> None:
    write_file(tmp_path)
    async with Serving(tmp_path) as serving:
        host, port = serving.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [b"%s: %s" % line for line in signed(BODY, "d-1")]
        head = [b"POST /webhooks/open HTTP/1.1", b"host: x", b"content-length: %d" % len(BODY), *lines]
        writer.write(b"\r\n".join([*head, b"expect: 100-continue", b"", b""]))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")  # the door waits for the body
        serving.signal(signal.SIGTERM)
        await _until_closed(serving)
        assert serving.process is not None
        with pytest.raises(TimeoutError):  # it waits for the rest
            await asyncio.wait_for(serving.process.wait(), 0.5)
        writer.write(BODY)
        async with asyncio.timeout(LIMIT_S):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200")
        assert (await serving.ended()).code == 0
    assert len(await _events(tmp_path)) == 1


async def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        write_file(tmp_path, receiver.url)
        receiver.script([Answer.hang()])
        async with Serving(tmp_path, ("--graceful-stop", "1h")) as serving:
            await _send(serving, "d-1")
            await receiver.wait_for(1)
            serving.signal(signal.SIGTERM)
            await _until_closed(serving)
            serving.signal(signal.SIGTERM)
            assert (await serving.ended()).code == 128 + signal.SIGTERM
    (event,) = await _events(tmp_path)
    assert event["deliveries"][0]["state"] == "leased"  # whoever serves next takes it over


async def test_what_is_applied_beside_a_running_server_takes_effect(tmp_path: Path) -> None:
    async with Receiver() as receiver, Serving(tmp_path, ("--allow-private-endpoints", "true")) as serving:
        assert (await _send(serving, "d-1")).status_code == 404
        write_file(tmp_path, receiver.url)
        assert (await hookline(tmp_path, "apply")).code == 0
        async with asyncio.timeout(LIMIT_S):
            while (await _send(serving, "d-1")).status_code == 404:
                pass
            await receiver.wait_for(1)
        assert (await hookline(tmp_path, "endpoints", "pause", "github/build")).code == 0
        (event,) = await _events(tmp_path)
        assert (await hookline(tmp_path, "events", "replay", event["id"])).code == 0
        assert (await hookline(tmp_path, "endpoints", "resume", "github/build")).code == 0
        await receiver.wait_for(2)
        serving.signal(signal.SIGTERM)
        ended = await serving.ended()
    assert ended.code == 0
    assert "there is no hookline.yaml here; `hookline init` writes one" in ended.err


async def test_json_logs_are_json_on_every_line(tmp_path: Path) -> None:
    write_file(tmp_path)
    async with Serving(tmp_path, ("--log-format", "json")) as serving:
        serving.signal(signal.SIGTERM)
        ended = await serving.ended()
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert [line["event"] for line in lines] == ["started", "stopped"]
    assert lines[0]["address"] == serving.address


async def test_with_a_certificate_it_speaks_https_on_all_addresses(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    write_file(tmp_path)
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key), "--host", "0.0.0.0")
    async with Serving(tmp_path, flags) as serving:
        assert serving.address.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(verify=trusted) as client:
            answer = await client.post(f"{serving.address}/webhooks/open", content=BODY)
        assert answer.status_code == 200
        assert "server" not in answer.headers
        serving.signal(signal.SIGTERM)
        assert (await serving.ended()).code == 0
