"""Each fault is in the requests that it should be in, and in no others."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ordinary.generator.draws import BoolArray
from benchmarks.ordinary.generator.faults import EFFECTS
from benchmarks.ordinary.generator.simulate import Requests
from tests.benchmarks.ordinary.days import END_S, START_S, fault, served


def during(requests: Requests, replica: int | None = None, tenant: int | None = None) -> BoolArray:
    """The requests that come while the fault lasts, of a part."""
    chosen = (requests.arrival_s >= START_S) & (requests.arrival_s < END_S)
    if replica is not None:
        chosen &= requests.replica == replica
    return chosen if tenant is None else chosen & (requests.tenant == tenant)


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_day_with_a_fault_is_the_same_day_before_it(kind: str) -> None:
    well, hit = served(), served(fault(kind))
    early = well.done_s < START_S - 1.0
    for name in ("arrival_s", "done_s", "replica", "completion", "failed"):
        before = getattr(well, name)[early]
        assert np.array_equal(before, getattr(hit, name)[: len(well.arrival_s)][early[: len(hit.arrival_s)]])


@pytest.mark.parametrize("kind", EFFECTS)
def test_every_fault_changes_requests_while_it_lasts(kind: str) -> None:
    well, hit = served(), served(fault(kind))
    assert len(well.arrival_s) != len(hit.arrival_s) or any(
        not np.array_equal(getattr(well, name), getattr(hit, name))
        for name in ("done_s", "failed", "confidence", "completion", "cached", "lost", "cut")
    )


def test_a_hung_replica_answers_nothing_and_the_others_get_no_more() -> None:
    well, hit = served(), served(fault("hung_replica"))
    assert hit.lost[during(hit, replica=1)].all()
    assert not hit.lost[during(hit, replica=0)].any()
    assert np.array_equal(well.replica, hit.replica)


def test_a_slow_replica_is_alone_in_it() -> None:
    well, hit = served(), served(fault("slow_replica"))
    assert hit.tpot_s[during(hit, replica=1)].mean() > 2.5 * well.tpot_s[during(well, replica=1)].mean()
    assert hit.tpot_s[during(hit, replica=0)].mean() == pytest.approx(well.tpot_s[during(well, replica=0)].mean())


def test_failures_of_a_few_percent_hit_all_alike() -> None:
    failed = served(fault("failures")).failed
    hit = served(fault("failures"))
    assert 0.015 < failed[during(hit)].mean() < 0.05
    assert served().failed.mean() < 0.005


def test_one_tenants_failures_are_its_own() -> None:
    hit = served(fault("tenant_failures"))
    assert hit.failed[during(hit, tenant=0)].mean() > 0.15
    assert hit.failed[during(hit, tenant=1)].mean() < 0.02


def test_in_an_outage_nothing_is_answered_and_requests_in_flight_are_lost() -> None:
    hit = served(fault("outage"))
    assert hit.lost[during(hit)].all()
    assert hit.lost[(hit.arrival_s < START_S) & (hit.arrival_s > START_S - 0.5)].any()


def test_half_of_the_traffic_is_missing() -> None:
    well, hit = served(), served(fault("traffic_loss"))
    assert during(hit).sum() == pytest.approx(0.5 * during(well).sum(), rel=0.1)


def test_a_lost_cache_delays_first_tokens() -> None:
    well, hit = served(), served(fault("cache_lost"))
    assert not hit.cached[during(hit)].any()
    assert hit.ttft_s[during(hit)].mean() > 1.2 * well.ttft_s[during(well)].mean()


def test_queueing_is_a_wait_for_slots_and_no_slower_decoding() -> None:
    well, hit = served(), served(fault("queueing"))
    waits = hit.begun_s - hit.arrival_s
    assert waits[during(hit)].mean() > 1.0
    assert waits[hit.arrival_s < START_S - 1.0].max() == 0.0
    assert hit.tpot_s[during(hit)].mean() == pytest.approx(well.tpot_s[during(well)].mean(), rel=0.1)


def test_truncation_cuts_completions_off() -> None:
    well, hit = served(), served(fault("truncation"))
    assert hit.cut[during(hit)].mean() > 0.5 > well.cut[during(well)].mean()


def test_a_runaway_is_of_one_tenant() -> None:
    well, hit = served(), served(fault("runaway"))
    assert hit.completion[during(hit, tenant=0)].mean() > 3 * well.completion[during(well, tenant=0)].mean()
    assert hit.completion[during(hit, tenant=1)].mean() == well.completion[during(well, tenant=1)].mean()


def test_a_fault_of_the_fleet_hits_every_replica() -> None:
    hit = served(fault("fleet_fault"))
    assert all(hit.failed[during(hit, replica=number)].mean() > 0.25 for number in range(3))


def test_a_failing_canary_fails_alone() -> None:
    hit = served(fault("failing_canary"))
    assert hit.failed[during(hit, replica=2)].mean() > 0.1
    assert hit.failed[during(hit, replica=0)].mean() < 0.02
