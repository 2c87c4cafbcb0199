"""What `docker/` has for Prometheus and Grafana: rules that promtool accepts, and metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from streams.cli import COMMANDS
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.process_metrics import ProcessMetrics
from streams.telemetry.respond_metrics import RespondMetrics
from tests.house.tree import ROOT

FOLDER = ROOT / "docker" / "prometheus"
RULES = [
    rule for group in YAML(typ="safe").load((FOLDER / "tocsin.rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "tocsin.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"(?<![\w:$])(?:tocsin|process)[:_][\w:]+")
"""Of a metric in an expression."""


def expressions() -> Iterator[str]:
    """Of all rules and panels, without the values of labels."""
    found = [rule["expr"] for rule in RULES]
    found += [target["expr"] for panel in PANELS for target in panel["targets"]]
    return (re.sub(r'"[^"]*"', '""', one) for one in found)


def exposed() -> set[str]:
    """The names of all samples, of every role; a histogram has three."""
    pages = [
        Telemetry(Labels(), version="1").render(), RespondMetrics(["c"]).render(),
        ProcessMetrics(CollectorRegistry(), "1").render(),
    ]
    found = set()
    for family in (one for page in pages for one in text_string_to_metric_families(page.decode())):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {f"{family.name}{suffix}" for suffix in suffixes}
    return found


def run(name: str, package: str, *arguments: str) -> None:
    """Run a program of Prometheus, which accepts what it is given."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed; Debian has it in the package {package}")
    done = subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def promtool(*arguments: str) -> None:
    """Run Prometheus's own checker."""
    run("promtool", "prometheus", *arguments)


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", "--lint-fatal", "tocsin.rules.yaml")
    promtool("check", "config", "prometheus.yaml")


def test_alertmanager_accepts_its_configuration() -> None:
    run("amtool", "prometheus-alertmanager", "check-config", "../alertmanager/alertmanager.yaml")


def load(name: str) -> Any:
    """A file of `docker/`."""
    return YAML(typ="safe").load((ROOT / "docker" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("targets", "composed"), [
    ("targets.yaml", ["compose.yaml"]), ("targets.apart.yaml", ["compose.yaml", "compose.apart.yaml"]),
])
def test_prometheus_scrapes_services_that_exist(targets: str, composed: list[str]) -> None:
    services = set()
    for file in composed:
        text = (ROOT / "docker" / file).read_text(encoding="utf-8").replace("!override ", "")
        services |= set(YAML(typ="safe").load(text)["services"])
    named = {target for group in load(f"prometheus/{targets}") for target in group["targets"]}
    ours = services - {"kafka", "gateway", "prometheus", "alertmanager", "grafana"}
    assert named == {f"{service}:9108" for service in ours}
    (alertmanager,) = load("prometheus/prometheus.yaml")["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"][0]["targets"][0].split(":")[0] in services


def test_grafana_finds_the_dashboard_and_a_data_source_of_its_type() -> None:
    (source,) = load("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", source["type"])
    assert source["url"] == "http://prometheus:9090"
    (provider,) = load("grafana/provisioning/dashboards/tocsin.yaml")["providers"]
    mounts = load("compose.yaml")["services"]["grafana"]["volumes"]
    assert f"./grafana/tocsin.json:{provider['options']['path']}/tocsin.json:ro" in mounts


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "tocsin.rules.test.yaml")


def test_every_metric_in_a_rule_or_a_panel_exists() -> None:
    known = exposed() | {rule["record"] for rule in RULES if "record" in rule}
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert len(named) > 20
    assert named - known == set()


def test_every_recorded_series_is_used() -> None:
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert {rule["record"] for rule in RULES if "record" in rule} - named == set()


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    alerts = [rule for rule in RULES if "alert" in rule]
    assert alerts
    for alert in alerts:
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"].keys() == {"summary", "action"}
        assert set(re.findall(r"\btocsin ([a-z]+)", alert["annotations"]["action"])) <= COMMANDS.keys()


def test_every_panel_has_an_expression_a_description_and_a_place_of_its_own() -> None:
    assert all(panel["description"] and panel["targets"] for panel in PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = [
        (x, y) for panel in DASHBOARD["panels"] for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] +
                                                                panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
