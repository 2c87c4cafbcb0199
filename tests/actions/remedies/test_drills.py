"""The drills of the executor keep their figures."""

from __future__ import annotations

from tests.actions.remedies.drills import failed_remedy, lost_incident, outage


async def test_failed_remedy_has_two_attempts_is_told_in_five_seconds_and_holds_up_no_next_step() -> None:
    found = await failed_remedy()
    assert found["statuses"] == ["failed", "failed", "refused"]
    assert float(str(found["told_after_s"])) <= 5.0
    assert (found["next_step"], found["in_force"]) == ("executed", 1)
    assert float(str(found["next_step_after_s"])) <= 5.0


async def test_lost_incident_leaves_a_breaker_half_open_and_closed_within_twenty_minutes_with_a_page() -> None:
    found = await lost_incident()
    assert float(str(found["half_open_after_s"])) <= 35.0
    assert float(str(found["closed_after_s"])) <= 20 * 60.0
    assert (found["gateway"], found["holder"]) == ("closed", "unowned")
    assert found["pages"] == ["breaker_closed_unproven"]


async def test_outage_of_twenty_replicas_within_three_seconds_opens_no_breaker() -> None:
    assert await outage() == {"opened": 0, "refused": 20, "limits": ["siblings"], "in_force": 0}
