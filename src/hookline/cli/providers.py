"""``hookline providers``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from hookline.cli.exits import Exit
from hookline.cli.flags import Flags, Json, with_flags
from hookline.cli.group import group
from hookline.cli.output import Page, print_json, print_line, print_table
from hookline.cli.place import read_settings
from hookline.core.errors import InvalidInput
from hookline.core.providers import registry
from hookline.core.providers.provider import Provider
from hookline.core.providers.special import KeyRequest
from hookline.delivery.address import AddressPolicy
from hookline.delivery.fetcher import MOST_BYTES, Fetcher
from hookline.delivery.sender import HttpSender
from hookline.guides import guide_of
from hookline.guides.addresses import all_ranges, origin, published, read_kept, read_ranges, write_kept
from hookline.guides.facts import describe_scheme, facts

app = group("The senders that Hookline knows.")


@app.command("list")
def list_providers(
    search: Annotated[str, typer.Argument(help="Only those with this in their name.", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """List the senders that Hookline knows, by name."""
    wanted = search.lower()
    found = [one for one in registry.all_providers() if wanted in one.slug or wanted in one.name.lower()]
    if as_json:
        return print_json([_brief(one) for one in found])
    print_table(
        ("provider", "name", "proves itself by", "event id", "handshakes"),
        [
            (
                one.slug,
                one.name,
                ", ".join(dict.fromkeys(str(scheme.kind).replace("_", " ") for scheme in one.schemes)),
                "signed" if one.id_is_signed else "not signed" if one.event_id else "none",
                ", ".join(handshake.id for handshake in one.handshakes),
            )
            for one in found
        ],
    )
    return None


@app.command()
def show(
    provider: Annotated[str, typer.Argument(help="The provider's slug, as in stripe.", metavar="PROVIDER")],
    as_json: Json = False,
) -> None:
    """Show how a sender proves itself, what it sends and expects, and where to click there."""
    found = registry.get(provider)
    print_json(_whole(found)) if as_json else _page(found)


@app.command()
@with_flags(("config", "data_dir"))
def addresses(
    flags: Flags,
    provider: Annotated[str, typer.Argument(help="Only of this provider.", metavar="PROVIDER")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch them anew from the providers.")] = False,
    as_json: Json = False,
) -> None:
    """Show the addresses that providers publish, for `allow_ips: [published]`.

    What --refresh fetched is kept in the data directory; a server takes it when it starts.
    """
    data_dir = read_settings(flags)[0].data_dir
    wanted = [registry.get(provider).slug] if provider else sorted(published())
    failed = asyncio.run(_refresh(data_dir, wanted)) if refresh else {}
    ranges = all_ranges(data_dir)
    shown = {slug: ranges.get(slug, []) for slug in wanted}
    if as_json:
        print_json({"ranges": shown, "failed": failed})
    else:
        print_table(
            ("provider", "addresses", "from"),
            [(slug, ", ".join(found) or _missing(slug), _origin(slug)) for slug, found in shown.items()],
        )
        for slug, why in failed.items():
            print_line(f"{slug}: {why}; what was known before stays", "yellow")
    if failed:
        raise typer.Exit(Exit.FAILED)


async def _refresh(data_dir: Path, slugs: list[str]) -> dict[str, str]:
    """Fetch what these providers publish; why it could not be had, by provider."""
    sender = HttpSender(AddressPolicy(), response_cap_bytes=MOST_BYTES)
    fetcher, kept, failed = Fetcher(sender), dict(read_kept(data_dir)), {}
    try:
        for slug in track(
            sorted({origin(slug) for slug in slugs}), description="Fetching", disable=not sys.stdout.isatty()
        ):
            known = published().get(slug)
            if known is None or not known.url:
                continue
            document = await fetcher.fetch(KeyRequest(known.url))
            try:
                kept[slug] = read_ranges(document or b"", known.at)
            except InvalidInput as error:
                failed[slug] = error.message if document else f"{known.url} did not answer with a document"
    finally:
        await fetcher.close()
    write_kept(data_dir, kept)
    return failed


def _missing(slug: str) -> str:
    known = published().get(origin(slug))
    return "not fetched yet" if known is not None and known.url else "none are published"


def _origin(slug: str) -> str:
    known = published().get(origin(slug))
    return known.url or (f"read {known.read}" if known.read else "") if known else ""


def _brief(provider: Provider) -> dict[str, Any]:
    return {
        "provider": provider.slug,
        "name": provider.name,
        "aliases": list(provider.aliases),
        "schemes": [
            {"id": scheme.id, "kind": str(scheme.kind), "covers_body": scheme.covers_body}
            for scheme in provider.schemes
        ],
        "event_id_is_signed": provider.id_is_signed,
        "handshakes": [handshake.id for handshake in provider.handshakes],
        "docs": list(provider.docs),
    }


def _whole(provider: Provider) -> dict[str, Any]:
    guide = guide_of(provider.slug)
    return {
        **_brief(provider),
        "proof": [describe_scheme(scheme) for scheme in provider.schemes],
        "facts": {label: text for label, text in facts(provider) if text},
        "methods": list(provider.methods),
        "content_types": list(provider.content_types),
        "timeout_s": provider.timeout_s,
        "tolerance_s": provider.tolerance_s,
        "retries_by_itself": provider.retries_by_itself,
        "options": {option.name: option.means for option in provider.options},
        "setup": guide.setup,
        "events": guide.events,
        "events_url": guide.events_url,
        "samples": [sample.type for sample in guide.samples],
        "notes": list(provider.notes),
    }


def _page(provider: Provider) -> None:
    guide, page = guide_of(provider.slug), Page(label_width=22)
    page.heading(provider.name)
    for label, text in facts(provider):
        first, *rest = text.replace("`", "").split("\n")
        page.fact(label.replace("`", ""), first)
        for line in rest:
            page.fact("", line)
    _block(page, "At the sender", [f"{number}. {step}" for number, step in enumerate(guide.setup, 1)])
    _block(page, "Good to know", [f"- {note.replace('`', '')}" for note in provider.notes])
    _block(page, "Event types", guide.events[:40])
    _block(page, "Sources", provider.docs)
    page.gap()
    page.lines([f"Try it: hookline trigger {provider.slug}"], style="dim")


def _block(page: Page, title: str, lines: list[str] | tuple[str, ...]) -> None:
    if lines:
        page.gap()
        page.heading(title)
        page.lines(lines)
