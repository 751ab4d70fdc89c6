"""``hookline doctor``: why a request was refused, and what to change."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from time import time
from typing import Annotated

import typer

from hookline.cli.exits import Exit
from hookline.cli.files import read_bytes
from hookline.cli.flags import STORE_FLAGS, Flags, Json, with_flags
from hookline.cli.moments import moment
from hookline.cli.output import Page, print_json
from hookline.cli.place import Place, opened
from hookline.cli.text import visible
from hookline.config.secrets import check_reference, is_reference, resolve
from hookline.core.doctor import Diagnosis, diagnose, diagnose_rejection, read_capture
from hookline.core.doctor.report import is_well, report
from hookline.core.errors import InvalidInput, NotFound
from hookline.core.model import Request
from hookline.core.providers import registry

_WIDTH = 100
_QUOTED = re.compile(r"`[^`]+`")

_CERTAIN, _LIKELY = "certain", "likely"


@with_flags(STORE_FLAGS)
def doctor(
    flags: Flags,
    rejection_id: Annotated[
        str, typer.Argument(help="A rejection's id, as hookline rejections list shows it.", metavar="ID")
    ] = "",
    request: Annotated[
        str,
        typer.Option(
            "--request",
            help="A file with a captured request as it is on the wire; - is standard input.",
            metavar="FILE",
        ),
    ] = "",
    provider: Annotated[str, typer.Option("--provider", help="Who sent it, as in stripe.", metavar="PROVIDER")] = "",
    source: Annotated[
        str, typer.Option("--source", help="Instead: the source it was meant for, with its secrets.", metavar="NAME")
    ] = "",
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", help="With --provider: env:NAME or file:PATH, also several.", metavar="REFERENCE"),
    ] = None,
    url: Annotated[str, typer.Option("--url", help="The whole address that the sender called.", metavar="URL")] = "",
    now: Annotated[
        str | None,
        typer.Option("--now", help="When the captured request arrived: a time, or an age as in 2h.", metavar="TIME"),
    ] = None,
    certificate: Annotated[
        str,
        typer.Option(
            "--certificate", help="The document with the public key, for senders that publish theirs.", metavar="FILE"
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Say why a request was refused, and what to change.

    Of a rejection by its id, or of a captured request (--request with --source or --provider). Every fault that is
    known is undone to see whether the request verifies then. Prints no secret, and nothing of the request but names of
    headers and its address. Ends with 1 unless nothing is wrong.
    """
    _check(rejection_id, request, provider, source, secret or [])
    document = read_bytes("--certificate", certificate) if certificate else None
    now_ms = moment("--now", now, int(time() * 1000)) or int(time() * 1000)
    if rejection_id:
        told = asyncio.run(_of_rejection(flags, rejection_id, document))
    else:
        captured = read_capture(read_bytes("--request", request), url)
        if source:
            told = asyncio.run(_of_source(flags, source, captured, now_ms, document))
        else:
            secrets = [_resolved(reference) for reference in secret or []]
            told = diagnose(registry.get(provider), captured, secrets, now_ms / 1000, certificate=document)
    print_json(report(told)) if as_json else _print(told)
    if not is_well(told):
        raise typer.Exit(Exit.FAILED)


def _check(rejection_id: str, request: str, provider: str, source: str, secrets: list[str]) -> None:
    """Raise InvalidInput when it is not clear what is to be examined."""
    if bool(rejection_id) == bool(request):
        raise InvalidInput("name a rejection by its id, or a captured request with --request FILE")
    if request and bool(provider) == bool(source):
        raise InvalidInput("with --request goes --source NAME, or --provider PROVIDER with --secret")
    if rejection_id and (provider or source):
        raise InvalidInput("a rejection knows its source; --provider and --source go with --request")
    if secrets and not provider:
        raise InvalidInput("--secret goes with --provider; a source has secrets of its own")


def _resolved(reference: str) -> str:
    if not is_reference(reference):
        raise InvalidInput(
            "--secret takes a reference, `env:NAME` or `file:PATH`: a secret on the command line can be read by "
            "everybody on this machine and stays in the shell's history"
        )
    return resolve(check_reference(reference), os.environ, Path.cwd(), "--secret")


async def _of_rejection(flags: Flags, rejection_id: str, certificate: bytes | None) -> list[Diagnosis]:
    async with opened(flags) as place:
        kept = await place.store.rejections.get(place.org_id, rejection_id)
        if kept is None:
            raise NotFound(f"there is no rejection {rejection_id}")
        sources = place.store.routing.sources_of(place.org_id)
        return diagnose_rejection(kept, sources, public_url=place.settings.public_url, certificate=certificate)


async def _of_source(
    flags: Flags, name: str, request: Request, now_ms: int, certificate: bytes | None
) -> list[Diagnosis]:
    async with opened(flags) as place:
        known = place.store.routing.source(place.org_id, name)
        if known is None:
            raise NotFound(f"there is no source {name!r}; there {_names(place)}")
        sources = place.store.routing.sources_of(place.org_id)
        return diagnose(
            registry.for_source(known, place.settings.public_url),
            request,
            known.secrets,
            now_ms / 1000,
            tolerance_s=known.tolerance_s,
            certificate=certificate,
            others=[(one.name, one.secrets) for one in sources if one.id != known.id and one.secrets],
        )


def _names(place: Place) -> str:
    names = [one.name for one in place.store.routing.sources_of(place.org_id)]
    return f"are {', '.join(names)}" if names else "are none yet"


# -- the page --------------------------------------------------------------------------------------------


def _print(told: Sequence[Diagnosis]) -> None:
    page = Page()
    page.lines([_verdict(told)], indent=0, style="green" if is_well(told) else "bold red")
    for number, one in enumerate(told, 1):
        page.gap()
        if is_well(told):
            page.lines(_wrapped(f"{one.problem} {one.remedy}"), indent=0)
            continue
        page.heading(f"{number}. {one.code}", _CERTAIN if one.certain else _LIKELY)
        page.lines(_wrapped(one.problem), indent=3)
        page.lines(_wrapped(f"To do: {one.remedy}"), indent=3)


def _verdict(told: Sequence[Diagnosis]) -> str:
    if is_well(told):
        return "Nothing is wrong with this request."
    if told[0].certain:
        return "This request is refused, and here is why."
    return "This request is refused. Nothing shows for certain why; this is likely, the most telling first."


def _wrapped(text: str) -> list[str]:
    """Lines that are good to read; what stands in backticks stays on one, so that it can be copied."""
    joined = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "\0"), visible(text))
    lines = wrap(joined, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
