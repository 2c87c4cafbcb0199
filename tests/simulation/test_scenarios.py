"""Scenarios of a small simulated fleet, and the incidents and decisions of its shard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actions.playbooks.playbook import Step
from classifiers.incidents.dependencies import Dependency
from classifiers.model import Related
from streams.pipeline import Shard
from streams.shard.plan import Plan
from tests.simulation.fleet import ACTING, BREAKER, PLAN, Second, T, fleet, kinds, sick, silent
from tests.streams.fakes import outcome

ENOUGH_S = 10
"""A part is acted on only when its whole service has alarmed for 5 s."""


def test_a_steady_fleet_raises_nothing() -> None:
    assert fleet().play(120).run.changes == []


def test_an_incident_is_attributed_to_the_new_version_that_does_worse() -> None:
    watched = fleet().play(60).play(20, lambda _, __: Second(confidence=0.4, version="v2"))
    (first, *_) = watched.run.incidents.values()
    assert (first.category, first.version, first.replica) == ("model_degradation", "v2", None)


def test_a_silent_replica_is_an_incident_with_its_name_and_its_return_resolves_it() -> None:
    watched = fleet().play(400).play(20, silent("r1"))
    assert kinds(watched.run) == [("opened", "availability", "r1")]
    assert watched.run.changes[0][1].opened_at_s <= T + 410
    watched.play(20)
    assert kinds(watched.run)[-1] == ("resolved", "availability", "r1")


def test_total_silence_is_detected_without_records() -> None:
    watched = fleet().play(60).silence(10)
    assert kinds(watched.run) == [("opened", "availability", None)]
    assert watched.run.changes[0][1].opened_at_s <= T + 66


def test_a_source_that_may_still_have_records_holds_the_watermark_back() -> None:
    watched = fleet().play(60)
    for tick in range(600):
        watched.run.advance_time(watched.now_s + tick, idle=())
    assert watched.run.changes == []


def test_one_long_step_of_time_detects_the_same_silence_as_many_short_ones() -> None:
    ticks, leap = fleet(ACTING).play(60), fleet(ACTING).play(60)
    ticks.silence(100)
    leap.run.advance_time(leap.now_s + 100.0)
    assert leap.run.results() == ticks.run.results()
    assert leap.run.changes[0][0] == "opened"


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_restart_during_silence_gives_the_same_incident_with_the_same_id(at: int) -> None:
    whole, restarted = fleet().play(60).silence(30), fleet().play(60).silence(at)
    restarted.run.restart()
    restarted.silence(30 - at)
    assert restarted.run.changes == whole.run.changes
    assert kinds(whole.run) == [("opened", "availability", None)]


def test_silence_behind_our_own_breaker_is_no_anomaly_nor_is_it_when_the_breaker_closes() -> None:
    watched = fleet(ACTING).play(60).play(ENOUGH_S, sick("r1"))
    assert [intent.target for intent in watched.answer()] == ["chat/r1"]
    watched.play(80, silent("r1"))
    assert [change for change, *_ in kinds(watched.run)] == ["opened", "resolved"]
    assert [(intent.target, intent.undo) for intent in watched.answer(since=1)] == [("chat/r1", True)]
    watched.play(1, silent("r1")).play(60)
    assert len(watched.run.incidents) == 1


def test_a_breaker_that_was_only_suggested_does_not_suppress_absence() -> None:
    watched = fleet(ACTING).play(60).play(6, sick("r1"))
    watched.answer("suggested")
    watched.play(40, silent("r1"))
    assert any("no requests are reported from this replica" in one.title for one in watched.run.incidents.values())


def test_a_replica_that_stays_silent_after_its_breaker_closed_is_an_incident() -> None:
    watched = fleet(ACTING).play(60).play(ENOUGH_S, sick("r1"))
    watched.answer()
    watched.play(80, silent("r1"))
    watched.answer(since=1)
    watched.play(20, silent("r1"))
    assert kinds(watched.run)[-1] == ("opened", "availability", "r1")


def test_nothing_is_learned_of_a_service_while_its_incident_is_open() -> None:
    watched = fleet().play(60).play(6, sick("r1"))
    suite, rows = watched.run.shard.suite, watched.run.shard.series.active()
    before = suite.snapshot(rows)
    watched.play(5, sick("r1"))
    after = suite.snapshot(rows)
    learned = [name for name in before if name.startswith("robust_location.rows")]
    assert learned
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in learned)
    watched.play(40)
    assert kinds(watched.run)[-1] == ("resolved", "performance_degradation", "r1")
    assert any(not np.array_equal(after[name], suite.snapshot(rows)[name], equal_nan=True) for name in learned)


def test_every_incident_is_in_the_audit_from_its_first_alarm_to_its_end() -> None:
    watched = fleet().play(60).play(6, sick("r1")).play(40)
    (incident,) = watched.run.incidents.values()
    steps = [(entry.before, entry.after) for entry in watched.run.audit if entry.subject == incident.id]
    assert (watched.run.audit[0].event, steps[0], steps[-1]) == ("alarm", ("pending", "open"), ("clearing", "resolved"))


def test_an_incident_of_another_shard_is_the_cause_of_ours_and_inhibits_its_remedies() -> None:
    needs = replace(PLAN.triage, dependencies=(Dependency("chat", ("db",)),))
    plan = replace(ACTING, triage=needs)
    alone = fleet(plan).play(60).play(ENOUGH_S, sick("r1"))
    assert [intent.kind for intent in alone.run.intents] == ["circuit_breaker"]
    (opened, *_) = alone.run.incidents.values()
    cause = replace(opened, id="inc-db", service="db", replica=None, actions=())
    watched = fleet(plan).play(60)
    assert watched.run.observe_remote(cause).transitions == []
    watched.run.restart()
    watched.play(ENOUGH_S, sick("r1"))
    (effect,) = watched.run.incidents.values()
    assert (effect.related, watched.run.intents) == ((Related("inc-db", "caused_by"),), [])


def test_a_cause_that_is_published_later_is_added_to_the_open_incident() -> None:
    needs = replace(PLAN.triage, dependencies=(Dependency("chat", ("db",)),))
    watched = fleet(replace(PLAN, triage=needs)).play(60).play(6, sick("r1"))
    (opened,) = watched.run.incidents.values()
    products = watched.run.observe_remote(replace(opened, id="inc-db", service="db"))
    assert [(t.change, t.incident.related) for t in products.transitions] == [
        ("updated", (Related("inc-db", "caused_by"),)),
    ]
    assert [entry.event for entry in products.audit] == ["inhibit"]


def test_a_lasting_change_is_accepted_as_the_new_normal() -> None:
    plan = replace(PLAN, triage=replace(PLAN.triage, accept_after_s=20.0))
    watched = fleet(plan).play(60).play(120, sick("r1"))
    assert [change for change, *_ in kinds(watched.run)] == ["opened", "resolved"]
    watched.play(10, sick("r1", 3000.0))
    assert kinds(watched.run)[-1] == ("opened", "performance_degradation", "r1")


def test_the_steps_of_a_playbook_do_not_expire_with_a_backlog() -> None:
    steps = (*BREAKER.steps, Step("rollback", "{service}/{model}"))
    plan = replace(ACTING, decisions=replace(PLAN.decisions, playbooks=(replace(BREAKER, steps=steps),)))
    watched = fleet(plan).play(60).play(ENOUGH_S, sick("r1"))
    (first,) = watched.run.intents
    watched.run.answer(outcome(first, "expired", watched.now_s + 86_400.0))
    assert [(intent.kind, intent.expires_at_s - watched.now_s < 200.0) for intent in watched.run.intents] == [
        ("circuit_breaker", True), ("rollback", True),
    ]


def test_the_fleet_size_is_the_number_of_replicas_with_records() -> None:
    watched = fleet(ACTING, ("r0", "r1", "r2")).play(60).play(ENOUGH_S, sick("r1"))
    assert watched.run.intents[0].params["fleet_size"] == 3


def test_pods_that_come_and_go_are_evicted_in_time_without_false_incidents() -> None:
    scopes = replace_scopes(max_series=40, min_idle_s=8.0)
    watched = fleet(scopes, [f"pod{number}" for number in range(60)])

    def churn(second: int, replica: str) -> Second | None:
        return Second(each=6) if int(replica[3:]) // 4 == second // 12 % 15 else None

    for part in range(20):
        watched.play(9, churn)
        watched.run.advance_time(watched.now_s + 0.5, idle=())
        watched.second += 3  # a gap without a record, in which idle series are swept
        if part % 4 == 0:
            watched.run.restart()
    series = watched.run.shard.series
    assert len(series) <= 40
    assert watched.run.evicted > 0
    known = {scope.replica for _, scope in map(series.key, series.active().tolist())}
    assert len(known) <= 17
    for incident in watched.run.incidents.values():
        assert incident.service == "chat"


def replace_scopes(**changes: object) -> Plan:
    return replace(PLAN, scopes=replace(PLAN.scopes, **changes))  # type: ignore[arg-type]


def test_a_state_of_another_configuration_keeps_what_the_same_parameters_learned() -> None:
    snapshot = fleet().play(10).run.shard.snapshot()
    found = Shard.restored(replace(PLAN, state_hash="another"), snapshot).migration
    assert found is not None
    assert found.is_whole
