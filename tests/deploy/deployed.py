"""The files that people deploy with, read: the commands that they run, and the settings that they make."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from tests.deploy import containerfile
from tests.docs.pages import ROOT, Page, page

CONTAINERFILE = ROOT / "Containerfile"
COMPOSE = ROOT / "compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
UNIT = ROOT / "deploy" / "systemd" / "hookline.service"
UNIT_SETTINGS = UNIT.with_suffix(".env")

PAGES = [page(f"howto/{name}.md") for name in ("deploy-with-compose", "deploy-on-kubernetes", "run-under-systemd")]
FILES = [CONTAINERFILE, COMPOSE, UNIT, UNIT_SETTINGS, *sorted(KUBERNETES.iterdir()), *(one.path for one in PAGES)]

STAGES = BUILD, IMAGE = containerfile.read(CONTAINERFILE)

#: Where the pages run the command: in a container, in a pod, from a virtual environment.
_IN_PAGES = re.compile(r"(?:node-1|--|/bin/hookline)(?: hookline)? ((?:apply|migrate|token|events)\b[^\n<]*)")

#: ``${NAME:?what to do}`` and ``${NAME}``.
INTERPOLATED = re.compile(r"\$\{(\w+)(?::\?([^}]*))?\}")

Resource = dict[str, Any]


def services() -> dict[str, Resource]:
    """The services of compose.yaml."""
    found: dict[str, Resource] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def nodes() -> dict[str, Resource]:
    """Those of them that are servers of Hookline."""
    return {name: service for name, service in services().items() if name.startswith("node-")}


def resources(path: Path) -> list[Resource]:
    """The resources of a manifest, those of lists too."""
    documents = yaml.safe_load_all(path.read_text())
    return [each for document in documents for each in document.get("items", [document])]


def manifests() -> list[Resource]:
    """Every resource of every manifest."""
    return [each for path in sorted(KUBERNETES.iterdir()) for each in resources(path)]


def pods() -> dict[str, Resource]:
    """The specification of every pod by the name of its Deployment or Job."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in manifests() if "template" in spec(each)
    }


def servers() -> dict[str, Resource]:
    """The specification of every pod that serves."""
    return {name: pod for name, pod in pods().items() if container(pod)["args"] == ["serve"]}


def spec(resource: Resource) -> Resource:
    """What is specified of a resource."""
    found: Resource = resource.get("spec", {})
    return found


def container(pod: Resource) -> Resource:
    """The one container of a pod."""
    (only,) = pod["containers"]
    found: Resource = only
    return found


def unit() -> dict[str, list[str]]:
    """The lines of the systemd unit: every value of every key."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def commands() -> list[list[str]]:
    """Every command line of Hookline that these files run, without the name of the program."""
    found = [IMAGE.command[1:], shlex.split(unit()["ExecStart"][0])[1:]]
    found += [service["command"] for service in services().values() if "command" in service]
    found += [container(pod)["args"] for pod in pods().values()]
    found += [shlex.split(words) for one in PAGES for words in _IN_PAGES.findall(_lines(one))]
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def _lines(one: Page) -> str:
    return "\n".join(block.text.replace("\\\n", "") for block in one.blocks("sh"))


def settings() -> dict[str, dict[str, str]]:
    """What each of them sets, by the file and what in it sets it. What people choose themselves has any value."""
    chosen = "chosen-by-somebody-" + "x" * 32
    found = {"Containerfile": IMAGE.environment}
    for name, service in services().items():
        if service["image"].startswith("hookline:"):
            found[f"compose.yaml {name}"] = {
                name: INTERPOLATED.sub(chosen, value) for name, value in service["environment"].items()
            }
    for line in UNIT_SETTINGS.read_text().splitlines():
        if given := re.fullmatch(r"#?(HOOKLINE_\w+)=(.+)", line):
            found.setdefault(UNIT_SETTINGS.name, {})[given[1]] = given[2]
    for each in manifests():
        if each["kind"] == "Secret":
            found["secret.yaml.example"] = each["stringData"]
    return found
