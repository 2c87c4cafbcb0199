"""The rules fire as Prometheus would fire them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ordinary.generator.service import Replica
from benchmarks.ordinary.rules import alerts, firing, increase, quantile
from tests.benchmarks.ordinary.days import START_S, day, fault, served, service


def test_an_alert_fires_when_its_expression_held_for_long_enough() -> None:
    at_s = np.arange(15.0, 165.0, 15.0)
    holds = np.array([0, 1, 1, 0, 1, 1, 1, 1, 1, 0], np.bool_)
    assert list(firing(holds, 45.0, at_s)) == [(120.0, 135.0)]


def test_an_increase_is_unknown_before_its_range_is_full() -> None:
    found = increase(np.array([1.0, 3.0, 6.0, 10.0]), 30.0)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [5.0, 7.0]


def test_a_quantile_is_interpolated_within_its_bucket() -> None:
    counts = np.array([[50.0, 50.0, 0.0]])
    assert quantile(0.75, counts, (1.0, 2.0))[0] == pytest.approx(1.5)


def test_an_outage_fires_the_rule_of_absence_two_minutes_after_the_requests_end() -> None:
    one_day = day(faults=(fault("outage"),))
    fired = [one for one in alerts(one_day, (served(*one_day.faults),)) if one.rule == "RequestsAbsent"]
    assert len(fired) == 1
    assert 150.0 <= fired[0].start_s - START_S <= 240.0


def test_a_pod_that_ended_fires_nothing() -> None:
    gone = (Replica("r0", "v1"), Replica("r1", "v1", gone_s=300.0), Replica("r2", "v2"))
    one_day = day(services=(service(replicas=gone),))
    assert [one for one in alerts(one_day, (served(replicas=gone),)) if one.part is not None] == []
