"""What the counts depend on beside our own code: with another of these the same work takes other counts."""

from __future__ import annotations

import platform
import sqlite3
import ssl
import sys
from importlib.metadata import version
from pathlib import Path

from bench.guard.callgrind import valgrind_version

_PACKAGES = ("cryptography", "httptools", "msgspec", "uvicorn", "uvloop")


def basis() -> dict[str, str]:
    """By name: the builds of Python and of all that does the work for it, and the processor as valgrind shows it."""
    return {
        "architecture": _architecture(),
        "libc": " ".join(platform.libc_ver()),
        "openssl": ssl.OPENSSL_VERSION,
        "python": sys.version,
        "sqlite": sqlite3.sqlite_version,
        "valgrind": valgrind_version(),
    } | {name: version(name) for name in _PACKAGES}


def _architecture() -> str:
    """libc and OpenSSL choose their code by what the processor can."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    return " ".join([platform.machine(), *(flag for flag in ("avx2",) if flag in flags)])
