"""``hookline trigger``: what it sends is taken by a real server like the real thing, and refused where it must be."""

from __future__ import annotations

import asyncio
import json
import shlex
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import hookline as library
from hookline.core.providers.registry import all_providers
from hookline.testing.receiver import Receiver
from hookline.testing.secrets import new_pair
from tests.cli.conftest import Run
from tests.cli.running import GITHUB_SECRET, LIMIT_S, Result, Serving, hookline
from tests.docs.pages import page

STRIPE_SECRET = "whsec_not_a_real_secret_of_stripe"
#: What pages and commands call the server and a receiver.
SERVER, RECEIVER = "http://127.0.0.1:8400", "http://127.0.0.1:9000"

FILE = """\
version: 1
allow_private_endpoints: true
sources:
  - name: shop
    provider: stripe
    secrets: ["file:stripe-secret"]
    endpoints:
      - name: billing
        url: {url}/billing
  - name: code
    provider: github
    secrets: ["env:GITHUB_WEBHOOK_SECRET"]
  - name: calls
    provider: twilio
    secrets: ["file:stripe-secret"]
    signature: {{url: "https://hooks.example.com/webhooks/calls"}}
  - name: ci
    provider: gitlab
    secrets: ["file:stripe-secret"]
"""


def write(folder: Path, url: str = "http://127.0.0.1:9", more: str = "") -> None:
    """A hookline.yaml and the secret that it names."""
    (folder / "hookline.yaml").write_text(FILE.format(url=url) + more)
    (folder / "stripe-secret").write_text(STRIPE_SECRET + "\n")


@dataclass(frozen=True, slots=True)
class Trigger:
    """``trigger("stripe", …)`` beside a server; its every word is looked through for secrets."""

    folder: Path
    port: str
    receiver: Receiver

    async def __call__(self, *arguments: str) -> Result:
        result = await hookline(self.folder, "trigger", *arguments, "--port", self.port)
        hides(result)
        return result


@asynccontextmanager
async def serving(folder: Path, more: str = "") -> AsyncIterator[Trigger]:
    """A server with these sources, which delivers to a receiver."""
    async with Receiver() as receiver:
        write(folder, receiver.url, more)
        async with Serving(folder) as server:
            yield Trigger(folder, server.address.rpartition(":")[2], receiver)


def hides(result: Result) -> None:
    """Nothing secret was printed, and no traceback."""
    said = result.out + result.err
    for secret in (GITHUB_SECRET, STRIPE_SECRET, "PRIVATE KEY"):
        assert secret not in said
    assert "Traceback" not in said


async def test_it_is_accepted_and_delivered_like_the_real_thing(tmp_path: Path) -> None:
    async with serving(tmp_path) as trigger:
        result = await trigger("stripe", "--set", "data.object.amount=4200", "--set", "data.object.note=hello")
        assert result.code == 0, result.err
        assert f"POST http://127.0.0.1:{trigger.port}/webhooks/shop  200" in result.out
        await trigger.receiver.wait_for(1)
        first = trigger.receiver.requests[0]
        body = json.loads(first.body)
        assert (body["data"]["object"]["amount"], body["data"]["object"]["note"]) == (4200, "hello")
        assert body["type"] == "payment_intent.succeeded"
        assert (await trigger("stripe", "charge.refunded")).code == 0
        await trigger.receiver.wait_for(2)
        assert json.loads(trigger.receiver.requests[1].body)["type"] == "charge.refunded"
        shown = (await hookline(tmp_path, "events", "list", "--source", "shop", "--json")).json()
    assert sorted(event["type"] for event in shown) == ["charge.refunded", "payment_intent.succeeded"]
    assert {event["verification"] for event in shown} == {"verified"}


