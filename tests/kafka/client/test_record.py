"""`tocsin record` and `tocsin silence list` on a broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from classifiers.directives import Directive, Expire, Matcher, Silence
from config.models import Config
from streams.cli import main
from streams.client.control_files import read_directives
from streams.contracts.control_records import sign
from streams.contracts.envelopes import Message
from streams.kafka.producer import Publisher
from tests.kafka.brokers import EmbeddedKafka, RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique
from tests.streams.fakes import config_of

SECRET = "a-secret-of-at-least-32-characters"


def site(folder: Path, broker: Broker, inputs: Sequence[str]) -> Config:
    topics = ", ".join(inputs)
    return config_of(folder, f"version: 1\nkafka: {{brokers: '{broker.address}'}}\ninputs: [{topics}]\n"
                             f"topics: {{control: {unique('control')}}}\n"
                             f"control: {{keys: {{k: {{secret: {SECRET}}}}}}}\n")


async def publish(broker: Broker, topic: str, messages: Sequence[Message]) -> None:
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        await publisher.send(0, topic, list(messages))
        await publisher.flush(0)


async def tocsin(folder: Path, *arguments: str) -> Result:
    return await asyncio.to_thread(
        lambda: CliRunner().invoke(main, [*arguments, "--config", str(folder / "site.yaml")]),
    )


def request(ts: float, tenant: str, replica: str = "r0") -> Message:
    value = {"ts": ts, "service": "chat", "model": "m", "replica": replica, "tenant": tenant,
             "metrics": {"latency_ms": 100.0 + ts % 3}}
    return Message(replica.encode(), orjson.dumps(value, option=orjson.OPT_INDENT_2), ())


async def test_a_recording_holds_the_values_in_the_order_of_writing_and_can_be_replayed(
    real: RealKafka, tmp_path: Path,
) -> None:
    topic = unique("input")
    config = site(tmp_path, real, [f"{{topic: {topic}, count_requests: true}}"])
    began_s = time.time() - 60.0
    requests = [request(began_s + at / 5, f"t{at % 2}", f"r{at % 4}") for at in range(100)]
    await publish(real, topic, [*requests[:50], Message(b"k", b"{oops", ())])
    await publish(real, topic, requests[50:])
    silence = Silence("s1", (Matcher("service", "=", "chat"),), began_s, began_s + 3600.0, "ana", "moving")
    await publish(real, config.topics.control, [sign(silence, "k", SECRET.encode(), "/t", time.time())])
    out, control = tmp_path / "hour.jsonl", tmp_path / "control.jsonl"
    recorded = await tocsin(
        tmp_path, "record", "--since", "1h", "--out", str(out), "--control", str(control), "--hash-labels", "tenant",
    )
    assert recorded.exit_code == 0, recorded.output
    assert f"100 records in {out}, 1 control records in {control}; 1 left out" in recorded.stdout
    values = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert {one["ts"] for one in values[:50]} == {began_s + at / 5 for at in range(50)}
    assert len({one["tenant"] for one in values}) == 2
    assert all(one["tenant"].startswith("h.") and one["replica"].startswith("r") for one in values)
    assert [*read_directives(control)] == [silence]
    again = await tocsin(tmp_path, "record", "--since", "1h", "--out", str(out))
    assert (again.exit_code, f"{out}: exists" in again.output) == (2, True)
    replayed = await tocsin(tmp_path, "replay", str(out), "--out", str(tmp_path / "results"), "--control", str(control))
    assert replayed.exit_code == 0, replayed.output
    assert "100 records" in replayed.stdout


async def test_a_period_without_records_is_an_empty_file_and_exit_code_1(
    real: RealKafka, tmp_path: Path,
) -> None:
    topic = unique("input")
    site(tmp_path, real, [f"{{topic: {topic}}}"])
    await publish(real, topic, [request(time.time(), "t0")])
    found = await tocsin(tmp_path, "record", "--since", "2h", "--until", "1h", "--out", str(tmp_path / "h.jsonl"))
    assert (found.exit_code, (tmp_path / "h.jsonl").read_bytes()) == (1, b"")


async def test_inputs_of_several_formats_are_recorded_one_by_one(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    native, scraped = unique("input"), unique("input")
    site(tmp_path, embedded, [f"{{topic: {native}}}", f"{{topic: {scraped}, format: prometheus_json}}"])
    sample = {"name": "up", "labels": {"tenant": "acme"}, "timestamp": "2026-11-23T07:46:40Z", "value": "1"}
    await publish(embedded, native, [request(time.time(), "t0")])
    await publish(embedded, scraped, [Message(None, orjson.dumps(sample), ())])
    out = str(tmp_path / "h.jsonl")
    refused = await tocsin(tmp_path, "record", "--since", "1h", "--out", out)
    assert (refused.exit_code, "several formats" in refused.output) == (2, True)
    unknown = await tocsin(tmp_path, "record", "--since", "1h", "--out", out, "--topic", "other")
    assert (unknown.exit_code, "'other': no input" in unknown.output) == (2, True)
    found = await tocsin(
        tmp_path, "record", "--since", "1h", "--out", out, "--topic", scraped, "--hash-labels", "tenant",
    )
    assert found.exit_code == 0, found.output
    (line,) = (tmp_path / "h.jsonl").read_bytes().splitlines()
    assert orjson.loads(line)["labels"]["tenant"].startswith("h.")


async def test_silences_are_listed_until_they_end_and_unsigned_ones_never(
    embedded: EmbeddedKafka, tmp_path: Path,
) -> None:
    config = site(tmp_path, embedded, [f"{{topic: {unique('input')}}}"])
    now_s = time.time()

    def silence(name: str) -> Silence:
        return Silence(name, (Matcher("service", "=", "chat"),), now_s - 60.0, now_s + 3600.0, "ana", "moving")

    forged = sign(silence("forged"), "k", b"another-secret-of-32-characters-or-more", "/t", now_s)
    directives: list[Directive] = [silence("s1"), silence("s2"), Expire("s2", "ben", now_s - 1.0)]
    signed = [sign(one, "k", SECRET.encode(), "/t", now_s) for one in directives]
    await publish(embedded, config.topics.control, [*signed, forged])
    shown = (await tocsin(tmp_path, "silence", "list")).stdout
    assert "s1  active" in shown
    assert "service=chat  (moving)" in shown
    assert "s2" not in shown
    assert "forged" not in shown
    lines = (await tocsin(tmp_path, "silence", "list", "--all", "--json")).stdout.splitlines()
    assert sorted((one["silence"]["id"], one["state"]) for one in map(orjson.loads, lines)) == [
        ("s1", "active"), ("s2", "ended"),
    ]
