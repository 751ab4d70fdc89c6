"""Every code that the doctor can say is documented, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hookline.core.doctor
from tests.docs import codes
from tests.docs.pages import page

_CODE = re.compile(r"[a-z]+(_[a-z]+)+|accepted|handshake")

PAGE = page("howto/why-a-signature-fails.md")


def said() -> set[str]:
    """The literals that look like codes in the doctor's source, wherever a code may stand."""
    found: set[str] = set()
    for file in Path(hookline.core.doctor.__file__).parent.glob("[a-z]*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
                found.add(node.value)
    return found


def documented() -> set[str]:
    section = PAGE.text.partition("## The codes")[2]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`(\w+)`", row)}


#: Causes of the door that the doctor looks for or hands on; docs/errors.md has them.
CAUSES = codes.verification_causes() | set(codes.refusals())


def test_every_code_is_documented() -> None:
    assert said() - CAUSES - documented() == set()


def test_every_documented_code_can_be_said() -> None:
    assert documented() - said() - CAUSES == set()
