"""YAML text to plain values, with the line each of them stands on.

Stricter than YAML 1.1, where ``off`` is a boolean, ``12:30`` a number and a repeated key silently wins:
scalars are those of the YAML 1.2 core schema, keys are text and occur once, tags and merge keys are refused,
and limits on size, depth and aliases keep a small file from becoming a large value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from hookline.config.problems import Path, Problem

LARGEST_BYTES = 1 << 20
DEEPEST = 40
MOST_VALUES = 100_000

Value = Any  #: None, bool, int, float, str, list or dict of these


@dataclass(slots=True)
class Document:
    """The value of a YAML text, the lines its parts stand on (from 1), and what is wrong with it."""

    value: Value = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of ``path``, or of the nearest thing around it that has one; 0 when nothing has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read(raw: bytes) -> Document:
    """Read YAML 1.2 (so also JSON). Never raises: whatever is wrong is in ``problems``."""
    document = Document()
    try:
        node = _compose(_decode(raw))
        if node is not None:
            document.value = _Reader(document).value(node, ())
    except _Unreadable as error:
        document.problems.append(Problem((), error.message))
        document.lines[()] = error.line
    return document


class _Unreadable(Exception):
    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes; resolves scalars by the YAML 1.2 core schema; stops before Python's stack ends."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (pyyaml's API)
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.depth == DEEPEST:
            raise _Unreadable(f"is nested deeper than {DEEPEST} levels", _line(self.peek_event().start_mark))  # type: ignore[no-untyped-call]
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TAG = "tag:yaml.org,2002:"
for _name, _pattern, _first in (
    ("null", r"|~|null|Null|NULL", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]{1,18}", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z"), _first)

_SCALARS: dict[str, Callable[[str], Value]] = {
    _TAG + "str": str,
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": float,
}


def _decode(raw: bytes) -> str:
    if len(raw) > LARGEST_BYTES:
        raise _Unreadable("is larger than 1MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable("is not UTF-8 text; save it as UTF-8", raw.count(b"\n", 0, error.start) + 1) from None


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _Unreadable(_syntax(error, text), _line(error.problem_mark or error.context_mark)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Unreadable("has control characters that YAML does not allow", line) from None
    except (ValueError, OverflowError):  # an escape such as "\U99999999"
        raise _Unreadable("has an escape in double quotes that is no character") from None


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    """What the parser said, without what it quotes, which could be a secret that lacks its quotes."""
    said = re.sub(r"'[^']*'|\"[^\"]*\"", _quoted, error.problem or "unexpected text")
    if "'\\t'" in (error.problem or "") or _begins_with_tab(error, text):
        return "has a tab where YAML wants spaces; indent with spaces"
    if "undefined alias" in said:
        return "refers to an anchor that does not exist; put a value that begins with `*` in quotes"
    if "but found another document" in said:
        return "has more than one document; remove the line `---` in the middle"
    return f"is not YAML here: {said}"


def _quoted(quote: re.Match[str]) -> str:
    """Single characters and the parser's own ``<block end>`` may be shown."""
    return quote[0] if len(quote[0]) <= 3 or quote[0].startswith("'<") else "this"


def _begins_with_tab(error: yaml.MarkedYAMLError, text: str) -> bool:
    lines = text.splitlines()
    number = _line(error.problem_mark) - 1
    return 0 <= number < len(lines) and "\t" in re.match(r"\s*", lines[number])[0]  # type: ignore[index]


def _line(mark: Any) -> int:
    return mark.line + 1 if mark is not None else 0


class _Reader:
    """Nodes to values. Counts what it makes, because aliases can make a small text huge."""

    def __init__(self, document: Document) -> None:
        self._lines = document.lines
        self._problems = document.problems
        self._made = 0

    def value(self, node: yaml.Node, path: Path) -> Value:
        self._made += 1
        if self._made > MOST_VALUES:
            raise _Unreadable(f"has more than {MOST_VALUES} values, with those its aliases (*name) repeat")
        if len(path) > DEEPEST:
            raise _Unreadable("has an alias (*name) of something it is part of", _line(node.start_mark))
        self._lines.setdefault(path, _line(node.start_mark))
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in made:
                self._wrong((*path, key), "is given twice; remove one", key_node)
                continue
            self._lines[*path, key] = _line(key_node.start_mark)
            made[key] = self.value(value_node, (*path, key))
        return made

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(path, "a key must be text, not a list or a mapping", node)
        elif node.value == "<<" and not node.style:
            self._wrong(path, "merge keys (`<<`) are not supported; write the values out", node)
        elif (text := _text(node.value)) is None:
            self._wrong(path, "a key has an escape in double quotes that is no character", node)
        else:
            return text
        return None

    def _scalar(self, node: yaml.Node, path: Path) -> Value:
        read = _SCALARS.get(node.tag) if isinstance(node, yaml.ScalarNode) else None
        if read is None:
            return self._wrong(path, "tags (`!name`) are not supported", node)
        text = _text(node.value)
        if text is None:
            return self._wrong(path, "has an escape in double quotes that is no character", node)
        try:
            return read(text)
        except ValueError:
            return self._wrong(path, "does not fit its tag; remove the tag", node)

    def _wrong(self, path: Path, message: str, node: yaml.Node) -> Any:
        self._lines[path] = _line(node.start_mark)
        self._problems.append(Problem(path, message))
        return None


def _text(scalar: str) -> str | None:
    """With pairs of surrogates made one character, as JSON escapes mean them; None when one is alone."""
    try:
        return scalar.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return None
