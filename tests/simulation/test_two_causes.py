"""Two faults of one service at a time: two incidents to the end, the same whenever the worker was restarted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.simulation.fleet import Fleet, Second, fleet

SLOW_S, WORSE_S = (60, 80), (70, 100)
"""From second to second: r1 is slow, r3 answers worse."""


def behaviour(second: int, replica: str) -> Second:
    slow = replica == "r1" and SLOW_S[0] <= second < SLOW_S[1]
    worse = replica == "r3" and WORSE_S[0] <= second < WORSE_S[1]
    return Second(latency_ms=600.0 if slow else 100.0, confidence=0.4 if worse else 0.8)


def played(restarts: Sequence[int] = ()) -> Fleet:
    watched = fleet()
    for second in range(130):
        watched.play(1, behaviour)
        if second in restarts:
            watched.run.restart()
    return watched


def test_each_fault_has_an_incident_with_its_replica_and_its_own_end() -> None:
    incidents = sorted(played().run.incidents.values(), key=lambda incident: incident.opened_at_s)
    assert [(one.category, one.replica, one.state) for one in incidents] == [
        ("performance_degradation", "r1", "resolved"), ("model_degradation", "r3", "resolved"),
    ]
    slow, worse = incidents
    assert slow.resolved_at_s is not None
    assert worse.resolved_at_s is not None
    assert worse.opened_at_s < slow.resolved_at_s < worse.resolved_at_s


@pytest.mark.parametrize("restarts", [(61,), (70, 71, 72), (79, 84, 88, 104)])
def test_a_restart_during_both_changes_nothing(restarts: Sequence[int]) -> None:
    assert played(restarts).run.results() == played().run.results()
