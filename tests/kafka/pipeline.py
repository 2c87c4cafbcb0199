"""A whole worker under test: topics of its own, a configuration file, a target for its breaker, a recording."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from streams.intake.formats import InputFormat
from streams.replay.recordings import read_recording
from streams.state.snapshots import TopicSnapshots
from tests.kafka.harness import ROOT, unique, until
from tests.streams.contracts.valid import violations

RECORDING = ROOT / "tests" / "recordings" / "serving-h100-2"
RECORDED_AT_S = 1795420889.0
"""The time of its first request."""
NOTIFY = [{
    "name": "notify", "version": 1, "match": {}, "mode": "auto", "steps": [{"kind": "notify", "target": "{service}"}],
}]
"""A playbook that only notifies."""
PLAYBOOKS = [
    {
        "name": "bad-replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "auto",
        "steps": [
            {"kind": "circuit_breaker", "target": "{service}/{replica}"}, {"kind": "notify", "target": "{service}"},
        ],
        "on_open": [],
    },
    {"name": "rest", "version": 1, "match": {}, "mode": "auto", "steps": [{"kind": "notify", "target": "{service}"}]},
]
PATIENT = {"access": {"request_timeout": "60s"}, "bounds": {"timeout": "90s"}}
"""An action that waits for a target on a busy machine: a lost answer would be asked for again, with the same key."""


def signing_with_new_key(private_file: Path) -> dict[str, Any]:
    """The section `signing` with a key made for a test."""
    public = public_text(write_private(private_file).public_key())
    roles = ["watch", "execute", "respond"]
    return {"private_file": str(private_file), "keys": [{"id": "w", "for": roles, "public": public}]}


class Target:
    """The target of the breaker: counts the calls per idempotency key."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.paths: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Target:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if "Idempotency-Key" in request.headers:  # spans come here too
            self.calls[request.headers["Idempotency-Key"]] += 1
            self.paths.append(f"{request.method} {request.path}")
        return web.json_response({})


SETTLED_S = 3.0
"""Within so long a shard has seen an outcome and decided what follows from it, such as to tell the end."""


