"""The parts of pages that are written by the code: ``python -m tests.docs.generated`` writes them anew.

A part stands between ``<!-- begin generated: NAME -->`` and ``<!-- end generated -->``; what is around it is
written by people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hookline.core.providers.provider import Provider
from hookline.core.providers.registry import all_providers
from hookline.core.state import TRANSITIONS, DeliveryState
from hookline.guides import Guide, guide_of
from hookline.guides.facts import facts

DOCS = Path(__file__).parents[2] / "docs"

_PART = re.compile(r"(<!-- begin generated: ([\w-]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)


def catalogue() -> str:
    """Every provider of the catalogue, a line each."""
    rows = [
        (
            f"[{row.name}](providers/{row.slug}.md)",
            f"`{row.slug}`",
            _kinds(row),
            "signed" if row.id_is_signed else "not signed" if row.event_id else "the content",
            ", ".join(f"`{handshake.id}`" for handshake in row.handshakes),
        )
        for row in sorted(all_providers(), key=lambda row: row.name.lower())
    ]
    return _table(("sender", "`provider`", "proves itself by", "event id", "handshakes"), rows)


def provider_pages() -> dict[Path, str]:
    """The page of every provider, which is written by the code alone."""
    return {DOCS / "providers" / f"{row.slug}.md": _provider(row) for row in all_providers()}


def life() -> str:
    """The life of a delivery as a mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {DeliveryState.WAITING}", f"    [*] --> {DeliveryState.LEASED}"]
    for state, moves in TRANSITIONS.items():
        for after in dict.fromkeys(moves.values()):
            named = ", ".join(move for move, to in moves.items() if to is after)
            lines.append(f"    {state} --> {after}: {named}")
    return "\n".join(["```mermaid", *lines, "```", ""])


PARTS: dict[str, Callable[[], str]] = {"catalogue": catalogue, "life": life}


def written(page: str) -> str:
    """``page`` with its generated parts as the code would write them now."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page)


def parts_of(page: str) -> list[str]:
    """The names of the generated parts of a page."""
    return [part[2] for part in _PART.finditer(page)]


def _provider(row: Provider) -> str:
    guide = guide_of(row.slug)
    table = _table(("", row.name), [(label, text.replace("\n", "<br>")) for label, text in facts(row) if text])
    parts = [f"# {row.name}\n", *_setup(row, guide), "## What Hookline knows\n", table]
    if row.notes:
        parts += ["## Good to know\n", "".join(f"- {note}\n" for note in row.notes)]
    parts += _events(row, guide)
    if row.docs:
        parts += ["## Sources\n", "".join(f"- {_source(source)}\n" for source in row.docs)]
    return "\n".join(parts)


def _setup(row: Provider, guide: Guide) -> list[str]:
    name = row.slug.replace("_", "-")
    secrets = f'\n    secrets: ["env:{row.slug.upper()}_WEBHOOK_SECRET"]' if row.needs_secret else ""
    source = f"""\
```yaml
version: 1
sources:
  - name: {name}                   # webhooks arrive at /webhooks/{name}
    provider: {row.slug}{secrets}
```
"""
    steps = "".join(f"{number}. {step}\n" for number, step in enumerate(guide.setup, 1))
    tried = [] if row.slug == "none" else [f"Try it before the sender does: `hookline trigger {row.slug}`.\n"]
    return [source, *([f"At {row.name}:\n", steps] if steps else []), *tried]


def _events(row: Provider, guide: Guide) -> list[str]:
    parts = []
    if guide.events:
        more = f" All of them: <{guide.events_url}>." if guide.events_url else ""
        types = ", ".join(f"`{event}`" for event in guide.events)
        parts += ["## What it sends\n", f"Among others: {types}.{more}\n"]
    if guide.test_mode:
        parts += ["## Tests and the real thing\n", f"{guide.test_mode}\n"]
    return parts


def _kinds(row: Provider) -> str:
    return ", ".join(dict.fromkeys(str(scheme.kind).replace("_", " ") for scheme in row.schemes))


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else source


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text()
        if parts_of(page):
            path.write_text(written(page))
    (DOCS / "providers").mkdir(exist_ok=True)
    for path, text in provider_pages().items():
        path.write_text(text)
