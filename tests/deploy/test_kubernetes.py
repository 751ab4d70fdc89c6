"""The manifests for Kubernetes: they are valid, restricted, and fit what the server does."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from hookline.api.system import PING_TIMEOUT_S
from hookline.config.settings import Role, Settings
from hookline.storage.base import Stream
from hookline.storage.postgres.database import READERS
from tests.deploy import deployed
from tests.docs.pages import page

#: The oldest that the page names, and the newest that the validator knows.
OLDEST = "1.30"
NEWEST = kubernetes_validate.latest_version()

COMPONENT = "app.kubernetes.io/component"


def of_kind(kind: str) -> dict[str, deployed.Resource]:
    """Every resource of this kind by its name."""
    return {each["metadata"]["name"]: each for each in deployed.manifests() if each["kind"] == kind}


def is_selected(labels: dict[str, str]) -> bool:
    """Whether these labels are those of the pods of a Deployment."""
    return any(labels == each["spec"]["template"]["metadata"]["labels"] for each in of_kind("Deployment").values())


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "resource", deployed.manifests(), ids=lambda each: f"{each['kind']}-{each['metadata']['name']}"
)
def test_every_resource_is_valid(resource: deployed.Resource, version: str) -> None:
    kubernetes_validate.validate(resource, version, strict=True)
    assert f"Kubernetes {OLDEST} or newer" in page("howto/deploy-on-kubernetes.md").text


def test_everything_is_in_one_namespace_that_is_restricted() -> None:
    (name,) = of_kind("Namespace")
    assert of_kind("Namespace")[name]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    others = [each for each in deployed.manifests() if each["kind"] != "Namespace"]
    assert {each["metadata"]["namespace"] for each in others} == {name}


@pytest.mark.parametrize("name", deployed.pods())
def test_a_pod_may_write_nothing_and_is_nobody(name: str) -> None:
    pod = deployed.pods()[name]
    user = int(deployed.IMAGE.the("USER").text.partition(":")[0])
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert deployed.container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", deployed.pods())
def test_kubernetes_sets_no_setting_of_ours(name: str) -> None:
    """A Service called hookline would become HOOKLINE_PORT=tcp://…"""
    assert deployed.pods()[name]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", deployed.pods())
def test_a_pod_does_not_start_without_what_it_cannot_do_without(name: str) -> None:
    container = deployed.container(deployed.pods()[name])
    needed = {"HOOKLINE_DATABASE_URL"} | ({"HOOKLINE_SECRET"} if container["args"] == ["serve"] else set())
    required = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in container["env"]
        if "secretKeyRef" in each["valueFrom"]
    }
    assert required == {key: {"name": "hookline", "key": key} for key in needed}
    assert needed <= set(of_kind("Secret")["hookline"]["stringData"])


def test_no_value_of_the_example_could_be_taken_for_a_real_one() -> None:
    for value in of_kind("Secret")["hookline"]["stringData"].values():
        assert "not-a-real-" in value
    assert not [path for path in deployed.KUBERNETES.glob("*.y*ml") if "kind: Secret" in path.read_text()]


@pytest.mark.parametrize("name", deployed.servers())
def test_a_node_may_finish_what_is_in_flight(name: str) -> None:
    pod = deployed.servers()[name]
    waiting_s = deployed.container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= waiting_s + Settings().graceful_stop_s + 10


@pytest.mark.parametrize("name", deployed.servers())
def test_the_probes_ask_for_what_they_are_for(name: str) -> None:
    container = deployed.container(deployed.servers()[name])
    paths = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")}
    assert paths == {
        "startup": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
        "liveness": {"path": "/healthz", "port": "http"},
    }
    assert container["readinessProbe"]["timeoutSeconds"] > PING_TIMEOUT_S


def test_each_role_has_a_deployment_whose_pods_take_it_from_their_label() -> None:
    deployments = of_kind("Deployment")
    roles = {name: each["spec"]["template"]["metadata"]["labels"][COMPONENT] for name, each in deployments.items()}
    assert roles == {"hookline": Role.ALL} | {f"hookline-{role}": role for role in Role if role is not Role.ALL}
    for pod in deployed.servers().values():
        taken = {"name": "HOOKLINE_ROLE", "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{COMPONENT}']"}}}
        assert taken in deployed.container(pod)["env"]


def test_all_nodes_are_alike_but_for_their_role() -> None:
    assert len({json.dumps(pod, sort_keys=True) for pod in deployed.servers().values()}) == 1


def test_every_selector_selects_the_pods_of_a_deployment() -> None:
    for each in of_kind("Deployment").values():
        assert is_selected(each["spec"]["selector"]["matchLabels"])
    for each in of_kind("Service").values():
        assert is_selected(each["spec"]["selector"])
        assert each["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_an_eviction_takes_one_node_at_a_time() -> None:
    budgets = of_kind("PodDisruptionBudget")
    assert set(budgets) == set(of_kind("Deployment"))
    for name, each in budgets.items():
        assert each["spec"]["maxUnavailable"] == 1
        assert each["spec"]["selector"] == of_kind("Deployment")[name]["spec"]["selector"]


def test_a_new_version_takes_no_node_away_before_another_is_ready() -> None:
    for each in of_kind("Deployment").values():
        assert each["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert each["spec"]["replicas"] >= 2


def test_the_file_of_settings_lies_where_the_server_looks_for_it() -> None:
    mounted: dict[str, Any] = {}
    for pod in deployed.servers().values():
        mounted |= {each["name"]: each["mountPath"] for each in deployed.container(pod)["volumeMounts"]}
        assert {each["name"] for each in pod["volumes"]} == set(mounted)
    assert mounted == {"config": deployed.IMAGE.the("WORKDIR").text, "tmp": "/tmp"}


def test_the_page_says_how_many_connections_a_node_opens() -> None:
    assert len([*Stream, *range(READERS), "listener"]) == 9
    assert "up to nine to PostgreSQL" in page("howto/deploy-on-kubernetes.md").text


def test_the_page_creates_what_the_manifests_need() -> None:
    text = page("howto/deploy-on-kubernetes.md").text
    for key in of_kind("Secret")["hookline"]["stringData"]:
        assert f"--from-literal={key}=" in text
    for path in deployed.KUBERNETES.glob("*.yaml"):
        assert f"kubectl apply -f deploy/kubernetes/{path.name}\n" in text
    for job in of_kind("Job"):
        assert f"job/{job}\n" in text
