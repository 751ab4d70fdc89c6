"""The stable codes that the source really uses, collected from the source."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hookline
from hookline.core.errors import HooklineError
from hookline.storage.sql import QUERIES

SOURCE = Path(hookline.__file__).parent

_CODE = re.compile(r"[a-z]+(_[a-z]+)*")

#: What in the delivery room takes the code of an attempt's error as an argument.
_TELLS_ERROR = {"failure", "ConnectFailed", "BadResponse", "close", "_abort", "_fail", "_within"}


@cache
def trees(room: str) -> tuple[ast.Module, ...]:
    """The syntax trees of a room, or of one file of it."""
    place = SOURCE / room
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return tuple(ast.parse(file.read_text()) for file in files)


def nodes(room: str) -> Iterator[ast.AST]:
    """Every node of a room."""
    for tree in trees(room):
        yield from ast.walk(tree)


def calls(room: str, *names: str) -> Iterator[ast.Call]:
    """Every call of a function or class of these names."""
    for node in nodes(room):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in names:
            yield node


def literal(node: ast.AST | None) -> str:
    """The text of a literal, an empty one for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def number(node: ast.AST) -> int:
    """The value of a literal number, 0 for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0


def error_classes() -> Iterator[type[HooklineError]]:
    """HooklineError and everything below it, in all rooms."""
    for module in pkgutil.walk_packages(hookline.__path__, "hookline."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = [HooklineError]
    for each in found:
        found += [below for below in each.__subclasses__() if below.__module__.startswith("hookline.")]
    yield from found


def refusals() -> dict[str, int]:
    """The status by cause of what the door refuses without asking for a signature."""
    found = {literal(call.args[0]): number(call.args[2]) for call in calls("ingest", "Refusal")}
    del found[""]  # causes that come from elsewhere, as from a VerificationError
    return found


def verification_causes() -> set[str]:
    """What a request can be refused for by its proof."""
    return {literal(call.args[0]) for call in calls("core", "VerificationError") if call.args}


def acceptance_causes() -> set[str]:
    """Why a refused request is still refused, beyond the causes of the first time."""
    return {literal(call.args[0]) for call in calls("ingest", "VerificationError")} - {""}


def api_codes() -> dict[str, set[int]]:
    """The codes of the API and the command line with their statuses; 0 stands for none."""
    found: dict[str, set[int]] = {}
    for each in error_classes():
        status = 0 if each.__module__.startswith("hookline.cli") else each.status
        if "code" in vars(each):
            found.setdefault(each.code, set()).add(status)
    statuses = {each.__name__: each.status for each in error_classes()}
    for call in calls("", *statuses):
        for keyword in call.keywords:
            if keyword.arg == "code" and literal(keyword.value):
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                found.setdefault(literal(keyword.value), set()).add(statuses[name])
    for call in calls("", "InvalidBody", "refusal"):
        if len(call.args) > 1 and literal(call.args[1]):
            found.setdefault(literal(call.args[1]), set()).add(number(call.args[0]))
    for node in nodes("api/app.py"):  # what the framework refuses: (code, words) by status
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and all(map(literal, node.elts)):
            found.setdefault(literal(node.elts[0]), set())
    for call in calls("cli", "complain"):
        if literal(call.args[0]):
            found.setdefault(literal(call.args[0]), set()).add(0)
    return found


def attempt_errors() -> set[str]:
    """The codes of attempts that got no answer."""
    told: list[ast.AST | None] = []
    slots = {id(node.value) for node in nodes("delivery") if isinstance(node, ast.Assign) and _is_slots(node)}
    for node in nodes("delivery"):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and id(node) not in slots:
            told.append(node.elts[0])
        elif isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args][-len(node.args.defaults) :]
            told += [value for name, value in zip(names, node.args.defaults, strict=False) if name == "code"]
    for call in calls("delivery", *_TELLS_ERROR):
        told += call.args
    for call in calls("delivery", "Outcome"):
        told += [keyword.value for keyword in call.keywords if keyword.arg == "error"]
    return {literal(each) for each in told if _CODE.fullmatch(literal(each))}


def _is_slots(node: ast.Assign) -> bool:
    return getattr(node.targets[0], "id", "") == "__slots__"


def reasons() -> set[str]:
    """Why deliveries are where they are, but for the errors and statuses of attempts."""
    told: list[ast.AST | None] = []
    for node in (*nodes("delivery"), *nodes("storage")):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("reason", "EXHAUSTED", "GONE"):
            told += [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
        elif isinstance(node, ast.Dict):
            told += [value for key, value in zip(node.keys, node.values, strict=True) if literal(key) == "reason"]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "end_owed_to":
            told += node.args
    in_sql = re.findall(r"\breason = '(\w+)'", "\n".join(QUERIES.values()))
    return {literal(each) for each in told if literal(each)} | set(in_sql)


def services() -> set[str]:
    """The background services that can tell of an error."""
    return {literal(call.args[0]) for call in calls("", "ServiceFailed")} - {""}
