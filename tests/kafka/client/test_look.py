"""The commands that look at an installation, on a broker with an incident, an action and a dead letter."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from classifiers.model import AuditEntry
from config.models import Config
from streams.cli import main
from streams.client.dead_letter_log import read_dead_letters, requeue
from streams.client.incident_follower import follow
from streams.contracts.envelopes import Message, audit_message, incident_message, intent_message, outcome_message
from streams.intake.dead_letters import PREFIX
from streams.kafka.producer import Publisher
from tests.kafka.brokers import EmbeddedKafka
from tests.kafka.harness import PATIENCE_S, unique
from tests.streams.fakes import T, config_of, incident, intent, outcome

OWN = ("incidents", "actions", "outcomes", "response", "audit", "control", "dead_letters", "state", "ledger",
       "checkpoints", "ticks", "series")


def site(folder: Path, broker: EmbeddedKafka) -> Config:
    names = ", ".join(f"{name}: {unique(name)}" for name in OWN)
    return config_of(folder, f'version: 1\nkafka: {{brokers: "{broker.address}", group: {unique("group")}}}\n'
                             f"inputs: [{{topic: {unique('input')}}}]\ntopics: {{{names}}}\n")


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(folder / "site.yaml")])


async def publish(broker: EmbeddedKafka, topic: str, *messages: Message) -> None:
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        await publisher.send(0, topic, list(messages))
        await publisher.flush(0)


def test_missing_topics_are_found_and_created(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config = site(tmp_path, embedded)
    before = run(tmp_path, "topic", "check")
    assert (before.exit_code, before.stdout.count("does not exist")) == (1, len(OWN) + 1)
    assert "missing" in run(tmp_path, "topic", "list").stdout
    assert f"created {config.topics.ticks}" in run(tmp_path, "topic", "create").stdout
    assert run(tmp_path, "topic", "check").exit_code == 0


async def test_incidents_actions_and_dead_letters_are_shown(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config = site(tmp_path, embedded)
    topics = config.topics

    async def tocsin(*arguments: str) -> Result:
        return await asyncio.to_thread(run, tmp_path, *arguments)

    await tocsin("topic", "create")
    await publish(embedded, topics.incidents, incident_message(incident(), "s", T))
    decided = intent()
    await publish(embedded, topics.actions, intent_message(decided, "s", 0))
    await publish(embedded, topics.outcomes, outcome_message(outcome(decided), "s", 0))
    assert "inc-1" in (await tocsin("incident", "list", "--severity", "P2")).stdout
    for other in (["--severity", "P0"], ["--service", "other"], ["--state", "resolved"], ["--until", "2000-01-01"],
                  ["--since", "2999-01-01"]):
        assert "inc-1" not in (await tocsin("incident", "list", *other)).stdout
    assert incident().title in (await tocsin("incident", "show", "inc-1")).stdout
    assert (await tocsin("incident", "show", "inc-2")).exit_code == 2
    for entry in (
        AuditEntry(T, "inc-1", "confirm", "pending", "open", "chat latency: 2 series"),
        AuditEntry(T + 1.0, "inc-1", "assign", "open", "open", "ben is owner", "ana"),
        AuditEntry(T + 2.0, "inc-2", "assign", "open", "open", "cleo is owner", "ana"),
    ):
        await publish(embedded, topics.audit, audit_message(entry, "s"))
    early = AuditEntry(T - 1.0, "chat latency", "alarm", None, "pending", "level 2.6")
    await publish(embedded, topics.audit, audit_message(early, "s"))
    shown = (await tocsin("incident", "show", "inc-1")).stdout.partition("timeline\n")[2]
    lines = [line.split("Z  ")[1] for line in shown.splitlines()]
    told = ["alarm: level 2.6", "incident opened: chat latency: 2 series", "assigned by ana: ben is owner"]
    assert [line for line in lines if line in told] == told
    assert "cleo" not in shown
    assert decided.target in (await tocsin("action", "list", "--status", "executed")).stdout
    asked = intent("k2", "suggest")
    suggested = replace(outcome(asked, "suggested"), detail=f"suggested: {asked.reason}")
    await publish(embedded, topics.actions, intent_message(asked, "s", 0))
    await publish(embedded, topics.outcomes, outcome_message(suggested, "s", 0))
    shown = (await tocsin("action", "list", "--status", "suggested")).stdout
    assert shown.splitlines()[1] == f"    {asked.incident_id}  suggested: the replica is slow"
    for other in (["--status", "pending"], ["--incident", "inc-2"], ["--service", "other"], ["--until", "2000-01-01"],
                  ["--since", "2999-01-01"]):
        assert "no such action" in (await tocsin("action", "list", *other)).stdout


async def test_a_change_of_an_incident_is_followed(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config = site(tmp_path, embedded)
    await asyncio.to_thread(run, tmp_path, "topic", "create")
    seen = asyncio.Event()
    task = asyncio.create_task(follow(config, lambda _: seen.set()))
    async with asyncio.timeout(PATIENCE_S):
        while not seen.is_set():  # what is published before the follower began is not shown
            await publish(embedded, config.topics.incidents, incident_message(incident(), "s", T))
            with suppress(TimeoutError):
                await asyncio.wait_for(seen.wait(), 0.2)
    task.cancel()


async def test_a_dead_letter_is_examined_and_written_again(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config = site(tmp_path, embedded)
    source = config.inputs[0].topic
    await asyncio.to_thread(run, tmp_path, "topic", "create")
    headers = ((f"{PREFIX}topic", source.encode()), (f"{PREFIX}exception", b"not_json"), ("mine", b"1"))
    await publish(embedded, config.topics.dead_letters, Message(b"chat", b"{oops", headers))
    (letter,) = await read_dead_letters(config)
    found = await asyncio.to_thread(run, tmp_path, "dlq", "list", "--reason", "not_json", "--topic", source)
    assert letter.place in found.stdout
    for other in (["--reason", "other"], ["--topic", "other"], ["--until", "2000-01-01"], ["--since", "2999-01-01"]):
        assert (await asyncio.to_thread(run, tmp_path, "dlq", "list", *other)).stdout == "no dead letter\n"
    assert "{oops" in (await asyncio.to_thread(run, tmp_path, "dlq", "show", letter.place)).stdout
    examined = await asyncio.to_thread(run, tmp_path, "doctor")
    assert (examined.exit_code, "refused in the last hour as not_json" in examined.stdout) == (1, True)
    assert "permissions: this broker does not tell them" in examined.stdout
    assert letter.headers == (("mine", b"1"),)
    assert await requeue(config, [letter]) == 1
    again = await asyncio.to_thread(run, tmp_path, "dlq", "requeue", letter.place, "--yes")
    assert again.stdout == "1 records written\n"


async def test_doctor_says_that_records_would_be_refused_and_that_this_clock_is_behind(
    embedded: EmbeddedKafka, tmp_path: Path,
) -> None:
    config = site(tmp_path, embedded)
    await asyncio.to_thread(run, tmp_path, "topic", "create")
    topic = config.inputs[0].topic

    async def write_from_the_future(producer: AIOKafkaProducer) -> None:
        while True:  # a batch each
            await producer.send_and_wait(topic, b"{oops", b"chat", timestamp_ms=int((time.time() + 600.0) * 1000.0))
            await asyncio.sleep(0.05)

    producer = AIOKafkaProducer(bootstrap_servers=embedded.address)
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait(topic, b"{oops", b"chat")
    writing = asyncio.create_task(write_from_the_future(producer))
    try:
        examined = await asyncio.to_thread(run, tmp_path, "doctor")
    finally:
        writing.cancel()
        await producer.stop()
    assert examined.exit_code == 1
    assert re.search(rf"{topic}: (\d\d+|[3-9]) of the last \1 records become dead letters as not_json", examined.stdout)
    assert re.search(
        rf"this machine's clock is (59\d|600) s or more behind that of the writer of {topic}", examined.stdout,
    )


def test_each_shell_has_a_completion() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_TOCSIN_COMPLETE" in CliRunner().invoke(main, ["completion", shell]).stdout
