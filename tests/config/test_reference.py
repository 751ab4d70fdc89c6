"""The reference page says what the code does: every setting, every key, every default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hookline.config.fields import Spec
from hookline.config.file import read_file
from hookline.config.problems import ConfigErrors
from hookline.config.reference import page
from hookline.config.settings import SETTINGS
from hookline.config.spec import DedupeSpec, EndpointSpec, RetrySpec, SourceSpec
from hookline.core.errors import ConfigError
from hookline.core.providers.registry import build_generic

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_page_is_what_the_definitions_say() -> None:
    assert PAGE.read_text() == page(), "run `python -m hookline.config.reference > docs/reference/configuration.md`"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_documented_with_its_variable_and_default(setting: object) -> None:
    key, variable, default = (getattr(setting, name) for name in ("key", "variable", "default"))
    (row,) = [line for line in PAGE.read_text().splitlines() if f"| `{variable}` |" in line]
    assert f"`{getattr(setting, 'show')(default)}`" in row  # noqa: B009 (the id function wants an object)
    assert key in row.replace("-", "_").lower()


@pytest.mark.parametrize("spec", [SourceSpec, DedupeSpec, EndpointSpec, RetrySpec])
def test_every_key_is_documented(spec: type[Spec]) -> None:
    assert spec.__doc__
    section = PAGE.read_text().partition(f"\n{spec.__doc__.splitlines()[0]}\n\n| key |")[2].partition("###")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(spec.model_fields)


def test_every_key_of_a_signature_is_documented() -> None:
    with pytest.raises(ConfigError) as caught:
        build_generic({"xyzzy": 1})
    section = PAGE.read_text().partition("### sources[].signature")[2].partition("\n### ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(documented) == sorted(caught.value.message.partition("there are ")[2].split(", "))


def test_the_message_in_the_introduction_is_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hookline.yaml").write_text("version: 1\nsources:\n  - name: github\n    provder: github\n")
    with pytest.raises(ConfigErrors) as caught:
        read_file(Path("hookline.yaml"))
    assert str(caught.value).splitlines()[-1] in PAGE.read_text()
