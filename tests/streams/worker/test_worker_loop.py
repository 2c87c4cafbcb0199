from __future__ import annotations

import re

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from classifiers.learning.prequential import Trial
from streams.contracts.envelopes import read_incident
from streams.ownership.blind_report import REPORT_AFTER_S
from streams.ownership.tick_policy import HANGS_AFTER_S
from streams.pipeline import Shard
from streams.shard.event_time import Arrival, EventTime
from streams.telemetry.metrics_server import MetricsServer
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batches import TP
from streams.worker.shard_manager import Waits
from streams.worker.worker_loop import LOOP_S, WorkerLoop
from tests.streams.fakes import LATENCY, T, batch, incident, requests
from tests.streams.worker.fixtures import PATIENT, PLAN, TOPICS, WorkerFixture


class FakeOffsets:
    """Offsets as the transport knows them; None while not known."""

    def __init__(self) -> None:
        self.positions: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.rejoined: list[str] = []

    def position(self, tp: TP) -> int | None:
        return self.positions.get(tp)

    def highwater(self, tp: TP) -> int | None:
        return self.ends.get(tp)

    def rejoin(self, reason: str) -> None:
        self.rejoined.append(reason)


class LoopFixture(WorkerFixture):
    """A worker loop over shard 0."""

    def __init__(self, waits: Waits = PATIENT) -> None:
        super().__init__(now_s=T + 20.0, waits=waits)
        self.offsets = FakeOffsets()
        self.watchdog = ProgressWatchdog(30.0)
        self.loop = WorkerLoop(
            self.manager, self.effects, self.watchdog, self.offsets, PLAN.sources, TOPICS,
        )

    async def run(self, seconds: float) -> None:
        """What the worker does between records, for so long."""
        for _ in range(round(seconds / LOOP_S)):
            await self.pass_time(LOOP_S, LOOP_S)
            await self.loop.note_blindness()
        self.loop.report()

    def blind_s(self) -> float:
        """What the metric of shard 0 says."""
        (line,) = re.findall(r'^tocsin_shard_blind_seconds{partition="0"} (.*)', self.telemetry.render().decode(), re.M)
        return float(line)

    async def ready(self) -> tuple[int, str]:
        """The answer of `/readyz`."""
        server = MetricsServer(self.telemetry, health=tuple, ready=self.loop.complaints)
        await server.start()
        try:
            async with ClientSession(f"http://127.0.0.1:{server.port}") as http, http.get("/readyz") as answer:
                return answer.status, await answer.text()
        finally:
            await server.stop()

    async def ingest(self, seconds: int = 10) -> Shard:
        """Open shard 0 and give it so many seconds of records."""
        shard = await self.open()
        await self.processor.process(batch(requests(seconds)))
        return shard


async def test_lag_watermark_series_and_incidents_are_reported() -> None:
    worker = LoopFixture()
    shard = await worker.ingest()
    worker.offsets.ends[TP(LATENCY, 0)] = 130
    worker.loop.report()
    assert worker.exposes(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} 30.0')
    assert shard.detection.evaluated_until_s == T + 9.0
    assert worker.exposes('tocsin_watermark_lag_seconds{partition="0"} 11.0')
    assert worker.exposes(f'tocsin_series{{state="warming"}} {len(shard.series)}.0')
    assert worker.exposes('tocsin_incidents_open{severity="P1"} 0.0')


async def test_the_record_of_the_advisor_and_the_rules_is_reported_by_severity() -> None:
    worker = LoopFixture()
    record = (await worker.ingest()).triage.learning.advisor.severity
    record.add(Trial("inc-1", truth="P1", rules="P2", advice="P1"))
    record.add(Trial("inc-2", truth="P1", rules="P1", advice="P1"))
    worker.loop.report()
    for right, count in (("seen", 2), ("advisor", 2), ("rules", 1)):
        assert worker.exposes(f'tocsin_advisor_record{{question="severity",right="{right}",truth="P1"}} {count}.0')
    assert worker.exposes('tocsin_advisor_record{question="category",right="seen",truth="security"} 0.0')
    assert worker.exposes('tocsin_advisor_trusted{question="severity"} 0.0')


