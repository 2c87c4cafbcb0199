"""What happens to a small made-up fleet, second by second, and what the shard makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actions.playbook import Step
from classifiers.incidents.dependencies import Dependency
from classifiers.model import Related
from streams.pipeline import Shard
from streams.shard.plan import Plan
from streams.shard.snapshot import SnapshotMismatch
from tests.simulation.fleet import ACTING, BREAKER, PLAN, Second, T, fleet, kinds, sick, silent
from tests.streams.fakes import outcome


def test_a_steady_fleet_raises_nothing() -> None:
    assert fleet().play(120).run.changes == []


def test_a_new_version_that_does_worse_is_to_blame() -> None:
    told = fleet().play(60).play(20, lambda _, __: Second(confidence=0.4, version="v2"))
    (first, *_) = told.run.incidents.values()
    assert (first.category, first.version, first.replica) == ("model_degradation", "v2", None)


def test_a_replica_that_falls_silent_is_missed_by_name_and_its_return_ends_it() -> None:
    told = fleet().play(60).play(20, silent("r1"))
    assert kinds(told.run) == [("opened", "availability", "r1")]
    assert told.run.changes[0][1].opened_at_s <= T + 65
    told.play(20)
    assert kinds(told.run)[-1] == ("resolved", "availability", "r1")


def test_total_silence_is_noticed_by_the_passing_of_time() -> None:
    told = fleet().play(60).silence(10)
    assert kinds(told.run) == [("opened", "availability", None)]
    assert told.run.changes[0][1].opened_at_s <= T + 66


def test_a_source_that_may_still_have_records_stops_the_time() -> None:
    told = fleet().play(60)
    for tick in range(600):
        told.run.pass_time(told.now_s + tick, idle=())
    assert told.run.changes == []


def test_silence_noticed_in_one_leap_is_the_silence_noticed_tick_by_tick() -> None:
    ticks, leap = fleet(ACTING).play(60), fleet(ACTING).play(60)
    ticks.silence(100)
    leap.run.pass_time(leap.now_s + 100.0)
    assert leap.run.story() == ticks.run.story()
    assert leap.run.changes[0][0] == "opened"


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_restart_in_the_middle_of_silence_notices_it_all_the_same_with_the_same_id(at: int) -> None:
    whole, restarted = fleet().play(60).silence(30), fleet().play(60).silence(at)
    restarted.run.restart()
    restarted.silence(30 - at)
    assert restarted.run.changes == whole.run.changes
    assert kinds(whole.run) == [("opened", "availability", None)]


def test_the_silence_behind_our_own_breaker_is_no_news_nor_is_it_when_the_breaker_is_lifted() -> None:
    told = fleet(ACTING).play(60).play(6, sick("r1"))
    assert [intent.target for intent in told.answer()] == ["chat/r1"]
    told.play(80, silent("r1"))
    assert [change for change, *_ in kinds(told.run)] == ["opened", "resolved"]
    assert [(intent.target, intent.undo) for intent in told.answer(since=1)] == [("chat/r1", True)]
    told.play(1, silent("r1")).play(60)
    assert len(told.run.incidents) == 1


def test_a_breaker_that_only_was_suggested_excuses_no_silence() -> None:
    told = fleet(ACTING).play(60).play(6, sick("r1"))
    told.answer("suggested")
    told.play(40, silent("r1"))
    assert any("silent" in incident.title for incident in told.run.incidents.values())


def test_a_replica_that_stays_away_after_the_breaker_was_lifted_is_missed() -> None:
    told = fleet(ACTING).play(60).play(6, sick("r1"))
    told.answer()
    told.play(80, silent("r1"))
    told.answer(since=1)
    told.play(20, silent("r1"))
    assert kinds(told.run)[-1] == ("opened", "availability", "r1")


def test_nothing_is_learned_of_a_service_while_its_incident_is_open() -> None:
    told = fleet().play(60).play(6, sick("r1"))
    suite, rows = told.run.shard.suite, told.run.shard.series.active()
    before = suite.snapshot(rows)
    told.play(5, sick("r1"))
    after = suite.snapshot(rows)
    learned = [name for name in before if name.startswith("robust_location.rows")]
    assert learned
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in learned)
    told.play(40)
    assert kinds(told.run)[-1] == ("resolved", "performance_degradation", "r1")
    assert any(not np.array_equal(after[name], suite.snapshot(rows)[name], equal_nan=True) for name in learned)


def test_every_incident_is_in_the_audit_from_its_first_alarm_to_its_end() -> None:
    told = fleet().play(60).play(6, sick("r1")).play(40)
    (incident,) = told.run.incidents.values()
    steps = [(entry.before, entry.after) for entry in told.run.audit if entry.subject == incident.id]
    assert (told.run.audit[0].event, steps[0], steps[-1]) == ("alarm", ("pending", "open"), ("clearing", "resolved"))


def test_an_incident_of_another_shard_explains_ours_and_keeps_its_remedies_back() -> None:
    needs = replace(PLAN.triage, dependencies=(Dependency("chat", ("db",)),))
    plan = replace(ACTING, triage=needs)
    alone = fleet(plan).play(60).play(6, sick("r1"))
    assert [intent.kind for intent in alone.run.intents] == ["circuit_breaker"]
    (opened, *_) = alone.run.incidents.values()
    cause = replace(opened, id="inc-db", service="db", replica=None, actions=())
    told = fleet(plan).play(60)
    assert told.run.shard.apply_remote_incident(cause).transitions == []
    told.run.restart()
    told.play(6, sick("r1"))
    (effect,) = told.run.incidents.values()
    assert (effect.related, told.run.intents) == ((Related("inc-db", "caused_by"),), [])


def test_a_cause_that_is_heard_of_later_is_told_on_the_open_incident() -> None:
    needs = replace(PLAN.triage, dependencies=(Dependency("chat", ("db",)),))
    told = fleet(replace(PLAN, triage=needs)).play(60).play(6, sick("r1"))
    (opened,) = told.run.incidents.values()
    products = told.run.shard.apply_remote_incident(replace(opened, id="inc-db", service="db"))
    assert [(t.change, t.incident.related) for t in products.transitions] == [
        ("updated", (Related("inc-db", "caused_by"),)),
    ]
    assert [entry.event for entry in products.audit] == ["inhibit"]


def test_a_change_that_lasts_is_accepted_learned_and_raises_nothing_more() -> None:
    plan = replace(PLAN, triage=replace(PLAN.triage, accept_after_s=20.0))
    told = fleet(plan).play(60).play(120, sick("r1"))
    assert [change for change, *_ in kinds(told.run)] == ["opened", "resolved"]
    told.play(10, sick("r1", 3000.0))
    assert kinds(told.run)[-1] == ("opened", "performance_degradation", "r1")


def test_a_ladder_does_not_climb_past_the_age_of_a_backlog() -> None:
    steps = (*BREAKER.steps, Step("rollback", "{service}/{model}"))
    plan = replace(ACTING, decisions=replace(PLAN.decisions, playbooks=(replace(BREAKER, steps=steps),)))
    told = fleet(plan).play(60).play(6, sick("r1"))
    (first,) = told.run.intents
    told.run._note(told.run.shard.apply_outcome(outcome(first, "expired", told.now_s + 86_400.0)))
    assert [(intent.kind, intent.expires_at_s - told.now_s < 200.0) for intent in told.run.intents] == [
        ("circuit_breaker", True), ("rollback", True),
    ]


def test_the_fleet_is_as_large_as_the_replicas_that_were_seen() -> None:
    told = fleet(ACTING, ("r0", "r1", "r2")).play(60).play(6, sick("r1"))
    assert told.run.intents[0].params["fleet_size"] == 3


def test_pods_that_come_and_go_are_evicted_in_time_and_take_nobody_with_them() -> None:
    scopes = replace_scopes(max_series=40, min_idle_s=8.0)
    told = fleet(scopes, [f"pod{number}" for number in range(60)])

    def churn(second: int, replica: str) -> Second | None:
        return Second(each=6) if int(replica[3:]) // 4 == second // 12 % 15 else None

    for part in range(20):
        told.play(9, churn)
        told.run.pass_time(told.now_s + 0.5, idle=())
        told.second += 3  # a gap without a record, in which idle series are swept
        if part % 4 == 0:
            told.run.restart()
    assert len(told.run.shard.series) <= 40
    assert told.run.evicted > 0
    known = {scope.replica for _, scope in map(told.run.shard.series.key, told.run.shard.series.active().tolist())}
    assert len(known) <= 17
    for incident in told.run.incidents.values():
        assert incident.service == "chat"


def replace_scopes(**changes: object) -> Plan:
    return replace(PLAN, scopes=replace(PLAN.scopes, **changes))  # type: ignore[arg-type]


def test_a_state_learned_under_other_parameters_is_refused() -> None:
    snapshot = fleet().play(10).run.shard.snapshot()
    with pytest.raises(SnapshotMismatch, match="of configuration"):
        Shard.restored(replace(PLAN, state_hash="another"), snapshot)
