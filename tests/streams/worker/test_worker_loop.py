from __future__ import annotations

from classifiers.learning.prequential import Trial
from streams.kafka.batches import TP
from streams.pipeline import Shard
from streams.telemetry.watchdog import ProgressWatchdog
from streams.worker.idleness import Idleness
from streams.worker.worker_loop import WorkerLoop
from tests.streams.fakes import LATENCY, T, batch, requests
from tests.streams.worker.test_batch_processor import PLAN, Office


class Offsets:
    """The transport's numbers; None while not known."""

    def __init__(self) -> None:
        self.positions: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}

    def position(self, tp: TP) -> int | None:
        return self.positions.get(tp)

    def highwater(self, tp: TP) -> int | None:
        return self.ends.get(tp)


class Beat:
    """Rounds over shard 0, with clocks that the test moves."""

    def __init__(self) -> None:
        self.office = Office()
        self.offsets = Offsets()
        self.now_s, self.mono_s = T + 20.0, 0.0
        self.watchdog = ProgressWatchdog(30.0)
        self.rounds = WorkerLoop(
            self.office.keeper, self.office.desk, Idleness(3.0), self.watchdog, self.office.telemetry, self.offsets,
            PLAN.sources, lambda: self.now_s, lambda: self.mono_s,
        )

    async def fed(self) -> Shard:
        shard = await self.office.open()
        shard.ingest(LATENCY, batch(requests(10)).records, T, frozenset(PLAN.sources) - {LATENCY})
        return shard

    def told(self, line: str) -> bool:
        return line in self.office.telemetry.render().decode()


async def test_a_look_tells_lag_watermark_series_and_incidents() -> None:
    beat = Beat()
    shard = await beat.fed()
    beat.offsets.ends[TP(LATENCY, 0)] = 130
    beat.rounds.look()
    assert beat.told(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} 30.0')
    assert shard.detection.evaluated_until_s == T + 9.0
    assert beat.told('tocsin_watermark_lag_seconds{partition="0"} 11.0')
    assert beat.told(f'tocsin_series{{state="ready"}} {len(shard.series)}.0')
    assert beat.told("tocsin_incidents_open 0.0")


async def test_a_look_tells_how_the_advisor_did_beside_the_rules_by_severity() -> None:
    beat = Beat()
    record = (await beat.fed()).triage.experience.advisor.severity
    record.note(Trial("inc-1", truth="P1", rules="P2", advice="P1"))
    record.note(Trial("inc-2", truth="P1", rules="P1", advice="P1"))
    beat.rounds.look()
    for right, count in (("seen", 2), ("advisor", 2), ("rules", 1)):
        assert beat.told(f'tocsin_advisor_record{{question="severity",right="{right}",truth="P1"}} {count}.0')
    assert beat.told('tocsin_advisor_record{question="category",right="seen",truth="security"} 0.0')
    assert beat.told('tocsin_advisor_trusted{question="severity"} 0.0')


async def test_what_is_not_known_is_told_as_not_a_number() -> None:
    beat = Beat()
    await beat.office.open()
    beat.rounds.look()
    assert beat.told(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} NaN')
    assert beat.told('tocsin_watermark_lag_seconds{partition="0"} NaN')


async def test_records_that_wait_and_are_not_processed_are_a_complaint() -> None:
    beat = Beat()
    await beat.fed()
    beat.offsets.ends[TP(LATENCY, 0)] = 130
    beat.rounds.look()
    beat.mono_s = 31.0
    beat.rounds.look()
    assert beat.told(f'tocsin_watchdog_stalled{{partition="0",topic="{LATENCY}"}} 1.0')
    assert any("30 records wait" in reason for reason in beat.watchdog.complaints(31.0))


async def test_a_source_that_delivered_nothing_is_as_far_as_the_transport_says() -> None:
    beat = Beat()
    await beat.office.open()
    beat.offsets.positions[TP(LATENCY, 0)] = 5
    beat.offsets.ends[TP(LATENCY, 0)] = 8
    beat.rounds.look()
    assert beat.told(f'tocsin_lag_records{{partition="0",topic="{LATENCY}"}} 3.0')
