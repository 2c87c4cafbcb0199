"""`tocsin doctor` on a broker with TLS, SASL/SCRAM and ACLs: what does not let us in is told as such."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config import load
from streams.cli import main
from streams.client.examination.permissions import NEEDED
from streams.cluster.required_topics import prepare_topics
from streams.kafka.settings import Security
from tests.kafka.harness import PATIENCE_S, ROOT
from tests.kafka.pipeline import Deployment
from tests.kafka.secured import Grant, SecuredKafka, secured_kafka, write_certificate


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    yield from secured_kafka(tmp_path_factory.mktemp("secured"), ("watch",))


@pytest.fixture
async def deployment(secured: SecuredKafka, tmp_path: Path) -> Deployment:
    """Topics that the administrator made."""
    made = Deployment(secured.open_address, tmp_path, "http://127.0.0.1:9")
    await prepare_topics(load(made.config, {}), Security())
    return made


async def examined(
    deployment: Deployment, address: str, security: Mapping[str, object] | None, *options: str,
) -> dict[str, list[dict[str, str]]]:
    """The findings by step."""
    settings: dict[str, Any] = json.loads(deployment.config.read_text())
    settings["kafka"]["brokers"] = [address]
    settings["kafka"].pop("security", None)
    if security is not None:
        settings["kafka"]["security"] = security
    deployment.config.write_text(json.dumps(settings))
    arguments = ["doctor", "--json", *options, "--config", str(deployment.config)]
    found = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    steps = [json.loads(line) for line in found.stdout.splitlines()]
    assert found.exit_code == (1 if any(one["findings"] for one in steps) else 0), found.output
    return {one["step"]: one["findings"] for one in steps}


@pytest.mark.parametrize(("wrong", "failed_at"), [
    ("password", "authentication (SCRAM-SHA-512 as watch)"), ("user", "authentication (SCRAM-SHA-512 as eve)"),
    ("authority", "TLS"), ("nothing", "protocol"),
])
async def test_wrong_tls_and_wrong_credentials_are_told_as_such(
    secured: SecuredKafka, deployment: Deployment, tmp_path: Path, wrong: str, failed_at: str,
) -> None:
    section: dict[str, Any] = json.loads(json.dumps(secured.section("watch")))
    if wrong == "password":
        section["sasl"]["password"] = "another password"
    elif wrong == "user":
        section["sasl"]["username"] = "eve"
    elif wrong == "authority":
        other = tmp_path / "other.pem"
        write_certificate(tmp_path / "broker.pem", other)
        section["cafile"] = str(other)
    found = await examined(deployment, secured.address, None if wrong == "nothing" else section)
    (finding,) = found["brokers"]
    assert finding["found"].startswith(f"failed at {failed_at}: ")
    assert finding["remedy"]
    assert "topics" not in found


async def test_a_permission_that_a_role_needs_and_has_not_is_named(
    secured: SecuredKafka, deployment: Deployment,
) -> None:
    grants = [Grant("topic", topic, ("READ", "DESCRIBE")) for topic in deployment.inputs]
    for setting, by_role in NEEDED.items():
        operations = [one.upper() for one in by_role.get("watch", ())]
        if setting == "ticks":
            operations.remove("WRITE")
        if setting != "ledger":
            grants.append(Grant("topic", deployment.topics[setting], (*operations, "DESCRIBE")))
    group = json.loads(deployment.config.read_text())["kafka"]["group"]
    grants.append(Grant("group", group, ("READ",)))
    secured.allow("watch", grants)
    found = await examined(deployment, secured.address, secured.section("watch"), "--role", "watch")
    async with asyncio.timeout(PATIENCE_S):
        while len(found["permissions"]) > 3:  # a broker applies ACLs some time after it accepted them
            found = await examined(deployment, secured.address, secured.section("watch"), "--role", "watch")
    assert {one["where"]: one["found"] for one in found["permissions"]} == {
        deployment.topics["ticks"]: "this principal has no Write",
        deployment.topics["ledger"]: "this principal has no Describe",
        f"transactional ids {group}/*": "this principal has no Write",
    }
    secured.allow("watch", [Grant("transactional_id", f"{group}/", ("WRITE",), prefixed=True)])
    async with asyncio.timeout(PATIENCE_S):
        while f"transactional ids {group}/*" in {one["where"] for one in found["permissions"]}:
            found = await examined(deployment, secured.address, secured.section("watch"), "--role", "watch")
    found = await examined(deployment, secured.address, secured.section("watch"), "--role", "execute")
    refused = {one["where"]: one["found"] for one in found["permissions"] if one["where"].startswith("group ")}
    assert refused == {f"group {group}-execute": "this principal has no Read"}


async def test_the_administrator_may_do_all_that_every_role_needs(
    secured: SecuredKafka, deployment: Deployment,
) -> None:
    found = await examined(deployment, secured.open_address, None)
    assert (found["brokers"], found["topics"], found["permissions"]) == ([], [], [])


def test_what_roles_need_is_what_the_documentation_says() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    documented = {}
    for line in (line for line in page.splitlines() if line.startswith("| `")):
        setting, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if setting.strip("`") in NEEDED:
            operations = [tuple(one.strip() for one in cell.split(",") if one.strip()) for cell in cells]
            by_role = zip(("watch", "execute", "respond"), operations, strict=True)
            documented[setting.strip("`")] = {role: needed for role, needed in by_role if needed}
    assert documented == {setting: dict(by_role) for setting, by_role in NEEDED.items()}
