from __future__ import annotations

from classifiers.learning.prequential import Trial
from streams.pipeline import Shard
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batches import TP
from streams.worker.worker_loop import WorkerLoop
from tests.streams.fakes import LATENCY, T, batch, requests
from tests.streams.worker.fixtures import PLAN, TOPICS, WorkerFixture


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

    def __init__(self) -> None:
        super().__init__(now_s=T + 20.0)
        self.offsets = FakeOffsets()
        self.watchdog = ProgressWatchdog(30.0)
        self.loop = WorkerLoop(
            self.manager, self.effects, self.watchdog, self.offsets, PLAN.sources, TOPICS,
        )

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
    assert worker.exposes("tocsin_incidents_open 0.0")


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
