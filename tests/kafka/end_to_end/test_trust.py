"""Forged intents at a running worker, and the audit that it leaves, verified from the topics and from an export."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import Intent
from actions.trust.key_files import read_private
from actions.trust.keys import Signer
from streams.cli import main
from streams.contracts.envelopes import Message, intent_message, source_of
from streams.contracts.signatures import sign_message
from tests.kafka.brokers import RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import until
from tests.kafka.pipeline import Deployment, Target


async def command(*arguments: str) -> Result:
    """`tocsin` in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, main, arguments)


def intent(key: str) -> Intent:
    now_s = time.time()
    return Intent(key, "inc-1", "circuit_breaker", "chat/r0", "auto", "a test", now_s, now_s + 600.0, "chat")


async def write(deployment: Deployment, *messages: Message) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=deployment.address)
    await producer.start()
    try:
        for one in messages:
            await producer.send_and_wait(
                deployment.topics["actions"], one.value, key=one.key, headers=list(one.headers),
            )
    finally:
        await producer.stop()


async def abort(deployment: Deployment) -> None:
    """An entry of the audit that was never committed: it leaves offsets behind which no reader sees."""
    producer = AIOKafkaProducer(bootstrap_servers=deployment.address, transactional_id=deployment.name)
    await producer.start()
    try:
        await producer.begin_transaction()
        for partition in range(4):
            await producer.send_and_wait(deployment.topics["audit"], b"{}", partition=partition)
        await producer.abort_transaction()
    finally:
        await producer.stop()


async def covered(deployment: Deployment) -> None:
    """Wait until a checkpoint covers the last entry."""
    async with asyncio.timeout(60.0):
        while "0 not covered yet" not in (await verified(deployment)).output:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def verified(deployment: Deployment, *arguments: str) -> Result:
    return await command("audit", "verify", *arguments, "--config", str(deployment.config))


async def test_only_what_a_worker_signed_is_executed_and_every_refusal_is_in_a_verified_audit(
    broker: Broker, tmp_path: Path,
) -> None:
    async with Target() as target:
        deployment = Deployment(broker.address, tmp_path, target.url)
        try:
            process = deployment.start()
            await deployment.get("/readyz")
            source, topic = source_of(deployment.name), deployment.topics["actions"]
            own = Signer("w", read_private(tmp_path / f"{deployment.name}.key"))
            stranger = Signer("w", Ed25519PrivateKey.generate())
            plain = intent_message(intent("k-unsigned"), source, 0)
            await write(
                deployment, plain, sign_message(topic, intent_message(intent("k-forged"), source, 0), stranger),
                sign_message(topic, intent_message(intent("k-good"), source, 0), own),
            )
            await deployment.exposes('tocsin_intents_unauthentic_total{reason="unsigned"} 1.0')
            await deployment.exposes('tocsin_intents_unauthentic_total{reason="bad_signature"} 1.0')
            await until(lambda: bool(target.calls), "the good one was executed")
            assert list(target.calls) == ["k-good"]

            if isinstance(broker, RealKafka):
                await abort(deployment)
            await covered(deployment)
            whole = await verified(deployment)
            assert whole.exit_code == 0, whole.output
            trail = [entry for _, entry in await deployment.read("audit") if entry["event"] == "refused"]
            assert len({entry["subject"] for entry in trail}) == 2

            # The next writer goes on where the last checkpoint is.
            assert await deployment.end(process) == 0
            deployment.start("w1")
            await write(deployment, intent_message(intent("k-later"), source, 0))
            await deployment.exposes('tocsin_intents_unauthentic_total{reason="unsigned"} 1.0', "w1")
            await covered(deployment)
            assert (await verified(deployment)).exit_code == 0

            out = tmp_path / "audit.jsonl"
            exported = await command("audit", "export", "--out", str(out), "--config", str(deployment.config))
            assert exported.exit_code == 0, exported.output
            assert (await verified(deployment, str(out))).exit_code == 0
            out.write_bytes(out.read_bytes().replace(b"k-forged", b"k-firged"))
            changed = await verified(deployment, str(out))
            assert (changed.exit_code, ": edited: " in changed.output) == (1, True)
        finally:
            deployment.dispose()
