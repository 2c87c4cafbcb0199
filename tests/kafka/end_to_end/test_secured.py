"""SASL/SCRAM over TLS and ACLs on a real broker: the documented ACLs are enough, and allow no more than they say."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from config import load
from streams.cluster.required_topics import prepare_topics
from streams.kafka.settings import Security, security_of
from tests.kafka.harness import ROOT
from tests.kafka.pipeline import RECORDED_AT_S, Deployment, Target, requests
from tests.kafka.secured import PASSWORD, Grant, SecuredKafka, secured_kafka

ROLES = ("watch", "execute", "respond")
ROW = re.compile(r"^\| `(?P<setting>\w+)` \|(?P<cells>.*)\|$")


def documented() -> dict[str, dict[str, tuple[str, ...]]]:
    """The table of `docs/security.md`: operations by setting of the topic and by role, also of a process of all roles.
    """
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in page.splitlines():
        match = ROW.match(line)
        if match is not None:
            cells = [tuple(re.findall(r"[A-Z]\w+", cell)) for cell in match["cells"].split("|")]
            table[match["setting"]] = dict(zip(ROLES, cells, strict=True))
            table[match["setting"]]["all"] = tuple(dict.fromkeys(one for cell in cells for one in cell))
    return table


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    yield from secured_kafka(tmp_path_factory.mktemp("secured"), (*ROLES, "all", "nobody"))


async def deployed(secured: SecuredKafka, folder: Path, target: str, user: str) -> Deployment:
    """A deployment whose topics the administrator made, and whose worker logs in as this user."""
    made = Deployment(secured.open_address, folder, target)
    await prepare_topics(load(made.config, {}), Security())
    settings = json.loads(made.config.read_text())
    settings["kafka"] |= {"brokers": [secured.address], "security": secured.section(user)}
    made.config.write_text(json.dumps(settings))
    return made


def grants(deployment: Deployment, role: str) -> list[Grant]:
    """The documented ACLs of a role for the topics of a deployment, its groups and its transactions."""
    found = [Grant("topic", topic, ("READ", "DESCRIBE")) for topic in deployment.inputs]
    for setting, by_role in documented().items():
        found.append(Grant("topic", deployment.topics[setting], (*by_role[role], "DESCRIBE")))
    for group in (deployment.name, f"{deployment.name}-respond"):
        found.append(Grant("group", group, ("READ", "DESCRIBE")))
        found.append(Grant("transactional_id", f"{group}/", ("WRITE", "DESCRIBE"), prefixed=True))
    return found


async def test_a_worker_with_the_documented_acls_finds_a_fault_and_acts_on_it(
    secured: SecuredKafka, tmp_path: Path,
) -> None:
    async with Target() as target:
        deployment = await deployed(secured, tmp_path, target.url, "all")
        secured.allow("all", grants(deployment, "all"))
        try:
            process = deployment.start()
            shift_s = time.time() - RECORDED_AT_S - 120.0
            await deployment.produce(requests(["chat"], deployment.inputs[0], shift_s, limit=7000))
            await deployment.committed_by(process)
            await deployment.all_finished()
            assert target.calls
            assert PASSWORD not in deployment.log.read_text()
        finally:
            deployment.dispose()


async def test_each_role_writes_the_topics_of_the_table_and_no_other(secured: SecuredKafka, tmp_path: Path) -> None:
    deployment = await deployed(secured, tmp_path, "http://127.0.0.1:9", "worker")
    table = documented()
    assert table.keys() == deployment.topics.keys()
    for role in ROLES:
        secured.allow(role, grants(deployment, role))
        allowed = [setting for setting, by_role in table.items() if "Write" in by_role[role]]
        async with asyncio.timeout(30.0):  # the broker learns of ACLs a moment after they are made
            while not await _may_write(secured, deployment, role, allowed[-1]):
                pass
        written = [setting for setting in table if await _may_write(secured, deployment, role, setting)]
        assert written == allowed, role


async def test_without_write_on_the_actions_a_worker_publishes_nothing_and_says_why(
    secured: SecuredKafka, tmp_path: Path,
) -> None:
    async with Target() as target:
        deployment = await deployed(secured, tmp_path, target.url, "nobody")
        actions = deployment.topics["actions"]
        allowed = [
            grant if grant.name != actions else Grant("topic", actions, ("READ", "DESCRIBE"))
            for grant in grants(deployment, "all")
        ]
        secured.allow("nobody", allowed)
        try:
            deployment.start()
            await deployment.get("/readyz")
            shift_s = time.time() - RECORDED_AT_S - 120.0
            await deployment.produce(requests(["chat"], deployment.inputs[0], shift_s, limit=7000))
            async with asyncio.timeout(60.0):
                while "TopicAuthorizationFailed" not in deployment.log.read_text():  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert (await deployment.read("actions"), target.calls) == ([], {})
        finally:
            deployment.dispose()


async def _may_write(secured: SecuredKafka, deployment: Deployment, role: str, setting: str) -> bool:
    security = security_of(load(deployment.config, {}))
    producer = AIOKafkaProducer(
        bootstrap_servers=secured.address, request_timeout_ms=5_000, **replace(security, username=role).options(),
    )
    await producer.start()
    try:
        await producer.send_and_wait(deployment.topics[setting], b"{}", key=b"k", partition=0)
    except KafkaError:  # also a time-out, for a topic that the user may not even see
        return False
    finally:
        await producer.stop()
    return True
