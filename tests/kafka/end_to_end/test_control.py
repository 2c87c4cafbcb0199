"""From the command line over a broker to what a worker does: silences, feedback and forgeries."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from classifiers.directives import Matcher, Silence
from streams.cli import main
from streams.contracts.control_records import sign
from tests.kafka.conftest import Broker
from tests.kafka.pipeline import RECORDED_AT_S, Deployment, requests

SECRET = "correct horse battery"
KEYS = {"keys": {"ops": {"secret": SECRET}, "ci": {"secret": "pipelines deploy only", "may": ["deployment"]}}}


async def control(deployment: Deployment, *arguments: str) -> Result:
    """`tocsin control` in a thread: it has a loop of its own."""
    command = ["control", *arguments, "--config", str(deployment.config)]
    return await asyncio.to_thread(CliRunner().invoke, main, command)


async def forge(deployment: Deployment) -> None:
    """A silence of everything, by somebody who has no key."""
    now_s = time.time()
    silence = Silence("all", (Matcher("service", "=~", ".*"),), now_s - 7200.0, now_s + 7200.0, "mallory", "")
    message = sign(silence, "ops", b"not the secret at all", "/tocsin/forged", now_s)
    producer = AIOKafkaProducer(bootstrap_servers=deployment.address)
    await producer.start()
    try:
        topic = deployment.topics["control"]
        await producer.send_and_wait(topic, message.value, key=message.key, headers=list(message.headers))
    finally:
        await producer.stop()


def counted(answer: str, count: int) -> str:
    return f'tocsin_control_records_total{{answer="{answer}"}} {count}.0'


async def test_a_signed_control_record_is_applied_and_a_forged_one_is_not(broker: Broker, tmp_path: Path) -> None:
    deployment = Deployment(broker.address, tmp_path, "http://127.0.0.1:9", control=KEYS)
    try:
        process = deployment.start()
        silence = ["silence", "-m", 'replica="r1"', "--from", "1h", "--for", "3h", "--id", "cards"]
        result = await control(deployment, *silence)
        assert (result.exit_code, "signed by ops" in result.stdout) == (0, True), result.output
        await forge(deployment)
        await deployment.exposes(counted("accepted", 1))
        await deployment.exposes(counted("bad_signature", 1))

        shift_s = time.time() - RECORDED_AT_S - 120.0
        await deployment.produce(requests(["chat"], deployment.inputs[0], shift_s, limit=7000))
        await deployment.committed_by(process)
        incidents = await deployment.incidents_until(lambda one: one["replica"] == "r1" and one["state"] == "resolved")
        last = {incident["id"]: incident for incident in incidents}
        (found,) = [one for one in last.values() if one["replica"] == "r1"]
        assert (found["state"], found["silenced_by"], found["actions"]) == ("resolved", "cards", [])
        assert [one["silenced_by"] for one in last.values() if one["id"] != found["id"]] == [None] * (len(last) - 1)
        assert [intent for _, intent in await deployment.read("actions") if intent["incident_id"] == found["id"]] == []

        too_late = await control(deployment, "ack", found["id"])
        assert (too_late.exit_code, "expected an open one" in too_late.stderr) == (2, True)
        judged = await control(deployment, "feedback", found["id"], "--confirmed", "--severity", "P1", "--by", "ana")
        assert judged.exit_code == 0, judged.output
        assert (await control(deployment, "expire", "cards")).exit_code == 0
        again = await control(deployment, "expire", "cards")
        assert (again.exit_code, "it is over already" in again.stderr) == (2, True)
        named = await control(deployment, "silence", "-m", "service=chat", "--for", "1h", "--id", "cards")
        assert (named.exit_code, "had this name before" in named.stderr) == (2, True)
        unknown = await control(deployment, "expire", "boards")
        assert (unknown.exit_code, "expected a silence that lasts, and none does" in unknown.stderr) == (2, True)
        deployed = await control(deployment, "deploy", "chat", "v9", "--key", "ci")
        assert (deployed.exit_code, "signed by ci" in deployed.stdout) == (0, True), deployed.output
        await deployment.exposes(counted("accepted", 4))

        values = {value.get("id"): value for _, value in await deployment.read("control")}
        (feedback,) = [value for value in values.values() if value.get("incident_id") == found["id"]]
        assert (feedback["confirmed"], feedback["severity"], feedback["by"]) == (True, "P1", "ana")
        assert feedback["features"]["category model_degradation"] == 1.0
        assert feedback["resolve_s"] == found["resolved_at_s"] - found["onset_at_s"]
        assert await deployment.end(process) == 0
        trail = [(entry["subject"], entry["event"]) for _, entry in await deployment.read("audit")]
        assert {("cards", "accepted"), ("expire/cards", "accepted"), (found["id"], "silence")} <= set(trail)
        assert [event for subject, event in trail if subject.startswith(deployment.topics["control"])] == ["refused"]
    finally:
        deployment.dispose()


async def test_a_worker_that_starts_later_applies_control_records_before_its_first_record(
    broker: Broker, tmp_path: Path,
) -> None:
    deployment = Deployment(broker.address, tmp_path, "http://127.0.0.1:9", control=KEYS)
    try:
        silence = ["silence", "-m", "service=~.*", "--from", "1h", "--for", "3h", "--key", "ops"]
        result = await control(deployment, *silence)
        assert result.exit_code == 0, result.output
        shift_s = time.time() - RECORDED_AT_S - 120.0
        await deployment.produce(requests(["chat"], deployment.inputs[0], shift_s, limit=7000))
        process = deployment.start()
        await deployment.committed_by(process)
        incidents = await deployment.incidents_until()
        assert all(incident["silenced_by"] is not None for incident in incidents)
        assert await deployment.end(process) == 0
    finally:
        deployment.dispose()
