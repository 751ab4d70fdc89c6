"""compose.yaml: it is valid, it asks for what it needs, and it starts and stops in the right order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hookline.cli.server import MOST_FILES
from hookline.config.settings import Settings
from hookline.config.units import parse_duration
from tests.deploy import deployed

CHECK = Path(sys.executable).parent / "check-jsonschema"


def test_it_is_valid() -> None:
    done = subprocess.run(
        [CHECK, "--builtin-schema", "vendor.compose-spec", deployed.COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_starts_without_a_secret_and_a_password() -> None:
    told = dict(deployed.INTERPOLATED.findall(deployed.COMPOSE.read_text()))
    assert set(told) == {"HOOKLINE_SECRET", "POSTGRES_PASSWORD"}
    assert all(message.startswith("set it in .env") for message in told.values())


@pytest.mark.parametrize("node", deployed.nodes())
def test_a_node_starts_when_the_schema_is_up_to_date(node: str) -> None:
    services = deployed.services()
    assert services[node]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["restart"] == "no"
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["database"]["healthcheck"]["test"][:4] == ["CMD", "pg_isready", "--host", "127.0.0.1"]


def test_both_nodes_are_the_same_but_for_their_ports() -> None:
    first, second = deployed.nodes().values()
    ports = [node.pop("ports") for node in (first, second)]
    assert first == second
    assert ports[0] != ports[1]
    assert all(port.startswith("127.0.0.1:") for (port,) in ports)


@pytest.mark.parametrize("node", deployed.nodes())
def test_a_node_may_finish_what_is_in_flight(node: str) -> None:
    service = deployed.nodes()[node]
    assert parse_duration(service["stop_grace_period"]) >= Settings().graceful_stop_s + 5
    assert service["ulimits"]["nofile"] == MOST_FILES


@pytest.mark.parametrize("name", [*deployed.nodes(), "migrate"])
def test_a_container_of_hookline_may_write_nothing(name: str) -> None:
    service = deployed.services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    assert set(service["tmpfs"]) == {"/tmp", deployed.IMAGE.the("VOLUME").text}


def test_only_one_service_builds_the_image_that_all_have() -> None:
    images = {name: each["image"] for name, each in deployed.services().items() if name != "database"}
    assert len(set(images.values())) == 1
    building = [name for name, each in deployed.services().items() if "build" in each]
    assert building == ["migrate"]
    assert deployed.services()["migrate"]["build"]["dockerfile"] == deployed.CONTAINERFILE.name


def test_the_database_keeps_its_data_where_postgresql_18_has_it() -> None:
    database = deployed.services()["database"]
    assert re.fullmatch(r"postgres:18(\.\d+)?", database["image"])
    assert database["volumes"] == ["database:/var/lib/postgresql"]
