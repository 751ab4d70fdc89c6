"""``hookline trigger``: send a request as a provider would, to see that everything behind the door works."""

from __future__ import annotations

import asyncio
import os
import time
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, quote_plus

import msgspec
import typer

from hookline.cli.exits import Exit
from hookline.cli.flags import Flags, Json, with_flags
from hookline.cli.listen import local_url
from hookline.cli.output import print_json, print_line
from hookline.cli.place import exists, opened, read_settings
from hookline.config.secrets import resolve
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Request, Source, door_path
from hookline.core.providers import registry
from hookline.core.providers.matcher import key_of
from hookline.core.providers.options import URL
from hookline.core.providers.provider import Provider
from hookline.core.providers.scheme import Scheme
from hookline.core.target import Target
from hookline.delivery.address import AddressPolicy
from hookline.delivery.outcome import Outcome
from hookline.delivery.sender import HttpSender
from hookline.testing.requests import Bad, sample_request
from hookline.testing.secrets import new_pair

#: A program may have answered later; whoever waits at a terminal has given up by then.
TIMEOUT_S = 30.0

_FLAGS = ("config", "database", "data_dir", "organisation", "host", "port")
_NOT_OURS = frozenset({b"host", b"content-length", b"connection", b"transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the request goes, what it is signed with, and as which provider (with the options of the source)."""

    url: str
    secret: str = field(repr=False)
    provider: Provider

    @property
    def signed_url(self) -> str:
        """The address as the sender knows it: that of the source, where it says one."""
        base, mark, query = self.url.partition("?")
        return (self.provider.chosen.get(URL.name, "").partition("?")[0] or base) + mark + query


@with_flags(_FLAGS)
def trigger(
    flags: Flags,
    provider: Annotated[str, typer.Argument(help="Who sends, as in stripe.", metavar="PROVIDER")],
    event: Annotated[
        str, typer.Argument(help="The event type; the provider's most typical one without it.", metavar="EVENT")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", help="The address; that of the source on this machine without it.", metavar="URL")
    ] = "",
    source: Annotated[
        str, typer.Option("--source", help="The source whose address and secret are used.", metavar="NAME")
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            "--secret", help="What signs, as env:NAME or file:PATH; the source's own without it.", metavar="REFERENCE"
        ),
    ] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value of the body, as in data.object.amount=4200.", metavar="PATH=VALUE"),
    ] = None,
    bad: Annotated[Bad | None, typer.Option("--bad", help="Send one that must be refused, or recognised.")] = None,
    scheme: Annotated[str, typer.Option("--scheme", help="Which of the provider's schemes.", metavar="ID")] = "",
    new_keys: Annotated[
        str,
        typer.Option(
            "--new-keys",
            help="Make a pair of keys for a provider that signs with a private one: it goes into this file.",
            metavar="FILE",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--print", help="Print the request, without the secret, and send nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send a realistic event, signed as the provider signs.

    The secret is that of the source with this provider, so the event is accepted and delivered as a real one is.
    Providers that sign with a private key need one of their own for this: --new-keys makes a pair, whose public half
    goes into the source.
    """
    known = registry.get(provider)
    if new_keys:
        return _make_keys(known, scheme, Path(new_keys))
    values = dict(_change(text) for text in changes or [])
    destination = asyncio.run(_destination(flags, known, to, source, secret, scheme, dry_run=dry_run))
    event_id = f"evt_{os.urandom(12).hex()}"
    request = sample_request(
        destination.provider,
        destination.secret,
        now_s=time.time(),
        event_id=event_id,
        event_type=event,
        changes=values,
        url=destination.signed_url,
        scheme=scheme or _fitting(destination.provider, destination.secret),
        bad=bad,
    )
    query = f"?{request.query.decode()}" if request.query else ""
    request = msgspec.structs.replace(request, url=destination.url.partition("?")[0] + query)
    if dry_run:
        request = _without(request, destination.secret)
        return print_json(_as_json(request)) if as_json else _print(request)
    answers = asyncio.run(_send(request, twice=bad is Bad.DUPLICATE))
    print_json([_told(answer) for answer in answers]) if as_json else _report(request, answers)
    if not _as_expected(answers, bad):
        raise typer.Exit(Exit.FAILED)
    return None


async def _destination(
    flags: Flags, provider: Provider, to: str, source_name: str, secret: str, scheme: str, *, dry_run: bool
) -> Destination:
    signing = resolve(secret, os.environ, Path.cwd(), "--secret") if secret else ""
    if signing and to:
        return Destination(to, signing, provider)
    settings, _ = read_settings(flags)
    found = None
    if exists(settings.database) or not settings.database.startswith("sqlite"):
        async with opened(flags) as place:
            found = _source(place.store.routing.sources_of(place.org_id), provider, source_name)
    if found is None and source_name:
        raise NotFound(f"there is no source {source_name!r} of the provider {provider.slug}")
    if found is not None:
        provider = registry.for_source(found, settings.public_url)
        signing = signing or _signs_with(provider, _scheme(provider, scheme), found)
    if not signing and not dry_run:
        raise InvalidInput(
            f"there is no source of the provider {provider.slug} here; make one, or say --to and --secret "
            "(as in env:NAME)"
        )
    path = door_path(found.org_id, found.name, found.id) if found is not None else f"/webhooks/{provider.slug}"
    url = to or local_url(settings.host, settings.port, tls=settings.tls_cert is not None) + path
    return Destination(url, signing or new_pair(provider, _scheme(provider, scheme)).signing, provider)


def _source(sources: list[Source], provider: Provider, name: str) -> Source | None:
    """The source of this name; without one, the first of the provider."""
    mine = [one for one in sources if one.provider == provider.slug]
    return next((one for one in mine if not name or one.name == name), None)


def _scheme(provider: Provider, wanted: str) -> Scheme:
    """The scheme of this id; without one, the provider's usual one."""
    found = next((one for one in provider.schemes if one.id == wanted), None)
    if found is None and wanted:
        names = ", ".join(one.id for one in provider.schemes)
        raise InvalidInput(f"--scheme: {provider.name} has no scheme {wanted[:60]!r}; there are {names}")
    return found or provider.usual_scheme


def _fitting(provider: Provider, secret: str) -> str | None:
    """The first scheme that this shared secret is for, where it is not for the usual one; None when that will do."""
    usual = provider.usual_scheme
    if usual.is_asymmetric or _can_use(usual, secret):
        return None
    return next((one.id for one in provider.schemes if not one.is_asymmetric and _can_use(one, secret)), None)


def _can_use(scheme: Scheme, secret: str) -> bool:
    try:
        key_of(scheme)(secret)
    except InvalidInput:
        return False
    return True


def _signs_with(provider: Provider, scheme: Scheme, source: Source) -> str:
    """The source's secret, if it can sign: a public key only verifies."""
    if scheme.is_asymmetric:
        raise InvalidInput(
            f"{provider.name} signs with a private key that only it has. `hookline trigger {provider.slug} --new-keys "
            "FILE` makes a pair: put its public half into the source's secrets, and say --secret file:FILE"
        )
    return source.secrets[0] if source.secrets else ""


def _make_keys(provider: Provider, scheme: str, file: Path) -> None:
    chosen = _scheme(provider, scheme)
    if not chosen.is_asymmetric:
        raise InvalidInput(f"{provider.name} signs with a shared secret; the source's own is used")
    pair = new_pair(provider, chosen)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidInput(f"--new-keys: cannot write {file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as out:
        out.write(pair.signing)
    print_line(f"The private key is in {file}. Add this to the secrets of a source for trials:")
    print_line(pair.verifying)


def _change(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise InvalidInput(f"--set: write PATH=VALUE, as in data.object.amount=4200; got {text[:60]!r}")
    try:
        return path, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return path, value


async def _send(request: Request, *, twice: bool) -> list[Outcome]:
    target = Target.parse(request.url).asked_by(request.method)
    headers = tuple((name, value) for name, value in request.headers if name not in _NOT_OURS)
    sender = HttpSender(AddressPolicy(allow_private=True))
    try:
        return [
            await sender.send(target, headers, request.body, connect_timeout_s=TIMEOUT_S, timeout_s=TIMEOUT_S)
            for _ in range(2 if twice else 1)
        ]
    finally:
        await sender.close()


def _as_expected(answers: list[Outcome], bad: Bad | None) -> bool:
    accepted = all(200 <= answer.status < 300 for answer in answers)
    refused = all(400 <= answer.status < 500 for answer in answers)
    return accepted if bad in (None, Bad.DUPLICATE) else refused


def _report(request: Request, answers: list[Outcome]) -> None:
    for answer in answers:
        good = 200 <= answer.status < 300
        words = answer.body.decode("utf-8", "replace").strip()[:500] if answer.status else answer.detail
        print_line(
            f"{request.method} {request.url.partition('?')[0]}  {answer.status or answer.error}  "
            f"{answer.duration_ms:.0f} ms  {words}",
            "green" if good else "red",
        )


def _told(answer: Outcome) -> dict[str, Any]:
    return {
        "status": answer.status,
        "error": answer.error,
        "duration_ms": round(answer.duration_ms, 1),
        "body": answer.body.decode("utf-8", "replace"),
    }


def _without(request: Request, secret: str) -> Request:
    """The request as it may be shown: some senders prove themselves by the secret itself."""
    raw = secret.encode("utf-8", "surrogateescape")
    written = {one for one in (raw, quote(raw).encode(), quote_plus(raw).encode(), b64encode(raw)) if one}

    def hide(text: bytes) -> bytes:
        for one in sorted(written, key=len, reverse=True):
            text = text.replace(one, b"(hidden)")
        return text

    lines = tuple((name, hide(value)) for name, value in request.headers)
    url = hide(request.url.encode()).decode()
    return msgspec.structs.replace(request, headers=lines, body=hide(request.body), url=url)


def _as_json(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
        "body": request.body.decode("utf-8", "replace"),
    }


def _print(request: Request) -> None:
    print_line(f"{request.method} {request.url}")
    for name, value in request.headers:
        print_line(f"{name.decode('latin-1')}: {value.decode('latin-1')}")
    print_line()
    print_line(request.body.decode("utf-8", "replace"))
