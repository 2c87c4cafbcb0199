"""What can be checked of the image and the compose file where no container engine is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from config import examine
from streams.cli import COMMANDS
from streams.kafka.settings import KafkaSettings
from tests.house.tree import ROOT

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
FOLDER = ROOT / "docker"
SCHEMA = Path(__file__).parents[1] / "vendor" / "compose-spec.json"
BIN = Path(sys.executable).parent


def _load(name: str) -> dict[str, Any]:
    """A file of YAML. The tag `!override` of compose files is read past: it says only how two files are merged."""
    text = (FOLDER / name).read_text(encoding="utf-8").replace("!override ", "")
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found


COMPOSE, APART = _load("compose.yaml"), _load("compose.apart.yaml")
SERVICES = {
    **{f"compose.yaml: {name}": service for name, service in COMPOSE["services"].items()},
    **{f"compose.apart.yaml: {name}": service for name, service in APART["services"].items()},
}


def _instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{name} ")]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(BIN)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint has no wheel for this platform")
    done = subprocess.run([hadolint, "docker/Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_without_privileges_and_has_a_health_check() -> None:
    assert _instructions("USER") == ["10001"]
    (health,) = _instructions("HEALTHCHECK")
    assert "/healthz" in health


def test_nothing_in_the_image_goes_through_a_shell() -> None:
    commands = [*_instructions("RUN"), *_instructions("CMD"), *_instructions("ENTRYPOINT")]
    commands += [health.partition("CMD")[2].strip() for health in _instructions("HEALTHCHECK")]
    assert [command for command in commands if not isinstance(json.loads(command), list)] == []


def test_everything_the_image_copies_exists_and_is_not_ignored() -> None:
    ignore = (ROOT / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = [word for line in _instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert set(copied) == let_in


@pytest.mark.parametrize("file", [COMPOSE, APART], ids=["compose.yaml", "compose.apart.yaml"])
def test_a_compose_file_keeps_to_its_specification(file: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(file)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_ports_are_published_on_the_loopback_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not fnmatchcase(port, "127.0.0.1:*:*")] == []


def test_every_service_runs_a_command_that_exists() -> None:
    commands = [service["command"] for service in SERVICES.values() if "command" in service]
    assert {command[0] for command in commands} == {"worker", "execute", "respond", "gateway"}
    for name, *arguments in commands:
        command = getattr(import_module(COMMANDS[name].module), name)
        known = {option for parameter in command.params for option in parameter.opts}
        assert [one for one in arguments if one.startswith("-") and one not in known] == []


def test_every_mounted_file_exists_and_every_named_volume_is_declared() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith(".")]
    assert len(files) > 8
    assert [file for file in files if not (FOLDER / file).exists()] == []
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])


def test_a_process_has_time_for_its_stop() -> None:
    ours = [service for name, service in SERVICES.items() if "--config" in service.get("command", [])]
    graces = {service["stop_grace_period"] for service in ours if "stop_grace_period" in service}
    assert [int(grace.removesuffix("s")) > KafkaSettings("b:1", "g").stop_timeout_s for grace in graces] == [True]
    assert len(ours) == 4


@pytest.mark.parametrize(
    "service", ["compose.yaml: worker", "compose.apart.yaml: execute", "compose.apart.yaml: respond"],
)
def test_the_configuration_is_valid_with_the_environment_that_each_process_is_given(service: str) -> None:
    environment = SERVICES[service]["environment"]
    config, warnings = examine(FOLDER / "worker.yaml", environment)
    assert config is not None
    assert (config.kafka.instance_id, config.telemetry.port) == (environment["TOCSIN_INSTANCE"], 9108)
    # It tries the actions out on one machine, so it does without keys, and is told so.
    assert [warning.path for warning in warnings] == ["signing.unsigned"]


def test_the_broker_is_of_the_version_that_the_tests_run_against() -> None:
    pom = (ROOT / "tests" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)<", pom)
    assert version is not None
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{version[1]}"
