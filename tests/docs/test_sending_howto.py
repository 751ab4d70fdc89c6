"""The pages about sending do what they say: their commands, their code and their curl lines run as they stand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hookline.testing.receiver import Received
from tests.docs.pages import DOCS, ROOT, Page, page
from tests.docs.sending import PAGES, Reader, reading

NODE = ROOT / "tests" / "node"

#: These need more than the usual world.
OF_THEIR_OWN = {"move-from-svix.md", "verify-endpoint-ownership.md"}


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    async with reading(tmp_path) as prepared:
        yield prepared


def genuine(secret: str, request: Received) -> bool:
    """Whether the request was signed under this secret, by an official library."""
    headers = {name.decode().lower(): value.decode() for name, value in request.headers}
    try:
        Webhook(secret).verify(request.body, headers)
    except WebhookVerificationError:
        return False
    return True


async def arrived(reader: Reader, path: str, when: Callable[[Received], bool] = lambda request: True) -> Received:
    """The first request at this path that fits, as soon as it has come."""
    async with asyncio.timeout(20):
        while True:
            for request in reader.receiver.requests:
                if request.path == path and when(request):
                    return request
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", sorted(PAGES - OF_THEIR_OWN - {"rotate-endpoint-secrets.md"}))
async def test_everything_in_a_howto_runs(name: str, reader: Reader) -> None:
    await reader.follow(Page(DOCS / "howto" / name))
    check = CHECKS.get(name)
    if check is not None:
        await check(reader)


async def _sdks(reader: Reader) -> None:
    """Both bodies arrive as they were published, and the receiver's library of the page accepts them."""
    order = await arrived(reader, "/new", lambda request: b'"order":17' in request.body.replace(b" ", b""))
    webhook, message = reader.names["webhook"], reader.names["message"]
    webhook.verify(order.body, {name.decode().lower(): value.decode() for name, value in order.headers})
    assert order.header("svix-id") == order.header("webhook-id") == message.id
    report = await arrived(reader, "/hooks", lambda request: request.header("content-type") == "text/csv")
    assert report.body == b"day,sum\nmonday,12.50\n"


async def _event_types(reader: Reader) -> None:
    """The example is that of the schema; what does not match is refused with the codes that the page names."""
    await arrived(reader, "/hooks", lambda request: request.body == b'{"order":17,"total":"12.50"}')
    for flags, code in (
        ('--type order.paid --data \'{"order": "18"}\'', "schema_mismatch"),
        ("--type nope --data '{}'", "unknown_event_type"),
        ("--type order.shipped --data '{}'", "unknown_event_type"),  # it is archived by now
    ):
        said = await reader.shell(f"hookline messages send --app acme {flags} --json || true")
        assert json.loads(said)["code"] == code
    shown = json.loads(await reader.shell("hookline event-types show order.paid --json"))
    assert list(shown["schemas"]) == ["1", "2"]


async def _operational(reader: Reader) -> None:
    """Who is told of an endpoint that is gone is told so, signed with the secret of the page."""
    reader.receiver.script([410], path="/hooks")
    await reader.ask("POST", "/app/acme/msg", {"eventType": "order.paid", "payload": {}})
    told = await arrived(reader, "/operations", lambda request: b"endpoint.disabled" in request.body)
    assert genuine(reader.names["secret"], told)
    (example,) = page("howto/operational-webhooks.md").blocks("json")
    exhausted = (await arrived(reader, "/operations", lambda request: b"exhausted" in request.body)).json()
    expected = json.loads(example.text)
    assert set(expected["data"]) == set(exhausted["data"])
    assert set(expected["data"]["lastAttempt"]) == set(exhausted["data"]["lastAttempt"])


async def _order(reader: Reader) -> None:
    """The shorter schedule is that of the page, and the endpoint was in order until the last command."""
    shown = await reader.ask("GET", "/app/acme/endpoint/acme-orders")
    assert (shown["retrySchedule"], shown["fifo"]) == ([5, 30, 300], False)


async def _recover(reader: Reader) -> None:
    """The message that had failed is there, and the jobs are over."""
    assert await reader.until_over(reader.failed) == ["success"]
    tasks = (await reader.ask("GET", "/background-task"))["data"]
    assert {task["status"] for task in tasks} <= {"running", "finished"}
    assert len(tasks) == 4  # those of the command line that matched nothing were not begun


async def _rates(reader: Reader) -> None:
    """What was set is taken away again."""
    shown = await reader.ask("GET", "/app/acme/endpoint/acme-orders")
    assert (shown["throttleRate"], shown["concurrency"]) == (None, 2)
    assert (await reader.ask("GET", "/app/acme"))["throttleRate"] is None


CHECKS: dict[str, Any] = {
    "use-the-svix-sdks.md": _sdks,
    "event-types-and-schemas.md": _event_types,
    "operational-webhooks.md": _operational,
    "order.md": _order,
    "recover-a-customer.md": _recover,
    "rate-limits.md": _rates,
}


