"""What can be checked of the image and the compose file where no container engine is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from config import examine
from streams.cli import COMMANDS
from tests.house.tree import ROOT

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
SCHEMA = Path(__file__).parent / "vendor" / "compose-spec.json"
BIN = Path(sys.executable).parent


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
    assert "/metrics" in health


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


def test_the_compose_file_keeps_to_its_specification() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(COMPOSE)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_ports_are_published_on_the_loopback_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not fnmatchcase(port, "127.0.0.1:*:*")] == []


def test_every_service_runs_a_command_that_exists() -> None:
    commands = [service["command"][0] for service in COMPOSE["services"].values() if "command" in service]
    assert set(commands) <= set(COMMANDS)


def test_every_mounted_file_exists() -> None:
    mounts = [mount.split(":")[0] for service in COMPOSE["services"].values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith(".")]
    assert [file for file in files if not (ROOT / "docker" / file).exists()] == []


def test_the_workers_configuration_is_valid_with_the_environment_it_is_given() -> None:
    _, warnings = examine(ROOT / "docker" / "worker.yaml", COMPOSE["services"]["worker"]["environment"])
    # It tries the actions out on one machine, so it does without keys, and is told so.
    assert [warning.path for warning in warnings] == ["signing.unsigned"]


def test_the_broker_is_of_the_version_that_the_tests_run_against() -> None:
    pom = (ROOT / "tests" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)<", pom)
    assert version is not None
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{version[1]}"
