"""The benchmarks: the load has the size it names, faults do not overlap, the meter counts right."""

from __future__ import annotations

from itertools import islice

import orjson
import pytest

from benchmarks.accuracy import shifted
from benchmarks.broker.baselines import Meter
from benchmarks.broker.load import NARROW, WIDE, Fleet, records, requests
from benchmarks.broker.rig import PARTITIONS, partition_of
from benchmarks.faults import EFFECTS, Fault, Injector, schedule
from benchmarks.latency import FAULT_S, FLEET, SETTLE_S, SLOT_S
from benchmarks.memory import feed, plan_for_replay
from benchmarks.triage.cost import ALARMING, ANOMALIES, QUIET, WORKLOADS, instant, measure
from streams.pipeline import Shard
from streams.replay.recordings import RecordedRequest

SMALL = Fleet(services=2, replicas=3, tenants=2)


def some(count: int, start_s: float = 1000.0) -> list[RecordedRequest]:
    return list(islice(requests(SMALL, 100.0, start_s, seed=1), count))


def test_the_fleets_have_the_published_sizes() -> None:
    assert (NARROW.series, WIDE.series) == (198, 9_960)


def test_a_fleet_has_its_number_of_series_in_a_worker() -> None:
    shard = Shard(plan_for_replay())
    feed(shard, SMALL, 50_000, seed=1)
    assert len(shard.series) == SMALL.series


def test_the_same_seed_gives_the_same_load() -> None:
    assert list(records(SMALL, 50, 100.0, 0.0, 7)) == list(records(SMALL, 50, 100.0, 0.0, 7))
    assert list(records(SMALL, 50, 100.0, 0.0, 7)) != list(records(SMALL, 50, 100.0, 0.0, 8))


def test_requests_are_spaced_evenly_over_event_time() -> None:
    assert [request["ts"] for request in some(3)] == pytest.approx([1000.0, 1000.01, 1000.02])


def test_services_share_the_partitions() -> None:
    keys = {key for key, _ in records(WIDE, 2000, 5000.0, 0.0, 1)}
    assert {partition_of(key) for key in keys} == set(range(PARTITIONS))


@pytest.mark.parametrize("seed", range(5))
def test_faults_of_a_service_are_over_before_the_next_one_begins(seed: int) -> None:
    last_s: dict[str, float] = {}
    for fault in schedule(FLEET, 0.0, 6, SLOT_S, FAULT_S, seed):
        assert fault.start_s >= last_s.get(fault.service, 0.0)
        last_s[fault.service] = fault.end_s + SETTLE_S


def test_every_kind_of_fault_is_injected() -> None:
    assert {fault.kind for fault in schedule(FLEET, 0.0, 1, SLOT_S, FAULT_S, 1)} == set(EFFECTS)


def test_a_fault_changes_its_replica_while_it_lasts_and_nothing_else() -> None:
    fault = Fault("slow_replica", "service-0", "r1", 1002.0, 1004.0)
    inject = Injector([fault])
    for before, after in zip(some(1000), map(inject, some(1000)), strict=True):
        assert after is not None
        hit = (before["service"], before["replica"]) == ("service-0", "r1") and 1002.0 <= before["ts"] < 1004.0
        assert after["metrics"]["latency_ms"] == before["metrics"]["latency_ms"] * (4.0 if hit else 1.0)
        assert after["metrics"]["confidence"] == before["metrics"]["confidence"]


def test_a_silent_replica_sends_nothing() -> None:
    inject = Injector([Fault("silent_replica", "service-1", "r0", 1000.0, 1010.0)])
    kept = [after for after in map(inject, some(1000)) if after is not None]
    assert 0 < len(kept) < 1000
    assert not any((request["service"], request["replica"]) == ("service-1", "r0") for request in kept)


def test_a_meter_leaves_out_what_is_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(skipped=100, total=300)
    assert [meter.add(80) for _ in range(4)] == [False, False, False, True]
    meter.report()
    assert orjson.loads(capsys.readouterr().out)["records"] == 320 - 160


def test_a_shift_moves_every_record_and_nothing_but_its_time() -> None:
    moved = [orjson.loads(value) for _, value in shifted(some(20), 0.25)]
    assert [record["ts"] for record in moved] == pytest.approx([record["ts"] + 0.25 for record in some(20)])
    assert [record["metrics"] for record in moved] == [record["metrics"] for record in some(20)]


def test_a_workload_has_as_many_incidents_as_causes_and_ends() -> None:
    plan = plan_for_replay()
    for workload, incidents in zip(WORKLOADS, (3, 30, 3), strict=True):
        found = measure(workload, plan, services=3)
        assert (found.anomalies, found.incidents) == (30, incidents)
        assert (len(found.alarming_s), len(found.quiet_s)) == (ALARMING, QUIET)


def test_an_alarming_instant_has_its_number_of_alarms_and_a_quiet_one_none() -> None:
    made = [[one for found in instant(4, 5.0, alarming).values() for one in found] for alarming in (True, False)]
    assert [sum(one.alarming for one in readings) for readings in made] == [4 * ANOMALIES, 0]
