"""``hookline providers``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hookline.cli.flags import Json
from hookline.cli.group import group
from hookline.cli.output import Page, print_json, print_table
from hookline.core.providers import registry
from hookline.core.providers.provider import Provider
from hookline.guides import guide_of
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