async def test_bad_ones_are_refused_for_what_is_bad_about_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as trigger:
        for bad, cause in (
            ("tampered", "bad_signature"),
            ("wrong-secret", "bad_signature"),
            ("stale", "stale_timestamp"),
        ):
            result = await trigger("stripe", "--bad", bad, "--json")
            assert result.code == 0, result.err
            (answer,) = result.json()
            assert set(answer) == {"status", "error", "duration_ms", "body"}
            assert (answer["status"], json.loads(answer["body"])["code"]) == (401, cause)
        result = await trigger("stripe", "--bad", "duplicate", "--json")
        assert result.code == 0
        first, second = [json.loads(answer["body"]) for answer in result.json()]
        assert (first["id"], first["duplicate"], second["duplicate"]) == (second["id"], False, True)
        never = await trigger("github", "--bad", "stale")
        assert never.code == 2
        assert never.err == "Error: GitHub signs no time, so nothing of it can be stale\n"


async def test_a_bad_one_that_is_accepted_and_a_good_one_that_is_not_are_failures(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        write(tmp_path)
        lenient = await hookline(
            tmp_path, "trigger", "stripe", "--bad", "tampered", "--secret", "file:stripe-secret", "--to", receiver.url
        )
        assert (lenient.code, len(receiver.requests)) == (1, 1)
        receiver.script([500])
        broken = await hookline(
            tmp_path, "trigger", "stripe", "--secret", "file:stripe-secret", "--to", f"{receiver.url}/x?key=hidden"
        )
        assert broken.code == 1
        assert f"POST {receiver.url}/x  500" in broken.out
        assert "key=hidden" not in broken.out


async def test_the_address_and_the_scheme_are_those_of_the_source(tmp_path: Path) -> None:
    """One is told another address by its sender; one has a token where its provider mostly signs."""
    async with serving(tmp_path) as trigger:
        for provider, level in (("twilio", "verified"), ("gitlab", "authenticated")):
            result = await trigger(provider)
            assert result.code == 0, result.out + result.err
            name = {"twilio": "calls", "gitlab": "ci"}[provider]
            (event,) = (await hookline(tmp_path, "events", "list", "--source", name, "--json")).json()
            assert event["verification"] == level
            assert (await trigger(provider, "--bad", "tampered")).code == 0
        wrong = await trigger("gitlab", "--scheme", "signing-token")
        assert wrong.code == 2


async def test_the_server_may_know_its_public_address_from_a_setting(tmp_path: Path) -> None:
    more = '  - name: texts\n    provider: twilio\n    secrets: ["file:stripe-secret"]\npublic_url: https://hooks.example.com\n'
    async with serving(tmp_path, more) as trigger:
        result = await trigger("twilio", "--source", "texts")
        assert result.code == 0, result.out + result.err


async def test_of_several_sources_one_is_named(tmp_path: Path) -> None:
    second = '  - name: other\n    provider: stripe\n    secrets: ["env:GITHUB_WEBHOOK_SECRET"]\n'
    async with serving(tmp_path, second) as trigger:
        result = await trigger("stripe", "--source", "other")
        assert result.code == 0
        assert "/webhooks/other  200" in result.out
        for arguments in (("stripe", "--source", "code"), ("stripe", "--source", "nope")):
            missing = await trigger(*arguments)
            assert missing.code == 1
            assert f"there is no source {arguments[2]!r} of the provider stripe" in missing.err


KEYS = {"discord": "  - name: bot\n    provider: discord\n    secrets: [{secret}]\n"}
KEYS["aws_sns"] = KEYS["discord"].replace("bot", "topic").replace("discord", "aws_sns")


@pytest.mark.parametrize("provider", ["discord", "aws_sns"])
async def test_keys_of_ones_own_stand_for_the_private_key_of_a_provider(tmp_path: Path, provider: str) -> None:
    made = await hookline(tmp_path, "trigger", provider, "--new-keys", "trial.key")
    assert made.code == 0
    hides(made)
    kept = tmp_path / "trial.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    private = kept.read_text()
    assert private.strip() not in made.out
    first, _, public = made.out.partition("\n")
    assert first == "The private key is in trial.key. Add this to the secrets of a source for trials:"
    again = await hookline(tmp_path, "trigger", provider, "--new-keys", "trial.key")
    assert again.code == 2
    assert "cannot write trial.key: File exists" in again.err
    assert kept.read_text() == private
    async with serving(tmp_path, KEYS[provider].format(secret=json.dumps(public.strip()))) as trigger:
        without = await trigger(provider)
        assert without.code == 2
        assert f"`hookline trigger {provider} --new-keys FILE` makes a pair" in without.err
        accepted = await trigger(provider, "--secret", "file:trial.key")
        assert accepted.code == 0, accepted.out + accepted.err
        assert private.strip() not in accepted.out + accepted.err
        assert (await trigger(provider, "--secret", "file:trial.key", "--bad", "tampered")).code == 0


async def test_a_program_of_ones_own_can_be_sent_to(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        result = await hookline(
            tmp_path, "trigger", "stripe", "--secret", "env:SHOP", "--to", f"{receiver.url}/mine", SHOP=STRIPE_SECRET
        )
        assert result.code == 0
        hides(result)
        (request,) = receiver.requests
    lines = [(name, value) for name, value in request.headers]
    event = library.verify("stripe", headers=lines, body=request.body, secrets=STRIPE_SECRET)
    assert event.type == "payment_intent.succeeded"
    assert list(tmp_path.iterdir()) == []  # nothing was made here


# -- without a server --------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_told(run: Run, home: Path) -> None:
    write(home)
    assert run("apply").code == 0
    result = run("trigger", "stripe", "--port", "9")
    assert result.code == 1
    assert result.out.startswith("POST http://127.0.0.1:9/webhooks/shop  connect_refused  ")
    assert "refused the connection" in result.out
    hides(result)
    (answer,) = run("trigger", "stripe", "--port", "9", "--json").json()
    assert (answer["status"], answer["error"], answer["body"]) == (0, "connect_refused", "")
    assert run("trigger", "stripe", "--port", "9", "--bad", "tampered").code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["strpe"], 2, "no provider is called 'strpe'; did you mean `stripe`"),
        (["stripe"], 2, "there is no source of the provider stripe here; make one, or say --to and --secret"),
        (["stripe", "--to", SERVER], 2, "there is no source of the provider stripe here"),
        (["stripe", "--source", "x"], 1, "there is no source 'x' of the provider stripe"),
        (["stripe", "--bad", "great"], 2, "'tampered', 'stale', 'wrong-secret', 'duplicate'"),
        (["stripe", "--print", "--set", "amount"], 2, "--set: write PATH=VALUE, as in data.object.amount=4200"),
        (["stripe", "--print", "--set", "=7"], 2, "--set: write PATH=VALUE"),
        (["stripe", "--print", "--set", "id.deeper=7"], 2, "no place for /id/deeper"),
        (["stripe", "--print", "--scheme", "nope"], 2, "--scheme: Stripe has no scheme 'nope'; there are default"),
        (["stripe", "--new-keys", "file"], 2, "Stripe signs with a shared secret; the source's own is used"),
        (["discord", "--new-keys", "file", "--scheme", "nope"], 2, "--scheme: Discord has no scheme 'nope'"),
        (["discord", "--new-keys", "no/such/folder"], 2, "cannot write no/such/folder: No such file"),
        (["stripe", "--secret", "env:NOT_SET", "--to", SERVER], 2, "the environment variable NOT_SET is not set"),
        (["stripe", "--secret", "file:none", "--to", SERVER], 2, "cannot read the secret file"),
        (["stripe", "--secret", "x", "--to", "ftp://example.com"], 2, "must begin with http:// or https://"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said(run: Run, home: Path, arguments: list[str], code: int, said: str) -> None:
    result = run("trigger", *arguments)
    assert said in result.err
    assert result.code == code
    assert not (home / "file").exists()


def test_errors_are_json_when_json_is_asked_for(run: Run) -> None:
    result = run("trigger", "strpe", "--json")
    assert json.loads(result.err)["code"] == "unknown_provider"


def test_a_type_that_has_no_sample_is_written_into_another(run: Run) -> None:
    request = run("trigger", "stripe", "anything.at.all", "--print", "--json").json()
    assert json.loads(request["body"])["type"] == "anything.at.all"


def test_what_would_be_sent_is_printed(run: Run, home: Path) -> None:
    write(home)
    assert run("apply").code == 0
    result = run("trigger", "stripe", "--print")
    hides(result)
    assert result.code == 0
    head, _, body = result.out.partition("\n\n")
    assert head.startswith(f"POST {SERVER}/webhooks/shop\n")
    assert "\nstripe-signature: t=" in head
    request = run("trigger", "stripe", "--print", "--json").json()
    assert set(request) == {"method", "url", "headers", "body"}
    lines = [tuple(line) for line in request["headers"]]
    assert library.verify("stripe", headers=lines, body=request["body"], secrets=STRIPE_SECRET).verified
    assert json.loads(body)["type"] == json.loads(request["body"])["type"]


def test_without_a_source_what_would_be_sent_is_signed_with_a_secret_of_the_moment(run: Run, home: Path) -> None:
    for provider in ("stripe", "discord", "aws_sns", "paypal", "none"):
        assert run("trigger", provider, "--print").code == 0
    assert list(home.iterdir()) == []


PROVIDERS = [one for one in all_providers() if one.needs_secret or one.learns_secret]


@pytest.mark.parametrize("provider", PROVIDERS, ids=[one.slug for one in PROVIDERS])
def test_of_no_provider_the_secret_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch, provider: Any) -> None:
    """Some prove themselves by the secret itself; what is printed has it struck out."""
    secret = new_pair(provider, provider.usual_scheme).signing
    monkeypatch.setenv("TRIAL", secret)
    for more in ((), ("--json",)):
        result = run("trigger", provider.slug, "--secret", "env:TRIAL", "--to", f"{SERVER}/x", "--print", *more)
        assert result.code == 0, result.err
        assert secret.rpartition(":")[2] not in result.out + result.err
        assert secret not in result.out


# -- the page ----------------------------------------------------------------------------------------------


async def test_the_page_can_be_followed(tmp_path: Path) -> None:
    how = page("howto/try-a-provider.md")
    first, second = [block.text for block in how.blocks("yaml")]
    commands = [line for block in how.blocks("console") for line in block.text.splitlines()]
    assert sum(line.startswith("hookline trigger ") for line in commands) > 8
    async with Receiver() as receiver, Serving(tmp_path, ("--allow-private-endpoints", "true")) as server:
        port = server.address.rpartition(":")[2]

        async def do(line: str) -> Result:
            words = shlex.split(line.replace(RECEIVER, receiver.url))[1:]
            if words[0] == "trigger" and "--to" not in words:
                words += ["--port", port]
            result = await hookline(tmp_path, *words, STRIPE_WEBHOOK_SECRET=STRIPE_SECRET)
            hides(result)
            assert result.code == 0, f"{line}\n{result.out}{result.err}"
            return result

        async def configure(text: str, source: str) -> None:
            (tmp_path / "hookline.yaml").write_text(text.replace(RECEIVER, receiver.url))
            await do("hookline apply")
            async with asyncio.timeout(LIMIT_S), httpx.AsyncClient() as client:
                while (await client.post(f"{server.address}/webhooks/{source}")).status_code == 404:
                    pass

        await configure(first, "shop")
        for line in commands:
            if line == "hookline apply":
                await configure(second, "bot")
            elif line.startswith("hookline ") and line != "hookline serve":
                result = await do(line)
                if "--new-keys" in line:
                    written = second.partition("provider: discord")[2].partition('["')[2].partition('"')[0]
                    second = second.replace(written, result.out.splitlines()[1])
        await receiver.wait_for(6)
    assert {request.path.partition("?")[0] for request in receiver.requests} == {"/billing", "/stripe"}
