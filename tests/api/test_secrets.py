"""Secrets stay where they are: every answer and every log line is searched for every secret there is."""

from __future__ import annotations

import logging
from base64 import b64encode
from urllib.parse import quote

import pytest

from hookline.observe.log import set_up

from .conftest import SERVER_SECRET, SOURCE_SECRET, World
from .full import fill
from .routes import operations

SIGNING_SECRET = "whsec_" + "bm90LWEtcmVhbC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
HEADER_SECRET = "not-a-real-header-value-0123456789"
SENT_SECRET = "not-a-real-bearer-0123456789"
BAD_SECRET = "env:not a real variable 0123456789"
PATH_OF_SECRETS = "/api/v1/sources/{source}/endpoints/{endpoint}/secret"


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {secret, quote(secret), b64encode(raw).decode().rstrip("="), raw.hex(), repr(secret)[1:-1]}


async def test_no_secret_is_in_any_answer_or_log(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up("json", "debug")
    for client in ("httpx", "httpcore"):  # they run in this process, but are no part of the server
        logging.getLogger(client).setLevel(logging.WARNING)
    try:
        await _use_everything(world)
    finally:
        root.handlers[:], root.level = before
    logged = capfd.readouterr()
    texts = [*(response.text + str(response.headers) for response in world.answers), logged.out, logged.err]
    assert len(texts) > 40
    secrets = (SERVER_SECRET, SOURCE_SECRET, SIGNING_SECRET, HEADER_SECRET, SENT_SECRET, BAD_SECRET, world.token())
    for secret in secrets:
        for spelling in spellings(secret):
            assert not [text for text in texts if spelling in text], secret
    signatures = [
        value.decode()
        for received in world.receiver.requests
        for name, value in received.headers
        if name.lower() in (b"webhook-signature", b"x-hub-signature-256", b"x-hub-signature")
    ]
    assert signatures and not [text for text in texts if any(each in text for each in signatures)]


async def _use_everything(world: World) -> None:
    full = await fill(world)
    again = {
        "name": "build",
        "url": f"{world.receiver.url}/build",
        "secrets": [SIGNING_SECRET],
        "headers": {"X-Api-Key": HEADER_SECRET, "Authorization": f"Bearer {HEADER_SECRET}"},
    }
    await world.got("PUT", full.path("/api/v1/sources/{source}/endpoints/{endpoint}"), again)
    extra = [
        ("Authorization", f"Bearer {SENT_SECRET}"),
        ("Cookie", f"session={SENT_SECRET}"),
        ("X-Api-Key", SENT_SECRET),
    ]
    full.ids["event"] = await world.event(b'{"n":2}', id="d-2", headers=extra, params={"token": SENT_SECRET})
    await world.webhook(b"{}", secret="a-wrong-not-real-secret-0123456789", headers=extra, params={"key": SENT_SECRET})
    (rejection, *_) = (await world.got("GET", "/api/v1/rejections"))["data"]
    full.ids["rejection"] = rejection["id"]
    for wrong in (BAD_SECRET, [SOURCE_SECRET], {"a": SOURCE_SECRET}, 5):
        for path in ("/api/v1/sources", "/api/v1/sources/github/endpoints"):
            body = {
                "name": "bad name",
                "provider": "github",
                "url": "x",
                "secrets": [wrong, SIGNING_SECRET],
                SENT_SECRET: 1,
            }
            del body[SENT_SECRET]
            await world.refused(422, "POST", path, body)
    await world.http.get("/api/v1/sources", headers={"Authorization": f"Bearer {SENT_SECRET}"})
    for method, path in sorted(operations(), key=lambda operation: operation[0] == "DELETE"):
        if path != PATH_OF_SECRETS:
            await world.ask(method, full.path(path), full.body(method, path))


async def test_the_one_place_that_shows_signing_secrets_does(world: World) -> None:
    """So that the search above would find one."""
    full = await fill(world)
    shown = await world.got("GET", full.path(PATH_OF_SECRETS))
    assert shown["secrets"][0].startswith("whsec_")