class Deployment:
    """One worker group on topics of its own. `inputs` are topic names; of requests, the first one counts them."""

    def __init__(
        self, address: str, folder: Path, target_url: str, inputs: Sequence[str] = ("latency",),
        form: InputFormat = "native", **over: Any,
    ) -> None:
        self.address = address
        self.name = unique("tocsin")
        self.inputs = [f"{self.name}.{topic}" for topic in inputs]
        self.topics = {
            topic: f"{self.name}.{topic}"
            for topic in (
                "incidents", "actions", "outcomes", "audit", "dead_letters", "state", "ticks", "ledger", "control",
                "response", "checkpoints", "series",
            )
        }
        config: dict[str, Any] = {
            "version": 1,
            "kafka": {"brokers": [address], "group": self.name, "instance_id": f"{self.name}-w0"},
            "inputs": [
                {"topic": topic, "format": form, "count_requests": form == "native" and at == 0}
                for at, topic in enumerate(self.inputs)
            ],
            "topics": self.topics,
            "codec": {"max_future": "1h"},
            # The tests pause the producer. That must not count as silence of the service.
            "windows": {"idle_after": "1h"},
            "limits": {"max_age": "1h", "cooldown": "0s", "actions_per_hour": 1000, "storm_actions": 1000,
                       "service_actions_per_hour": 1000, "storm_services": 1000},
            "playbooks": PLAYBOOKS,
            "actions": {
                "circuit_breaker": {"url": target_url + "/breakers/{target}", **PATIENT},
                "throttle": {"url": target_url + "/throttles/{target}", **PATIENT}, "notify": {"url": None},
            },
            "telemetry": {"port": 0},
            "signing": signing_with_new_key(folder / f"{self.name}.key"),
            "snapshot": {"every": "300ms"},
        }
        self.config = folder / f"{self.name}.yaml"
        self.config.write_text(json.dumps({**config, **over}))
        self.log = folder / f"{self.name}.log"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, instance: str = "w0", command: str = "worker", *options: str) -> subprocess.Popen[bytes]:
        """Start a worker process, of this name in the group; or that of another command."""
        config, log = self.config, self.log_of(instance)
        if instance != "w0":
            config = self.config.with_suffix(f".{instance}.yaml")
            config.write_text(self.config.read_text().replace(f"{self.name}-w0", f"{self.name}-{instance}"))
        program = [sys.executable, "-c", "from streams.cli import main; main()"]
        with log.open("ab") as output:
            arguments = [*program, command, "--config", str(config), *options]
            process = subprocess.Popen(arguments, cwd=ROOT, stdout=output, stderr=output)
        self._processes.append(process)
        return process

    def log_of(self, instance: str) -> Path:
        """The log of a worker."""
        return self.log if instance == "w0" else self.log.with_suffix(f".{instance}.log")

    async def get(self, path: str, instance: str = "w0") -> tuple[int, str]:
        """Ask a worker's metrics server; status and body."""
        def started() -> list[dict[str, Any]]:
            lines = [line for line in self.log_of(instance).read_text().splitlines() if line.startswith("{")]
            return [event for event in map(json.loads, lines) if event["event"] == "started"]

        await until(lambda: bool(started()), f"{instance} started")
        url = f"http://127.0.0.1:{started()[-1]['metrics_port']}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def exposes(self, line: str, instance: str = "w0", patience_s: float = 40.0) -> None:
        """Wait until a worker's metrics have this line."""
        async with asyncio.timeout(patience_s):
            while line not in (await self.get("/metrics", instance))[1]:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.1)

    async def end(self, process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> int:
        """Signal a worker and return its exit code."""
        process.send_signal(how)
        await until(lambda: process.poll() is not None, f"the worker ended after {how.name}")
        return process.returncode

    def dispose(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait(10)

    async def produce(self, records: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Append (topic, key, value) in order."""
        producer = AIOKafkaProducer(bootstrap_servers=self.address, acks="all", linger_ms=5)
        await producer.start()
        for topic, key, value in records:
            await producer.send(topic, value, key=key)
        await producer.stop()

    async def committed_by(self, process: subprocess.Popen[bytes], patience_s: float = 60.0) -> None:
        """Wait until every input is committed to its end by a worker that lives."""
        async with asyncio.timeout(patience_s):
            while not await self.committed():
                assert process.poll() is None, f"the worker ended: {self.log.read_text()[-2000:]}"
                await asyncio.sleep(0.2)

    async def all_closed(self, patience_s: float = 60.0) -> None:
        """Wait until windows are closed up to the newest record of each partition of the input, which is in order.

        Windows close by ticks, which follow the records, and later still after a take-over.
        """
        newest = {one.partition: orjson.loads(one.value)["ts"] for one in await self._all(self.inputs[0])}
        deadline_s = time.monotonic() + patience_s
        while True:
            ticks = [(one.partition, orjson.loads(one.value)) for one in await self._all(self.topics["ticks"])]
            closed = {partition: tick["close_until_s"] for partition, tick in ticks if "close_until_s" in tick}
            if all(closed.get(partition, 0.0) >= newest_s - 2.0 for partition, newest_s in newest.items()):
                return
            assert time.monotonic() < deadline_s, f"closed up to {closed}, expected {newest}"
            await asyncio.sleep(0.2)

    async def all_finished(self, patience_s: float = 30.0) -> None:
        """Wait until there are intents and every one has an outcome, and until no outcome leads to another intent."""
        deadline_s = time.monotonic() + patience_s
        finished_s: float | None = None
        while finished_s is None or time.monotonic() < finished_s + SETTLED_S:
            missing = await self._unfinished()
            now_s = time.monotonic()
            finished_s = None if missing else finished_s or now_s
            assert not missing or now_s < deadline_s, f"no outcome of {missing}: {self.log.read_text()[-2000:]}"
            await asyncio.sleep(0.2)

    async def _unfinished(self) -> dict[str, dict[str, Any]]:
        decided = {intent["key"]: intent for _, intent in await self.read("actions")}
        if not decided:  # records are counted before what they led to is written
            return {"any intent": {}}
        done = {outcome["key"] for _, outcome in await self.read("outcomes")}
        return {key: intent for key, intent in decided.items() if key not in done}

    async def committed(self) -> bool:
        """Whether every input is committed to its end."""
        offsets = (await self._committed_and_ends()).values()
        return all(committed == end for committed, end in offsets) and sum(end for _, end in offsets) > 0

    async def first_states(self, patience_s: float = 60.0) -> None:
        """Wait until a state is stored of every shard that has input. A worker stores the first one at once.

        It counts once it has offsets. They may be of ticks alone, if it is older than the first records.
        """
        expected = {tp.partition for tp, (_, end) in (await self._committed_and_ends()).items() if end}
        async with TopicSnapshots(self.address, self.topics["state"]) as store, asyncio.timeout(patience_s):
            for shard in expected:
                while (state := await store.load(shard)) is None or not state.offsets:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

    async def _committed_and_ends(self) -> dict[TopicPartition, tuple[int, int]]:
        """Of each partition of the inputs the committed offset, 0 for none, and the end."""
        reader = AIOKafkaConsumer(bootstrap_servers=self.address, group_id=self.name, enable_auto_commit=False)
        await reader.start()
        try:
            tps = [
                TopicPartition(topic, number)
                for topic in self.inputs for number in await _partitions(reader, topic)
            ]
            ends = await reader.end_offsets(tps)
            return {tp: (await reader.committed(tp) or 0, ends[tp]) for tp in tps}
        finally:
            await reader.stop()

    async def incidents_until(
        self, expected: Callable[[dict[str, Any]], bool] = bool, patience_s: float = 30.0,
    ) -> list[dict[str, Any]]:
        """Everything in the topic of incidents, once one as expected is among it.

        Offsets may be committed earlier: windows close by ticks, which follow the records.
        """
        deadline_s = time.monotonic() + patience_s
        while not any(map(expected, incidents := [incident for _, incident in await self.read("incidents")])):
            assert time.monotonic() < deadline_s, f"not the expected incident: {self.log.read_text()[-2000:]}"
            await asyncio.sleep(0.2)
        return incidents

    async def read(self, topic: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Everything in one of our topics: key and JSON value."""
        return [(record.key, orjson.loads(record.value)) for record in await self.records(topic)]

    async def records(self, topic: str) -> list[Any]:
        """Everything in one of our topics, as records; each keeps to its contract."""
        found = await self._all(self.topics[topic])
        assert [fault for record in found for fault in violations(record.headers, record.value)] == []
        return found

    async def _all(self, topic: str) -> list[Any]:
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.address, enable_auto_commit=False, auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await reader.start()
        try:
            tps = [TopicPartition(topic, number) for number in await _partitions(reader, topic)]
            reader.assign(tps)
            found: list[Any] = []
            for tp, end in (await reader.end_offsets(tps)).items():
                while await reader.position(tp) < end:
                    found += (await reader.getmany(tp, timeout_ms=200)).get(tp, [])
            return found
        finally:
            await reader.stop()


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> set[int]:
    await reader._client.force_metadata_update()
    return reader.partitions_for_topic(topic) or set()


def requests(services: Sequence[str], topic: str, shift_s: float, limit: int) -> list[tuple[str, bytes, bytes]]:
    """The recording as every one of these services would have written it, in order of time."""
    found: list[tuple[str, bytes, bytes]] = []
    for record in read_recording(RECORDING):
        for service in services:
            value = orjson.dumps({**record, "ts": record["ts"] + shift_s, "service": service})
            found.append((topic, service.encode(), value))
        if len(found) >= limit:
            break
    return found
