"""The pages, and what stands in them: blocks, tables, headings, links."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``info`` is what stands behind the backticks."""

    info: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the documentation."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    def blocks(self, *infos: str) -> list[Block]:
        """The fenced blocks of these kinds, in their order, without indentation."""
        found = [Block(each["info"].strip(), textwrap.dedent(each["text"])) for each in _BLOCK.finditer(self.text)]
        return [block for block in found if block.info in infos]

    @property
    def prose(self) -> str:
        """Everything but the blocks."""
        return _BLOCK.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What may stand behind ``#`` in a link to this page, as GitHub makes it of the headings."""
        plain = (re.sub(r"[`*]", "", heading).strip().lower() for heading in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}

    @property
    def links(self) -> list[str]:
        """The targets of all links."""
        return _LINK.findall(self.prose)

    def rows(self, heading: str) -> list[list[str]]:
        """The cells of the tables below a heading, up to the next one, without the lines at their heads."""
        section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", self.prose, re.MULTILINE | re.DOTALL)
        assert section is not None, f"{self} has no heading {heading!r}"
        lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in _ROW.findall(section[1])]
        rules = [number for number, line in enumerate(lines) if set("".join(line)) <= {"-"}]
        return [line for number, line in enumerate(lines) if number not in rules and number + 1 not in rules]

    def words(self, heading: str) -> list[str]:
        """The first cells of the tables below a heading, without backticks."""
        return [row[0].strip("`") for row in self.rows(heading)]


def page(name: str) -> Page:
    """A page below docs/ by its path."""
    return Page(DOCS / name)


@cache
def all_pages() -> tuple[Page, ...]:
    """Every page of the documentation, and those at the top of the repository."""
    return tuple(Page(path) for path in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]))