async def test_what_is_not_known_is_reported_as_not_a_number() -> None:
    worker = LoopFixture()
    await worker.open()
    worker.loop.report()
    assert worker.exposes(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} NaN')
    assert worker.exposes('tocsin_watermark_lag_seconds{partition="0"} NaN')


async def test_records_that_wait_and_are_not_processed_are_a_complaint() -> None:
    worker = LoopFixture()
    await worker.ingest()
    worker.offsets.ends[TP(LATENCY, 0)] = 130
    worker.loop.report()
    worker.mono_s = 31.0
    worker.loop.report()
    assert worker.exposes(f'tocsin_watchdog_stalled{{partition="0",topic="{LATENCY}"}} 1.0')
    assert any("30 records wait" in reason for reason in worker.watchdog.complaints(31.0))


async def test_the_position_of_a_source_without_state_is_that_of_the_transport() -> None:
    worker = LoopFixture()
    await worker.open()
    worker.offsets.positions[TP(LATENCY, 0)] = 5
    worker.offsets.ends[TP(LATENCY, 0)] = 8
    worker.loop.report()
    assert worker.exposes(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} 3.0')


async def test_a_source_whose_end_stays_before_what_was_read_is_another_log_and_read_by_a_new_owner() -> None:
    worker = LoopFixture()
    await worker.ingest()
    worker.offsets.ends[TP(LATENCY, 0)] = 7
    worker.loop.report()
    assert worker.offsets.rejoined == []
    worker.now_s += 3.0
    worker.loop.report()
    assert worker.offsets.rejoined == [f"{LATENCY}[0] was created again"]


async def test_a_transaction_that_hangs_is_said_by_the_metric_by_readyz_and_by_an_incident_until_it_ends() -> None:
    worker = LoopFixture(Waits(tick_s=0.05))
    await worker.ingest()
    await worker.run(1.0)
    assert (await worker.ready())[0] == 200
    worker.producers[0].answers.clear()
    worker.manager.add_incidents([incident(id="inc-of-another")])  # it waits for a tick
    await worker.run(4.0)
    assert worker.blind_s() == pytest.approx(4.0, abs=0.11)
    assert (await worker.ready())[0] == 200
    await worker.run(2.0)
    status, body = await worker.ready()
    assert (status, "shard 0: blind for 6 s" in body) == (503, True)
    await worker.run(REPORT_AFTER_S + HANGS_AFTER_S - 7.0)
    assert worker.sent.on(TOPICS.incidents) == []
    await worker.run(2.0)
    (opened,) = [read_incident(message.value) for message in worker.sent.on(TOPICS.incidents)]
    assert (opened.category, opened.state, opened.replica) == ("telemetry", "open", "tocsin/w0")
    worker.producers[0].answers.set()
    await worker.run(1.0)
    assert worker.blind_s() == 0.0
    assert (await worker.ready())[0] == 200
    resolved = read_incident(worker.sent.on(TOPICS.incidents)[-1].value)
    assert (resolved.id, resolved.state) == (opened.id, "resolved")


async def test_records_far_out_of_order_are_told_of_once_and_again_after_they_were_in_order() -> None:
    worker = LoopFixture()
    shard = await worker.ingest()
    with capture_logs() as logs:
        for disorder_s in (1.0, 30.0, 40.0, 0.0, 30.0):
            shard.event_time = EventTime(PLAN.cadence, dict.fromkeys(PLAN.sources, False))
            shard.event_time.observe(LATENCY, Arrival(0.0, T, T, disorder_s), "cadence")
            worker.loop.report()
    told = [entry["lateness_s"] for entry in logs if entry["event"] == "records_out_of_order"]
    assert told == [pytest.approx(31.4)] * 2
