"""The whole worker in a process of its own, from the records of three topics to an undone action, on both brokers."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from config import load
from streams.contracts.envelopes import source_of
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.replay.recordings import split_topics
from tests.kafka.brokers import RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import until
from tests.kafka.pipeline import NOTIFY, RECORDED_AT_S, Deployment, Target, requests
from tests.simulation.run import Run
from tests.streams.records import FakeRecord

INPUTS = ("latency", "confidence", "tokens")
EVENTS = ("incidents", "actions", "outcomes", "audit")
BAD = (b"{", b'{"ts":1}', b"\xff\x00", b"")
THROTTLING = [
    {
        "name": "bad-replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "auto",
        "steps": [{"kind": "throttle", "target": "{service}/{replica}"}],
    },
    *NOTIFY,
]
"""The recording goes on as if nothing had been done: behind an open circuit breaker its incident would not end."""
Records = list[tuple[str, bytes, bytes]]


def split(records: Iterable[tuple[str, bytes, bytes]], deployment: Deployment) -> Records:
    """The same records, as three topics would have them."""
    return [
        (f"{deployment.name}.{topic.removeprefix('inference.')}", key, orjson.dumps(part))
        for _, key, value in records for topic, part in split_topics(orjson.loads(value))
    ]


def trace_of(record: Any) -> bytes:
    return bytes(dict(record.headers)["traceparent"].split(b"-")[1])


async def test_a_fault_is_found_acted_on_and_undone_while_bad_records_become_dead_letters(
    broker: Broker, tmp_path: Path,
) -> None:
    async with Target() as target:
        deployment = Deployment(
            broker.address, tmp_path, target.url, INPUTS,
            telemetry={"port": 0, "traces": {"endpoint": f"{target.url}/v1/traces"}}, playbooks=THROTTLING,
        )
        try:
            process = deployment.start()
            whole = requests(["chat"], "", time.time() - RECORDED_AT_S - 120.0, limit=7000)
            good = split(whole, deployment)
            bad = [(deployment.inputs[0], b"chat", value) for value in BAD]
            await deployment.produce([*good[:9000], *bad, *good[9000:]])
            await deployment.committed_by(process)
            undone = False
            while not undone:
                await asyncio.sleep(0.1)
                await deployment.all_finished()
                outcomes = [outcome for _, outcome in await deployment.read("outcomes")]
                undone = any(outcome["undo"] for outcome in outcomes)

            assert {outcome["status"] for outcome in outcomes} == {"executed"}
            assert {"POST", "PUT"} & {path.split()[0] for path in target.paths}
            assert max(target.calls.values()) == 1
            await deployment.committed_by(process)
            incidents = await deployment.incidents_until(lambda one: one["state"] == "resolved")
            last = {incident["id"]: incident for incident in incidents}
            # The recording goes on with another incident, which may have ended by now as well.
            (found,) = (one for one in last.values() if (one["state"], one["replica"]) == ("resolved", "r1"))
            assert found["category"] == "model_degradation"
            remedies = [(one["kind"], one["status"]) for one in found["actions"] if one["kind"] != "notify"]
            assert remedies == [("throttle", "executed")] * 2

            trail = [entry for _, entry in await deployment.read("audit")]
            for outcome in outcomes:
                steps = [one["event"] for one in trail if one["subject"] == outcome["key"]]
                assert sorted(steps) == ["claimed", "decided", "executed"]

            dead = await deployment.records("dead_letters")
            assert sorted(record.value or b"" for record in dead) == sorted(BAD)
            headers = dict(dead[0].headers)
            assert headers["__streams.errors.topic"] == deployment.inputs[0].encode()
            assert {"exception", "message", "partition", "offset"} <= {
                name.removeprefix("__streams.errors.") for name in headers
            }

            events = [record for topic in EVENTS for record in await deployment.records(topic)]
            sources = {dict(record.headers)["ce_source"] for record in events}
            assert sources == {source_of(deployment.name).encode()}

            traces = {topic: {trace_of(record) for record in await deployment.records(topic)}
                      for topic in ("incidents", "actions", "outcomes")}
            assert traces["outcomes"] == traces["actions"] <= traces["incidents"]

            status, body = await deployment.get("/metrics")
            assert status == 200
            assert 'tocsin_dead_letters_total{reason="empty"} 1.0' in body
            accepted = f'tocsin_records_total{{outcome="accepted",topic="{deployment.inputs[0]}"}} {len(whole)}.0'
            assert accepted in body
            assert 'tocsin_actions_total{kind="throttle",status="executed"} 2.0' in body
            assert [(await deployment.get(path))[0] for path in ("/healthz", "/readyz")] == [200, 200]
            assert await deployment.end(process) == 0
        finally:
            deployment.dispose()


async def test_a_rehearsal_touches_nothing_and_a_stop_commits_all_that_was_processed(
    broker: Broker, tmp_path: Path,
) -> None:
    async with Target() as target:
        deployment = Deployment(
            broker.address, tmp_path, target.url, executor={"enabled": True, "dry_run": True},
            snapshot={"every": "1h"},
        )
        try:
            process = deployment.start()
            shift_s = time.time() - RECORDED_AT_S - 120.0
            records = requests(["chat"], deployment.inputs[0], shift_s, limit=7000)
            await deployment.produce(records[:1000])
            await deployment.first_states()
            await deployment.produce(records[1000:])
            accepted = f'tocsin_records_total{{outcome="accepted",topic="{deployment.inputs[0]}"}} 7000.0'
            await deployment.exposes(accepted)
            await deployment.all_finished()
            assert not await deployment.committed()
            assert await deployment.end(process) == 0
            assert await deployment.committed()
            outcomes = [outcome for _, outcome in await deployment.read("outcomes")]
            assert {outcome["status"] for outcome in outcomes} == {"dry_run"}
            assert target.calls == {}
        finally:
            deployment.dispose()


async def test_a_flood_of_bad_records_stops_the_worker_with_the_reason_as_its_last_line(
    broker: Broker, tmp_path: Path,
) -> None:
    deployment = Deployment(broker.address, tmp_path, "http://127.0.0.1:9")
    try:
        process = deployment.start()
        await deployment.produce([(deployment.inputs[0], b"chat", b"no JSON") for _ in range(300)])
        await until(lambda: process.poll() is not None, "the worker stopped itself")
        assert process.returncode == 2
        last = deployment.log.read_text().splitlines()[-1]
        assert "300 of the last 300 records are malformed" in last
        assert last.startswith(deployment.inputs[0])
    finally:
        deployment.dispose()


async def test_when_one_of_two_workers_is_killed_the_other_continues_its_shards(
    real: RealKafka, tmp_path: Path,
) -> None:
    services = ("chat", "search", "agents", "mail")
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY)
    config = orjson.loads(deployment.config.read_bytes())
    config["kafka"]["session_timeout"] = "2s"
    deployment.config.write_bytes(orjson.dumps(config))

    async def shards(instance: str) -> int:
        _, body = await deployment.get("/metrics", instance)
        return sum(line.startswith("tocsin_lag_records{") for line in body.splitlines())

    try:
        records = requests(services, deployment.inputs[0], time.time() - RECORDED_AT_S - 120.0, limit=26_000)
        stays, dies = deployment.start("w0"), deployment.start("w1")
        while (await shards("w0"), await shards("w1")) != (2, 2):
            assert (stays.poll(), dies.poll()) == (None, None)
            await asyncio.sleep(0.1)
        await deployment.produce(records[:18_000])
        await deployment.end(dies, signal.SIGKILL)
        await deployment.produce(records[18_000:])
        await deployment.committed_by(stays)
        await deployment.all_finished()
        while await shards("w0") != 4:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.1)
        expected: dict[str, tuple[str, str]] = {}
        for service in services:
            mine = [value for _, key, value in records if key == service.encode()]
            run = Run(Shard(plan_of(load(deployment.config, {}))))
            source = deployment.inputs[0]
            run.ingest([FakeRecord(value, at, source, 0) for at, value in enumerate(mine)], source)
            expected |= {one.id: (one.state, one.severity) for one in run.incidents.values()}
        assert len(expected) >= 4
        deadline_s = time.monotonic() + 30.0
        found: dict[str, tuple[str, str]] = {}
        while found != expected:  # windows close by ticks, which follow the records
            assert time.monotonic() < deadline_s, (found, expected)
            await asyncio.sleep(0.2)
            found = {key.decode(): (one["state"], one["severity"]) for key, one in await deployment.read("incidents")}
        assert await deployment.end(stays) == 0
    finally:
        deployment.dispose()
