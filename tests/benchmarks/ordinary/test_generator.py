"""Days are deterministic, and healthy changes look as they do in a cluster."""

from __future__ import annotations

from itertools import islice

import numpy as np
import orjson
import pytest

from benchmarks.ordinary.draw import Cell, Selection, cells, draw_day
from benchmarks.ordinary.generator.arrivals import Batch, Weekly
from benchmarks.ordinary.generator.day import MONDAY_S, Format
from benchmarks.ordinary.generator.service import Replica
from benchmarks.ordinary.kinds.catalogue import KINDS
from benchmarks.ordinary.kinds.courses import DST_ENDS_S
from benchmarks.ordinary.placement import with_faults
from benchmarks.ordinary.run import records, serve
from tests.benchmarks.ordinary.days import LENGTH_S, served


def small(form: Format, name: str, seed: int = 0) -> Cell:
    """A short day of a kind."""
    return next(cell for cell in cells(Selection(forms=(form,), seed=seed, size="short")) if cell.kind.name == name)


@pytest.mark.parametrize("form", ["native", "otlp_json"])
def test_a_seed_gives_the_same_records_and_another_seed_others(form: Format) -> None:
    def some(seed: int) -> list[tuple[int, bytes]]:
        day = draw_day(small(form, "rolling deploy, new version", seed))
        return list(islice(records(day, serve(day, seed), seed), 200))

    assert some(2) == some(2)
    assert some(2) != some(4)


def test_there_are_at_least_24_kinds_with_names_of_their_own() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 24


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.hours < 12])
def test_a_day_of_every_kind_can_be_drawn_and_has_faults_of_its_services(kind: str) -> None:
    for form in next(one for one in KINDS if one.name == kind).forms:
        cell = small(form, kind)
        day = draw_day(cell)
        hit = with_faults(cell.kind, day, 0)
        assert {fault.service for fault in hit.faults} <= set(day.names)
        assert all(0.0 < fault.start_s < fault.end_s <= hit.ends_s for fault in hit.faults)


def test_published_seeds_are_none_of_development() -> None:
    seeds = [{cell.seed for cell in cells(Selection(published=published, hours=5000.0))} for published in (False, True)]
    assert seeds[0].isdisjoint(seeds[1])
    assert all(seed % 2 == 0 for seed in seeds[0])
    assert all(seed % 2 == 1 for seed in seeds[1])


def test_every_fault_occurs_over_all_kinds() -> None:
    kinds = {
        fault.kind for cell in cells(Selection(hours=5000.0)) if cell.faulty and cell.kind.hours < 12
        for fault in with_faults(cell.kind, draw_day(cell), cell.seed).faults
    }
    assert len(kinds) == 15


def test_a_drained_replica_loses_nothing_and_the_others_take_its_requests() -> None:
    leaving = (Replica("r0", "v1"), Replica("r1", "v1", gone_s=400.0), Replica("r2", "v2"))
    plain, left = served(), served(replicas=leaving)
    assert not left.lost.any()
    assert len(plain.arrival_s) == len(left.arrival_s)
    assert set(left.replica[left.arrival_s > 400.0].tolist()) == {0, 2}


def test_a_spot_instance_takes_what_it_has_in_flight_with_it_until_the_balancer_notices() -> None:
    leaving = (Replica("r0", "v1"), Replica("r1", "v1", gone_s=400.0, vanishes=True, unnoticed_s=2.0),
               Replica("r2", "v2"))
    lost_s = served(replicas=leaving).arrival_s[served(replicas=leaving).lost]
    assert len(lost_s) > 0
    assert 370.0 < lost_s.min() < 400.0 < lost_s.max() < 402.0


def test_a_replica_restarts_under_its_name_with_a_gap() -> None:
    day = draw_day(small("native", "rolling deploy, same version"))
    stable = next(one for one in day.services if one.replicas[0].name == one.replicas[1].name)
    old, new = stable.replicas[:2]
    assert old.exports_until_s < new.started_s < new.ready_s


def test_a_course_in_local_time_comes_an_hour_later_when_summer_time_ends() -> None:
    course = Weekly(10.0, 0.1, peak_hour=14.0, zone="Europe/Berlin")
    hours = np.arange(24.0)
    before, after = (course.at(DST_ENDS_S - 3600.0 + day * 86_400.0 + hours * 3600.0) for day in (-3, 2))
    assert int(after.argmax()) - int(before.argmax()) == 1


def test_a_batch_comes_at_the_same_distance() -> None:
    batch = Batch(5.0, 1500.0, 120.0, MONDAY_S + 60.0)
    at_s = MONDAY_S + np.arange(0.0, 6000.0, 10.0)
    begins = np.flatnonzero(np.diff(batch.at(at_s)) > 0) + 1
    assert np.diff(at_s[begins]).tolist() == [1500.0] * 3


def test_native_records_are_in_the_order_of_their_times_and_of_answered_requests() -> None:
    day = draw_day(small("native", "spot instances"))
    requests = serve(day, 0)
    parsed = [orjson.loads(value) for _, value in records(day, requests, 0)]
    times = [record["ts"] for record in parsed]
    assert times == sorted(times)
    answered = sum(int((~one.lost & (one.done_s < day.length_s)).sum()) for one in requests)
    assert len(parsed) == answered
    assert all(np.isfinite(list(record["metrics"].values())).all() for record in parsed)


def test_requests_arrive_as_often_as_the_course_says() -> None:
    assert len(served().arrival_s) == pytest.approx(10.0 * LENGTH_S, rel=0.05)
