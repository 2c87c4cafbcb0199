"""The plan and the traffic of a chaos run: they follow from the seed, and faults leave room for what must be found."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from benchmarks.chaos.plan import BEFORE_SILENCE_S, HISTORY_S, KINDS, SILENCE_S, Plan, make_plan
from benchmarks.chaos.traffic import FLUSH_EVERY_S, FLUSHED, POISON, arrivals, records

EVERY = tuple(KINDS)
SEEDS = range(20)


@pytest.mark.parametrize("seconds", [80.0, 600.0])
def test_a_seed_gives_the_same_plan_again_and_another_seed_another(seconds: float) -> None:
    assert make_plan(3, seconds, EVERY) == make_plan(3, seconds, EVERY)
    assert make_plan(3, seconds, EVERY) != make_plan(4, seconds, EVERY)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [80.0, 600.0])
def test_no_fault_of_the_supply_is_near_the_silence(seed: int, seconds: float) -> None:
    plan = make_plan(seed, seconds, EVERY)
    (silence,) = [fault for fault in plan.services if fault.kind == "silent"]
    assert silence.end_s - silence.start_s == SILENCE_S
    for fault in plan.supply:
        assert fault.end_s <= silence.start_s - BEFORE_SILENCE_S or fault.start_s >= silence.end_s


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_fault_occurs_in_a_long_run(seed: int) -> None:
    plan = make_plan(seed, 900.0, EVERY)
    assert {fault.kind for fault in plan.supply} == set(EVERY) - {"flush"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_replica_is_planned_also_in_a_short_run(seed: int) -> None:
    assert [fault.kind for fault in make_plan(seed, 78.0, ()).services] == ["slow", "silent"]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown faults earthquake"):
        make_plan(1, 80.0, ("earthquake",))


def test_the_command_of_a_plan_names_all_it_was_made_of() -> None:
    assert make_plan(7, 80.0, ("poison", "flush"), 20.0, 100.0).command == (
        "python -m benchmarks.chaos --seconds 80 --seed 7 --tail 20 --rate 100 --faults poison,flush"
    )


def short(*kinds: str) -> Plan:
    return make_plan(1, 80.0, kinds, rate=100.0)


def test_the_records_of_services_are_those_of_the_quiet_run() -> None:
    quiet = [value for _, _, value in records(short(), 5000.0)]
    broken = [
        one.value for one in arrivals(short("poison", "duplicates", "disorder", "producer-delay"), 5000.0)
        if one.source == "record"
    ]
    assert sorted(broken) == sorted(quiet)
    assert broken != quiet


def test_history_comes_before_the_plan() -> None:
    first = orjson.loads(next(arrivals(short(), 5000.0)).value)
    assert 5000.0 - HISTORY_S <= first["ts"] < 5000.0 - HISTORY_S + 1.0


def test_arrivals_are_in_the_order_of_sending() -> None:
    sent_s = [one.at_s for one in arrivals(short("duplicates", "disorder", "flush"), 0.0)]
    assert sent_s == sorted(sent_s)


def test_a_duplicate_is_a_record_that_was_sent_before() -> None:
    found = list(arrivals(short("duplicates"), 0.0))
    counts = Counter(one.value for one in found if one.source == "record")
    again = [one.value for one in found if one.source == "duplicate"]
    assert len(again) > 20
    assert {counts[value] for value in again} == {1}


def test_the_producer_that_flushes_sends_every_six_seconds() -> None:
    sent = [one for one in arrivals(short("flush"), 0.0) if one.source == "flushed"]
    assert {one.at_s % FLUSH_EVERY_S for one in sent} == {0.0}
    assert {one.key for one in sent} == {FLUSHED.encode()}


def test_poison_is_beside_the_records() -> None:
    found = [one.value for one in arrivals(short("poison"), 0.0) if one.source == "poison"]
    assert len(found) > 20
    assert set(found) <= set(POISON)


def test_a_silent_service_sends_nothing() -> None:
    plan = short()
    (silence,) = [fault for fault in plan.services if fault.kind == "silent"]
    during = {service for at_s, service, _ in records(plan, 0.0) if silence.start_s <= at_s < silence.end_s}
    assert during
    assert silence.service not in during
