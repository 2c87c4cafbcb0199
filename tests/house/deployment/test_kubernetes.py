"""What can be checked of the manifests and the Helm chart without a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from actions.catalogue import CATALOGUE
from config import examine
from streams.cli import COMMANDS
from streams.kafka.settings import KafkaSettings
from streams.telemetry.metrics_server import MetricsServer
from tests.house.deployment.charts import CHART, HEADER, Document, defaults, documents, render
from tests.house.tree import ROOT

helm = pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this platform")
kubernetes_validate = pytest.importorskip("kubernetes_validate")

OLDEST, NEWEST = "1.27", "1.37"
NOT_OF_KUBERNETES = {"PodMonitor"}
EVERYTHING: dict[str, Any] = {
    "image": {"digest": f"sha256:{'0' * 64}"}, "imagePullSecrets": [{"name": "registry"}],
    "config": {"kafka": {"brokers": "kafka-1:9093"}, "executor": {"allow_file": "/etc/tocsin/allow.yaml"}},
    "configOf": {"execute": {"telemetry": {"traces": {"endpoint": None}}}},
    "files": {"allow.yaml": "version: 1\nallow: []\n"},
    "secrets": {"all": ["tocsin-kafka"], "execute": ["tocsin-execute"]},
    "execute": {"nodeSelector": {"pool": "a"}, "tolerations": [{"key": "a", "operator": "Exists"}]},
    "rbac": {"kinds": ["scale", "deployment_rollback"], "namespaces": ["serving", "chat"]},
    "networkPolicy": {
        "kafka": {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}, "extraEgress": [{"ports": [{"port": 4318}]}],
    },
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
TOGETHER: dict[str, Any] = {
    "execute": {"enabled": False}, "respond": {"enabled": False}, "watch": {"replicas": 1},
    "rbac": {"kinds": ["scale"], "namespaces": ["serving"]},
}
ALL_VALUES = pytest.mark.parametrize("values", [{}, EVERYTHING, TOGETHER], ids=["defaults", "everything", "together"])


def workloads(found: list[Document]) -> Iterator[tuple[str, Document]]:
    """The name and the pod template of each StatefulSet and Deployment."""
    for one in found:
        if one["kind"] in ("StatefulSet", "Deployment"):
            yield one["metadata"]["name"], one["spec"]["template"]


def of_kind(found: list[Document], kind: str) -> list[Document]:
    return [one for one in found if one["kind"] == kind]


def test_helm_lint_finds_nothing() -> None:
    for values in ({}, EVERYTHING, TOGETHER):
        report = helm.lint(CHART, values, strict=True)
        assert report["errors"] == []
        assert [one for one in report["messages"] if one["error"] != "icon is recommended"] == []


@ALL_VALUES
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_keeps_to_the_schema_of_kubernetes(values: dict[str, Any], version: str) -> None:
    found = [one for one in documents(render(values)) if one["kind"] not in NOT_OF_KUBERNETES]
    assert len(found) >= 6
    for one in found:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_manifests_are_what_the_chart_renders_to() -> None:
    written = (ROOT / "docker" / "kubernetes" / "tocsin.yaml").read_text(encoding="utf-8")
    assert written == HEADER + render({})


@pytest.mark.parametrize(("values", "named"), [
    ({"wach": {}}, "wach"), ({"watch": {"replica": 2}}, "replica"), ({"files": {"tocsin.yaml": ""}}, "tocsin.yaml"),
    ({"rbac": {"kinds": ["circuit_breaker"]}}, "/rbac/kinds/0"), ({"rbac": {"kinds": ["scale"]}}, "rbac.namespaces"),
    ({"terminationGracePeriodSeconds": 10}, "terminationGracePeriodSeconds"),
])
def test_wrong_values_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.HelmError, match=named):
        render(values)


@ALL_VALUES
def test_no_pod_is_root_and_none_may_write_to_its_image(values: dict[str, Any]) -> None:
    for _, pod in workloads(documents(render(values))):
        outer, (container,) = pod["spec"]["securityContext"], pod["spec"]["containers"]
        assert (outer["runAsNonRoot"], outer["runAsUser"]) == (True, 10001)
        assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {"/tmp", "/var/lib/tocsin"}
    assert "WORKDIR /var/lib/tocsin" in (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")


@ALL_VALUES
def test_secrets_are_references(values: dict[str, Any]) -> None:
    found = documents(render(values))
    assert of_kind(found, "Secret") == []
    for name, pod in workloads(found):
        role = name.removeprefix("tocsin-")
        named = [volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume]
        asked = values.get("secrets", {})
        assert named == [*asked.get("all", []), *asked.get(role, [])]


@ALL_VALUES
def test_probes_ask_the_pages_and_the_port_that_a_process_serves(values: dict[str, Any], tmp_path: Path) -> None:
    server = MetricsServer(health=tuple, ready=tuple)
    served = {route.resource.canonical for route in server._runner.app.router.routes() if route.resource is not None}
    for name, pod in workloads(documents(render(values))):
        (container,) = pod["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {kind: get["path"] for kind, get in asked.items()} == {
            "startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz",
        }
        assert {get["path"] for get in asked.values()} <= served
        assert ports[asked["liveness"]["port"]] == configuration(values, name, tmp_path).telemetry.port


def configuration(values: dict[str, Any], workload: str, folder: Path) -> Any:
    """The configuration of a workload, as its process reads it."""
    (found,) = [one for one in of_kind(documents(render(values)), "ConfigMap") if one["metadata"]["name"] == workload]
    file = folder / f"{workload}.yaml"
    text = found["data"]["tocsin.yaml"].replace("/etc/tocsin/", f"{folder}/")
    file.write_text(text, encoding="utf-8")
    for name, content in values.get("files", {}).items():
        (folder / name).write_text(content, encoding="utf-8")
    config, _ = examine(file, {"TOCSIN_INSTANCE": f"{workload}-0"})
    return config


@ALL_VALUES
def test_every_configuration_is_valid_and_only_workers_have_a_name(values: dict[str, Any], tmp_path: Path) -> None:
    for name, pod in workloads(documents(render(values))):
        config = configuration(values, name, tmp_path)
        is_worker = name == "tocsin-watch"
        assert config.kafka.instance_id == ("tocsin-watch-0" if is_worker else None)
        assert config.respond.listen == "0.0.0.0:9110"
        environment = [one["name"] for one in pod["spec"]["containers"][0].get("env", [])]
        assert environment == (["TOCSIN_INSTANCE"] if is_worker else [])


@ALL_VALUES
def test_every_process_runs_a_command_with_options_that_exist(values: dict[str, Any]) -> None:
    roles = set()
    for _, pod in workloads(documents(render(values))):
        name, *arguments = pod["spec"]["containers"][0]["args"]
        command = getattr(import_module(COMMANDS[name].module), name)
        with command.make_context(name, list(arguments), resilient_parsing=True) as context:
            assert Path("/etc/tocsin/tocsin.yaml") in context.params.values()
        known = {option for parameter in command.params for option in parameter.opts}
        assert [one for one in arguments if one.startswith("-") and one not in known] == []
        roles |= set(arguments[-1].split(",")) if name == "worker" else {name}
    assert roles == {"watch", "execute", "respond"}


@ALL_VALUES
def test_a_process_has_time_for_its_stop(values: dict[str, Any]) -> None:
    for _, pod in workloads(documents(render(values))):
        assert pod["spec"]["terminationGracePeriodSeconds"] > 2 * KafkaSettings("b:1", "g").stop_timeout_s


@ALL_VALUES
def test_what_selects_pods_selects_some_and_names_their_ports(values: dict[str, Any]) -> None:
    found = documents(render(values))
    pods = [pod for _, pod in workloads(found)]
    for one in found:
        spec = one.get("spec", {})
        wanted = {
            "Service": lambda s: s["selector"], "PodDisruptionBudget": lambda s: s["selector"]["matchLabels"],
            "NetworkPolicy": lambda s: s["podSelector"]["matchLabels"],
            "PodMonitor": lambda s: s["selector"]["matchLabels"],
        }.get(one["kind"])
        if wanted is None:
            continue
        chosen = [pod for pod in pods if wanted(spec).items() <= pod["metadata"]["labels"].items()]
        assert chosen, one["metadata"]["name"]
        named = [port["targetPort"] for port in spec.get("ports", [])]
        named += [port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]]
        for pod in chosen:
            known = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
            assert set(named) <= known, one["metadata"]["name"]


def test_budgets_stand_where_there_is_more_than_one_pod() -> None:
    budgets = {one["metadata"]["name"] for one in of_kind(list(defaults()), "PodDisruptionBudget")}
    assert budgets == {"tocsin-watch", "tocsin-execute"}
    assert of_kind(documents(render(TOGETHER)), "PodDisruptionBudget") == []


@pytest.mark.parametrize(
    ("values", "account"), [({}, None), (EVERYTHING, "tocsin-execute"), (TOGETHER, "tocsin-watch")],
)
def test_only_what_acts_on_kubernetes_has_a_token_and_permissions(values: dict[str, Any], account: str | None) -> None:
    found = documents(render(values))
    with_token = [name for name, pod in workloads(found) if pod["spec"]["automountServiceAccountToken"]]
    assert with_token == ([account] if account else [])
    bound = [(one["metadata"]["namespace"], one["subjects"][0]["name"]) for one in of_kind(found, "RoleBinding")]
    assert bound == [(namespace, account) for namespace in values.get("rbac", {}).get("namespaces", [])]
    assert of_kind(found, "ClusterRole") == []


def test_permissions_are_those_that_the_page_on_actions_names() -> None:
    permissions = YAML(typ="safe").load((CHART / "permissions.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    paragraphs = {
        re.findall(r"\*\*`(\w+)`\*\*", part)[0]: part.partition("Permissions:")[2]
        for part in re.split(r"\n\n", page) if part.startswith("**`") and "Permissions:" in part
    }
    for kind, rules in permissions.items():
        assert kind in CATALOGUE
        allowed = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
        told = re.findall(r"((?:`\w+`(?:, | and )?)+) on ((?:`[\w/]+`(?:, | and )?)+)", paragraphs[kind])
        named = {
            (resource, verb) for verbs, resources in told
            for resource in re.findall(r"`([\w/]+)`", resources) for verb in re.findall(r"`(\w+)`", verbs)
        }
        assert allowed == named, kind
    schema = helm.Chart.load(CHART).schema["properties"]["rbac"]["properties"]["kinds"]["items"]["enum"]
    assert set(schema) == set(permissions)