async def test_what_the_readme_says_about_sending_works(reader: Reader) -> None:
    section = page("../README.md").text.partition("## Send\n")[2].partition("\n## ")[0]
    commands, code = re.findall(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    await reader.ask("DELETE", "/app/acme")
    commands = commands.replace(".venv/bin/", "").replace("https://acme.example.com", reader.receiver.url)
    await reader.shell(commands)
    await arrived(reader, "/hooks", lambda request: request.body == b'{"order": 17}')
    await reader.run(reader.here(code))
    await arrived(reader, "/hooks", lambda request: request.body == b'{"order":17}')


async def test_while_a_secret_is_rotated_both_verify_and_a_leaked_one_ends_at_once(reader: Reader) -> None:
    how = page("howto/rotate-endpoint-secrets.md")
    show, rotate, at_once, *rest = how.blocks("sh")
    first = (await reader.shell(show.text)).strip()
    second = (await reader.shell(rotate.text)).strip()
    request = await _publish(reader)
    assert [genuine(secret, request) for secret in (first, second)] == [True, True]
    # `--overlap` is for the secret that is replaced: the first signs on until its day is over.
    third = (await reader.shell(at_once.text)).strip()
    request = await _publish(reader)
    assert [genuine(secret, request) for secret in (second, third)] == [False, True]
    for block in (*how.blocks("python"), *rest):
        await reader.do(block)
    assert genuine(reader.names["new_secret"], await _publish(reader))  # it was replaced after that, with an overlap


async def _publish(reader: Reader) -> Received:
    message = await reader.ask("POST", "/app/acme/msg", {"eventType": "order.paid", "payload": {}})
    return await arrived(reader, "/hooks", lambda request: request.header("webhook-id") == message["id"])


async def test_the_javascript_of_the_page_publishes(reader: Reader) -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "svix").is_dir():
        pytest.fail("the JavaScript SDK is missing: install Node.js 20 or newer and run `scripts/node-deps`")
    (script,) = page("howto/use-the-svix-sdks.md").blocks("js")
    (reader.folder / "publish.mjs").write_text(reader.here(script.text))
    (reader.folder / "node_modules").symlink_to(NODE / "node_modules")
    message_id = (await reader.shell("node publish.mjs")).strip()
    await arrived(reader, "/hooks", lambda request: request.header("webhook-id") == message_id)


@contextlib.contextmanager
def answering(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    """The URL of a receiver that answers as the function says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *ignored: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_only_a_receiver_that_answers_the_challenge_becomes_an_endpoint(reader: Reader) -> None:
    ask_for_it, create = page("howto/verify-endpoint-ownership.md").blocks("sh")
    (receiver,) = page("howto/verify-endpoint-ownership.md").blocks("python receiver")
    await reader.do(ask_for_it)
    names: dict[str, Any] = {}
    allowed = {"HOOKLINE_ALLOW_PRIVATE_ENDPOINTS": "127.0.0.1"}
    exec(compile(receiver.text, "page", "exec"), names)
    with answering(names["answer"]) as theirs:
        await reader.shell(create.text.replace("http://127.0.0.1:9000", theirs), **allowed)
        made = (await reader.ask("GET", "/app/acme/endpoint"))["data"][0]
        assert made["url"] == f"{theirs}/theirs"
    with answering(lambda body: (200, b"hello")) as strangers:
        refused = f"{create.text.strip().replace('http://127.0.0.1:9000', strangers)} --json || true"
        said = await reader.shell(refused, **allowed)
        assert json.loads(said)["code"] == "challenge_failed"
        answer = await reader.shell(
            f"curl -sS {reader.address}/api/v1/app/acme/endpoint -H 'Content-Type: application/json' "
            f"-H 'Authorization: Bearer {reader.token}' -d '{{\"url\": \"{strangers}\"}}'"
        )
        assert json.loads(answer)["code"] == "challenge_failed"
    assert len((await reader.ask("GET", "/app/acme/endpoint"))["data"]) == 2
    assert names["answer"](b'{"order": 1}') == (204, b"")


async def test_a_move_keeps_uids_secrets_and_headers_and_may_be_repeated(tmp_path: Path) -> None:
    how = page("howto/move-from-svix.md")
    (move,) = how.blocks("python move.py")
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    async with reading(tmp_path / "old") as old, reading(tmp_path / "new") as new:
        await new.ask("DELETE", "/app/acme")
        await old.ask("POST", "/event-type", {"name": "order.paid", "description": "An order was paid."})
        await old.ask("PATCH", "/app/acme/endpoint/acme-orders", {"eventTypes": ["order.paid"], "channels": ["eu"]})
        await old.ask("PUT", "/app/acme/endpoint/acme-orders/headers", {"headers": {"X-Team": "blue"}})
        await old.ask("POST", "/app/acme/endpoint", {"url": f"{old.receiver.url}/unnamed"})
        sides = {"OLD_TOKEN": old.token, "OLD_SERVER": old.address}
        await new.run(new.here(move.text), **sides)
        for path in ("secret", "headers"):
            asked = f"/app/acme/endpoint/acme-orders/{path}"
            assert await new.ask("GET", asked) == await old.ask("GET", asked)
        moved = await new.ask("GET", "/app/acme/endpoint/acme-orders")
        assert (moved["eventTypes"], moved["channels"], moved["disabled"]) == (["order.paid"], ["eu"], True)
        (one,) = [
            one["uid"] for one in (await new.ask("GET", "/app/acme/endpoint"))["data"] if one["uid"] != moved["uid"]
        ]
        assert one.startswith("old-ep_")
        for block in how.blocks("sh"):
            await new.do(block)
        new.forget()
        await new.run(new.here(move.text), **sides)
        assert (await new.ask("GET", "/app/acme/endpoint/acme-orders"))["disabled"] is False
