"""A result for machines: what was measured, on what, when, by which command."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.process import cores
from bench.targets import Target

Report = dict[str, Any]

#: Whose versions a figure depends on.
_PACKAGES = ("hookline", "uvicorn", "uvloop", "httptools", "msgspec")
_DIGITS = 4
#: How many processes wanted a core before we did: latencies of a machine that does something else are its own.
_LOAD_BEFORE = os.getloadavg()[0]
STANDARD_OUTPUT = Path("-")


def report(kind: str, module: str, targets: Iterable[Target], **found: Any) -> Report:
    """A report of ``kind`` by the program ``module``."""
    said = shlex.join(["python", "-m", module, *(_without_json(sys.argv[1:]))])
    return {"kind": kind, "about": about(said), "targets": [asdict(each) for each in targets], **found}


def about(command: str) -> dict[str, Any]:
    """The machine, the versions, the moment."""
    return {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in _PACKAGES},
        "server_core": cores()[0],
        "load_core": cores()[1],
        "load_average": _LOAD_BEFORE,
    }


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``, ``--json FILE``."""
    words = "the result as JSON, on standard output or in a file"
    parser.add_argument("--json", type=Path, nargs="?", const=STANDARD_OUTPUT, metavar="FILE", help=words)


def write(reports: list[Report], path: Path | None) -> None:
    """To where ``--json`` says; nowhere without it."""
    if path is None:
        return
    text = json.dumps({"reports": _rounded(reports)}, indent=1, ensure_ascii=False) + "\n"
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(paths: Iterable[Path]) -> list[Report]:
    """The reports of all files, in the order of their names."""
    return [each for path in sorted(paths) for each in json.loads(path.read_text())["reports"]]


def reached_all(reports: Iterable[Report]) -> bool:
    """Whether every target was reached."""
    return all(target["reached"] for each in reports for target in each["targets"])


def _rounded(value: Any) -> Any:
    """With so many significant digits as mean something."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else round(value)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return value


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if models:
            return models[0]
    return platform.processor() or platform.machine()


def _without_json(words: list[str]) -> list[str]:
    """The command line without where its result goes."""
    kept, skip = [], False
    for place, word in enumerate(words, 1):
        after = words[place] if place < len(words) else "-"
        if skip:
            skip = False
        elif word == "--json":
            skip = not after.startswith("-")
        elif not word.startswith("--json="):
            kept.append(word)
    return kept
