"""Who is paged when: steps, rounds, acknowledgements, early escalation, suspension, limits and restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.escalation.desk import EscalationDesk, Rules
from actions.escalation.firing import NOTIFICATIONS_PER_INCIDENT, PAGES_PER_PERSON
from actions.escalation.policy import EarlyIf, EscalationPolicy, EscalationStep, policy_for
from actions.escalation.situation import TOLD_WITHIN_S
from classifiers.model import Anomaly, Forecast, Related, Scope, Severity
from tests.actions.approvals.cases import Case, T, incident, suggested
from tests.actions.escalation.cases import STEPS, World, ineffective, policy, remedy

PRIMARY = ["page primary/1 anna", "page primary/1 anna"]
"""By pager and by slack."""
LEAD = ["page lead/1 cleo", "tell lead/1 executive"]


def paged(*policies: EscalationPolicy) -> World:
    """A world whose first step was taken at `T`."""
    world = World(*policies)
    world.tell()
    assert world.at(0.0) == PRIMARY
    return world


def test_each_step_is_taken_at_its_time_and_once() -> None:
    world = paged()
    assert [one.via for one in world.notified] == ["pager", "slack"]
    assert [world.due(at) for at in (1.0, 299.0, 300.0, 301.0, 899.0, 900.0, 1000.0)] == [
        [], [], ["page backup/1 ben"], [], [], LEAD, [],
    ]
    assert world.desk.escalations["inc-1"].round_at_s == T


def test_rounds_repeat_until_they_are_over_and_then_the_fallback_is_told_once() -> None:
    world = paged()
    told_s = TOLD_WITHIN_S  # by which the last page of a round was later than its time
    assert [world.due(at) for at in (300.0, 900.0, 1499.0 + told_s)] == [["page backup/1 ben"], LEAD, []]
    assert world.due(1500.0 + told_s) == ["page primary/2 anna", "page primary/2 anna"]
    begun_s = 1500.0 + 2 * told_s
    assert (world.due(begun_s + 300.0), world.due(begun_s + 900.0)[:1]) == (["page backup/2 ben"], ["page lead/2 cleo"])
    assert (world.due(begun_s + 1500.0 + told_s), world.state) == (["fallback fallback/2 None"], "exhausted")
    assert world.notified[-1].via == "mail"
    assert (world.at(9000.0), world.reason) == ([], "nobody has acknowledged, round 2 was the last")


def test_an_incident_that_no_policy_covers_pages_nobody() -> None:
    world = World()
    world.tell(severity="P2")
    assert (world.at(0.0), world.state) == ([], None)


def test_the_policy_is_chosen_by_category_and_severity() -> None:
    data, default = policy(name="data", categories=("data_quality",)), policy(name="default", severities=())
    chosen = [
        policy_for([data, default], incident(category=category, severity=severity))
        for category, severity in (("data_quality", "P1"), ("availability", "P1"), ("data_quality", "P3"))
    ]
    assert [one.name for one in chosen if one is not None] == ["data", "default", "default"]
    assert policy_for([data], incident(severity="P1")) is None


@pytest.mark.parametrize("after_s", [0.0, 299.0])
def test_an_acknowledgement_a_second_before_a_step_pages_nobody(after_s: float) -> None:
    world = paged()
    world.at(after_s)
    world.acknowledge()
    assert (world.at(after_s + 1.0), world.at(2000.0), world.state) == ([], [], "acknowledged")


def test_an_acknowledgement_lapses_and_the_next_step_is_due() -> None:
    world = paged(policy(ack_lapses_s=600.0))
    world.acknowledge(lasts_s=7200.0)
    world.at(1.0)
    assert (world.due(599.0), world.due(600.0), world.state) == ([], ["page backup/1 ben"], "active")
    assert "has lapsed" in world.changes[-3].escalation.reason
    world.acknowledge("ben")
    assert (world.at(700.0), world.state) == ([], "acknowledged")


def test_an_acknowledged_incident_that_no_longer_pages_settles_once_and_stays_acknowledged() -> None:
    world = paged()
    world.acknowledge()
    assert world.at(1.0) == []
    world.tell(severity="P3")
    assert (world.at(2.0), world.state) == ([], "idle")
    written = len(world.log)
    assert (world.at(10.0), len(world.log)) == ([], written)
    world.tell(severity="P1")
    assert (world.at(600.0), world.state) == ([], "acknowledged")


def test_an_acknowledgement_of_somebody_without_the_role_does_not_count() -> None:
    world = paged()
    world.acknowledge("viewer")
    assert (world.due(300.0), world.state) == (["page backup/1 ben"], "active")


def test_an_automatic_remedy_has_its_grace_and_a_failed_one_ends_it() -> None:
    book = policy(grace={"P1": 90.0})
    world = World(book)
    world.tell(actions=(remedy(),))
    assert (world.at(90.0 + TOLD_WITHIN_S - 1.0), world.at(90.0 + TOLD_WITHIN_S)) == ([], PRIMARY)
    assert world.desk.escalations["inc-1"].round_at_s == T + 90.0
    for failed in ({"actions": (remedy("failed"),)}, {"actions": (remedy(),), "remedies": (ineffective(),)}):
        world = World(book)
        world.tell(actions=(remedy(),))
        assert world.at(10.0) == []
        world.tell(**failed)
        assert world.at(11.0) == PRIMARY


def test_without_an_automatic_remedy_there_is_no_grace_but_the_time_to_decide_one() -> None:
    world = World(policy(grace={"P1": 90.0}))
    world.tell()
    assert (world.at(4.0), world.at(5.0)) == ([], PRIMARY)


def test_recovery_within_the_grace_pages_nobody() -> None:
    world = World(policy(grace={"P1": 90.0}))
    world.tell(actions=(remedy(),))
    world.at(10.0)
    world.tell(state="resolved", resolved_at_s=T + 60.0)
    assert (world.at(60.0), world.at(500.0), world.state) == ([], [], "closed")


@pytest.mark.parametrize(("over", "grace", "reason"), [
    ({"severity": "P1", "opened_severity": "P1"}, {}, "it is P1 since it opened, which pages by the policy critical"),
    ({"severity": "P1", "opened_severity": "P3"}, {}, "it is P1 now, and was P3 when it opened, which pages by"),
    ({"severity": "P1", "actions": (remedy(),)}, {"P1": 90.0}, "and the grace of 90 s for a remedy is over"),
    ({"severity": "P1"}, {"P1": 90.0}, "and no remedy works by itself"),
])
def test_why_paging_begins_is_told_with_severity_policy_and_what_was_waited_for(
    over: dict[str, Any], grace: dict[Severity, float], reason: str,
) -> None:
    world = World(policy(grace=grace))
    world.tell(**over)
    world.at(0.0)
    world.at(100.0)
    assert reason in next(one for one in world.changes if one.event == "begin").escalation.reason


@pytest.mark.parametrize(("over", "reason"), [
    ({"severity": "P0"}, "it became P0, it was P1"),
    ({"actions": (remedy("failed"),)}, "throttle on chat/v2 failed"),
    ({"actions": (remedy("interrupted", undo=True),)}, "the undo of throttle on chat/v2 interrupted"),
    ({"remedies": (ineffective(),)}, "throttle on chat/v2 did not help"),
    ({"expected_resolve": Forecast(60.0, 8000.0, 9000.0, 0.9, 12)}, "expected to take 8000 s of the 7200 s"),
])
def test_what_becomes_worse_takes_the_next_step_at_once_also_when_acknowledged(over: dict, reason: str) -> None:  # type: ignore[type-arg]
    for is_acknowledged in (False, True):
        world = paged()
        if is_acknowledged:
            world.acknowledge()
            assert world.at(5.0) == []
        world.tell(**over)
        assert world.at(10.0) == ["page backup/1 ben"]
        worsened = next(change for change in world.changes if change.event == "worsen")
        assert reason in worsened.escalation.reason
        world.tell(**over)
        assert world.at(20.0) == []


def test_nobody_on_call_takes_the_next_step_now() -> None:
    world = World()
    world.on_call["primary"] = ()
    world.tell()
    assert world.at(0.0) == ["page backup/1 ben"]
    assert "nobody is on call for primary" in world.changes[-2].escalation.fired[0].reason
    assert world.due(600.0) == LEAD


def test_nobody_at_all_tells_the_fallback_at_once() -> None:
    world = World()
    world.on_call = {}
    world.tell()
    assert (world.at(0.0), world.state) == (["tell lead/1 executive", "fallback fallback/1 None"], "exhausted")


@pytest.mark.parametrize("over", [
    {"silenced_by": "s1"}, {"state": "flapping"}, {"related": (Related("inc-0", "caused_by"),)},
])
def test_it_is_suspended_while_silenced_flapping_or_inhibited_and_goes_on_where_it_was(over: dict) -> None:  # type: ignore[type-arg]
    world = paged()
    world.tell(**over)
    assert (world.at(100.0), world.state, world.at(1000.0)) == ([], "suspended", [])
    world.tell()
    assert (world.at(1100.0), world.due(1299.0), world.due(1300.0)) == ([], [], ["page backup/1 ben"])


def test_an_incident_that_was_silenced_from_its_opening_takes_its_steps_from_the_end_of_the_silence() -> None:
    world = World()
    world.tell(silenced_by="s1")
    assert world.at(1000.0) == []
    world.tell()
    assert (world.at(1001.0), world.due(1300.0), world.due(1301.0)) == (PRIMARY, [], ["page backup/1 ben"])


def test_a_severity_that_falls_below_the_policy_ends_it_and_a_new_rise_begins_anew() -> None:
    world = paged()
    world.tell(severity="P3")
    assert (world.at(300.0), world.state) == ([], "idle")
    world.tell()
    assert world.at(400.0) == ["page primary/2 anna", "page primary/2 anna"]


def test_executive_and_vendor_steps_have_thresholds_and_come_early_for_large_incidents() -> None:
    steps = (
        STEPS[0], EscalationStep("executive", 1800.0, tell=("executive",), early_if=EarlyIf(3600.0, 3)),
        EscalationStep("vendor", 1800.0, tell=("gpu-vendor",), severity="P0"),
    )
    quiet, large, many = (paged(policy(steps=steps)) for _ in range(3))
    assert (quiet.due(1799.0), quiet.due(1800.0)) == ([], ["tell executive/1 executive"])
    large.tell(expected_resolve=Forecast(60.0, 3700.0, 9000.0, 0.9, 12))
    assert large.at(5.0) == ["tell executive/1 executive"]
    alarms = tuple(
        Anomaly(Scope("chat", tenant=f"t{number}"), "error", "cusum", T, T + 1.0, 1.0, 0.0, 2.0, "up", 9, T)
        for number in range(3)
    )
    many.tell(evidence=alarms[:2])
    assert many.at(5.0) == []
    many.tell(evidence=alarms)
    assert many.at(6.0) == ["tell executive/1 executive"]
    many.tell(severity="P0", evidence=alarms)
    assert many.at(7.0) == ["tell vendor/1 gpu-vendor"]


def test_a_request_for_approval_that_waits_pages_whatever_the_severity_until_it_is_decided() -> None:
    approvals = Case(suggested())
    approvals.at(T)
    desk_rules = Rules(lambda _: (policy(approval_after_s=120.0),), lambda _, __: ("anna",), lambda _, __: True)
    world = World()
    world.desk = EscalationDesk(desk_rules, approvals.desk.waiting)
    world.tell(severity="P3")
    assert (world.due(119.0), world.due(120.0)) == ([], PRIMARY)
    approvals.at(T + 10_000.0)
    assert (world.at(130.0), world.state, world.at(5000.0)) == ([], "idle", [])


def test_an_incident_that_nobody_tells_of_any_more_is_escalated_as_unowned() -> None:
    world = paged()
    world.acknowledge(lasts_s=7200.0)
    world.at(1.0)
    world.desk.sighted(T)
    assert world.at(299.0) == []
    assert world.at(301.0) == ["page backup/1 ben"]
    assert "nobody owns the incident" in next(c for c in world.changes if c.event == "worsen").escalation.reason


def test_while_incidents_are_not_read_silence_about_one_means_nothing() -> None:
    world = paged()
    world.acknowledge(lasts_s=7200.0)
    world.desk.sighted(T)
    world.desk.blind()
    assert (world.at(3000.0), world.state) == ([], "acknowledged")


def test_data_that_is_five_minutes_late_pages_nobody_until_it_has_caught_up() -> None:
    world = World()
    world.desk.sighted(T)
    world.now_s = T + 900.0
    world.tell()
    assert (world.at(901.0), world.state) == ([], "idle")
    world.restart()
    assert world.at(950.0) == []
    fresh = Anomaly(Scope("chat"), "error", "cusum", T + 999.0, T + 1000.0, 1.0, 0.0, 2.0, "up", 9, T)
    world.now_s = T + 1000.0
    world.tell(evidence=(fresh,))
    assert world.at(1001.0) == PRIMARY


def test_a_backlog_that_opened_and_resolved_tells_nobody() -> None:
    world = World()
    world.tell(state="resolved", resolved_at_s=T + 1.0)
    assert (world.at(1.0), world.state) == ([], None)


def test_after_a_pause_of_half_an_hour_each_overdue_step_is_taken_once_and_together() -> None:
    world = paged()
    world.restart()
    assert world.at(1800.0) == ["page backup/1 ben", *LEAD]
    assert "1500 s after its time" in world.desk.escalations["inc-1"].fired[1].reason
    world.restart()
    assert (world.at(1801.0), world.due(2399.0)) == ([], [])
    assert world.due(2400.0) == ["page primary/2 anna", "page primary/2 anna"]


def test_an_incident_that_opened_while_nobody_responded_is_paged_for_at_the_return() -> None:
    world = World()
    world.tell(severity="P0")
    world.restart()
    assert world.at(1800.0) == [*PRIMARY, "page backup/1 ben", *LEAD]


def test_what_was_committed_and_not_taken_is_offered_again_under_the_same_id() -> None:
    world = World()
    world.tell()
    for change in world.desk.changes(T, lambda *_: True):
        world.log.append(change.escalation)
        world.desk.record(change.escalation)
    offered = [one.id for one in world.desk.pending(lambda *_: True)]
    world.restart()
    assert (len(set(offered)), [one.id for one in world.desk.pending(lambda *_: True)]) == (2, offered)
    assert world.at(1.0) == PRIMARY
    assert world.desk.pending(lambda *_: True) == []


def test_pages_that_nobody_has_taken_are_withdrawn_by_an_acknowledgement() -> None:
    world = World()
    world.tell()
    for change in world.desk.changes(T, lambda *_: True):
        world.desk.record(change.escalation)
    world.acknowledge()
    assert (world.at(2.0), world.state) == ([], "acknowledged")


def test_a_person_gets_ten_pages_in_ten_minutes_and_the_first_page_of_an_incident_always() -> None:
    world = World(policy(steps=(EscalationStep("one", 0.0, ("primary",)), EscalationStep("two", 60.0, ("primary",)))))
    for number in range(PAGES_PER_PERSON + 3):
        world.tell(incident(f"inc-{number}", severity="P1"))
    first = world.at(0.0)
    assert (len(first), {one.split()[0] for one in first}) == (PAGES_PER_PERSON + 3, {"page"})
    assert world.due(60.0) == ["digest two/1 anna"]
    assert all(each.fired[1].held == ("anna",) for each in world.desk.escalations.values())


def test_the_notifications_of_an_incident_are_limited_and_the_excess_is_told_once() -> None:
    everybody = tuple(f"p{number}" for number in range(90))
    world = World(policy(rounds=20, round_after_s=60.0, steps=(EscalationStep("all", 0.0, ("primary",)),)))
    world.on_call["primary"] = everybody
    world.tell()
    kinds = [one.split()[0] for at in range(0, 3000, 700) for one in world.at(float(at))]
    assert (kinds.count("page"), kinds.count("limit")) == (NOTIFICATIONS_PER_INCIDENT, 1)


def test_a_new_policy_applies_from_the_next_step_and_repeats_none() -> None:
    world = paged()
    world.policies = (policy(steps=(STEPS[0], replace(STEPS[1], after_s=60.0, page=("commander",)))),)
    world.restart()
    assert (world.due(59.0), world.due(60.0)) == ([], ["page backup/1 cleo"])


def test_one_who_is_asked_by_two_overdue_steps_is_paged_once_by_a_channel() -> None:
    world = paged()
    world.on_call["commander"] = ("ben",)
    world.restart()
    assert world.at(1800.0) == ["page backup/1 ben", "tell lead/1 executive"]


def test_an_escalation_without_any_word_of_its_incident_is_closed_after_a_day_and_forgotten_after_another() -> None:
    world = paged()
    world.incidents.clear()
    world.restart()
    world.desk.sighted(T)
    assert (world.at(80_000.0), world.state) == ([], "active")
    assert (world.at(90_000.0), world.state) == ([], "closed")
    mine = lambda *_: True  # noqa: E731
    assert [len(world.desk.finished(T + at, mine)) for at in (100_000.0, 180_000.0)] == [0, 1]


def test_what_is_not_mine_is_not_changed() -> None:
    world = World()
    world.tell()
    assert list(world.desk.changes(T, lambda *_: False)) == []
