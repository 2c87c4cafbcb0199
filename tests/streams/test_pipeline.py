"""Records fill windows; everything else follows from ticks, in one order, and once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from actions.playbooks.identity import key
from benchmarks.scrapes import T as SCRAPES_T
from benchmarks.scrapes import scrapes, steady
from classifiers.by_hand import Assign, Resolve, Update
from classifiers.directives import Matcher, Silence
from classifiers.incidents.dependencies import Dependency
from classifiers.model import ActionRecord, Incident, Related
from streams.contracts.envelopes import audit_message
from streams.contracts.ticks import Tick
from streams.intake.formats import InputFormat, InputPlan
from streams.pipeline import Products, Shard, Stage
from tests.classifiers.feedback_stream import feedback
from tests.simulation.fleet import ACTING, Fleet, fleet, sick
from tests.streams.fakes import LATENCY, T, batch, clocked, default_plan, incident, intent, outcome, requests
from tests.streams.intake.scraped_records import records as scraped
from tests.streams.records import FakeRecord

PLAN = default_plan()


def tick(shard: Shard, close_until_s: float | None = None, at_s: float = T + 60.0, **parts: Any) -> Tick:
    """A tick after all that the shard has read."""
    return Tick(1, at_s, dict(shard.offsets), close_until_s, **parts)


def test_a_batch_is_counted_by_what_became_of_its_records() -> None:
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(5)).records)
    shard.apply_tick(tick(shard, T + 4.0))
    found = shard.ingest(LATENCY, batch([*requests(1), b"{", *requests(2, start=5)], first=50).records)
    assert (found.accepted, found.late, [dead.record.offset for dead in found.dead]) == (20, 10, [60])
    assert shard.offsets == {LATENCY: 81}


def test_records_that_it_contains_are_skipped_and_the_rest_of_their_batch_is_added() -> None:
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(3)).records)
    again = shard.ingest(LATENCY, batch(requests(4)).records)
    assert (again.accepted, shard.offsets) == (10, {LATENCY: 40})
    nothing = shard.ingest(LATENCY, batch(requests(4)).records)
    assert (nothing.accepted, nothing.dead, nothing.times, shard.offsets) == (0, [], None, {LATENCY: 40})


def test_an_empty_batch_is_nothing() -> None:
    shard = Shard(PLAN)
    assert shard.ingest(LATENCY, []) == Products(source=LATENCY)
    assert (shard.offsets, shard.ticked_at_s) == ({}, None)


def test_records_alone_close_nothing_however_late_they_are() -> None:
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(30)).records)
    assert (len(shard.series), shard.windower.closed_s, shard.detection.evaluated_until_s) == (0, -inf, -inf)


def test_a_tick_closes_windows_up_to_its_time_and_looks_at_the_empty_ones_after_them() -> None:
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records)
    shard.apply_tick(tick(shard, T + 9.0))
    assert (shard.windower.closed_s, shard.detection.evaluated_until_s) == (T + 9.0, T + 9.0)
    shard.apply_tick(tick(shard, T + 59.0))
    assert (shard.windower.closed_s, shard.detection.evaluated_until_s) == (T + 59.0, T + 59.0)


def test_a_tick_that_closes_no_more_than_an_earlier_one_moves_nothing_back() -> None:
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records)
    for until_s in (T + 9.0, T - 3600.0, None):
        shard.apply_tick(tick(shard, until_s))
        assert (shard.windower.closed_s, shard.detection.evaluated_until_s) == (T + 9.0, T + 9.0)


def test_a_shard_that_never_saw_a_record_has_no_time() -> None:
    shard = clocked(PLAN)
    shard.apply_tick(tick(shard, T))
    assert (shard.changes, shard.detection.evaluated_until_s) == (0, -inf)


def test_records_are_checked_against_the_time_of_the_last_tick() -> None:
    """And not against a clock, so that a record is refused on a repeat as it was at first."""
    shard = clocked(PLAN, T)
    record = batch(requests(1, start=7200)).records
    assert shard.ingest(LATENCY, record).accepted == 0
    shard = clocked(PLAN, T + 7200.0)
    assert shard.ingest(LATENCY, record).accepted == 10


def test_the_first_tick_is_the_time_and_the_generation() -> None:
    shard = Shard(PLAN)
    assert (shard.ticked_at_s, shard.generation) == (None, 0)
    shard.apply_tick(Tick(7, T, {}))
    assert (shard.ticked_at_s, shard.generation) == (T, 7)


def test_every_stage_is_timed() -> None:
    seen: list[Stage] = []

    @contextmanager
    def stopwatch(stage: Stage) -> Iterator[None]:
        seen.append(stage)
        yield

    shard = Shard(PLAN, stopwatch)
    shard.apply_tick(tick(shard))
    shard.ingest(LATENCY, batch(requests(10)).records)
    shard.apply_tick(tick(shard, T + 9.0))
    assert {"decode", "window", "detect"} <= set(seen)


def test_feedback_is_learned_in_its_time_by_every_shard_alike_and_audited_as_one_event() -> None:
    given = replace(feedback(1), at_s=T + 3.0)
    shards = [clocked(PLAN, number=number) for number in (0, 1)]
    found = []
    for shard in shards:
        shard.ingest(LATENCY, batch(requests(8)).records)
        early = shard.apply_tick(tick(shard, T + 2.0, directives=(given,)))
        assert (early.audit, shard.triage.learning.advisor.feedback_count) == ([], 0)
        found.append(shard.apply_tick(tick(shard, T + 7.0)))
    assert [[entry.event for entry in products.audit] for products in found] == [["feedback"], ["feedback"]]
    assert audit_message(found[0].audit[0], "s") == audit_message(found[1].audit[0], "s")
    assert shards[0].triage.learning.dump() == shards[1].triage.learning.dump()
    assert Shard.restored(PLAN, shards[0].snapshot()).triage.learning.advisor.feedback_count == 1


def test_a_directive_that_waited_for_its_time_in_a_snapshot_is_applied_by_who_goes_on_from_it() -> None:
    """Ticks that are repeated do not carry it again, and the control topic is read only for later ones."""
    given = replace(feedback(1), at_s=T + 3.0)
    shard = clocked(PLAN)
    shard.ingest(LATENCY, batch(requests(8)).records)
    shard.apply_tick(tick(shard, T + 2.0, directives=(given,)))
    again = Shard.restored(PLAN, shard.snapshot())
    assert again.apply_tick(tick(shard, T + 7.0)).audit == shard.apply_tick(tick(shard, T + 7.0)).audit != []


# Outcomes.


def opened(seconds: int = 7) -> tuple[Fleet, Incident]:
    """A fleet with a slow replica, its incident, and the intent to cut it off."""
    watched = fleet(ACTING).play(60).play(seconds, sick("r1"))
    (found,) = watched.run.incidents.values()
    watched.run.shard.apply_tick(tick(watched.run.shard))
    return watched, found


def test_an_outcome_waits_for_a_tick_and_is_applied_once() -> None:
    watched, _ = opened()
    shard, (asked,) = watched.run.shard, watched.run.intents
    shard.add_outcomes("outcomes", [outcome(asked)], 1)
    assert shard.has_outcomes
    first, second = shard.apply_tick(tick(shard)), shard.apply_tick(tick(shard))
    assert [change.incident.actions[0].status for change in first.transitions] == ["executed"]
    assert (second.transitions, shard.has_outcomes, shard.offsets["outcomes"]) == ([], False, 1)


def test_an_offset_of_outcomes_never_goes_back() -> None:
    shard = clocked(PLAN)
    for next_offset in (5, 3):
        shard.add_outcomes("outcomes", [], next_offset)
    assert shard.offsets == {"outcomes": 5}


def test_an_outcome_of_nobodys_intent_changes_nothing() -> None:
    shard = clocked(PLAN)
    shard.add_outcomes("outcomes", [outcome(intent())], 1)
    found = shard.apply_tick(tick(shard))
    assert (found.transitions, found.intents, shard.changes) == ([], [], 0)


# Lost incidents.

KEY = key("inc-1", "circuit_breaker", "chat/r0", "circuit_breaker", undo=False)
EXECUTED = ActionRecord(KEY, "circuit_breaker", "chat/r0", "auto", "executed", T, T + 1.0)


def test_a_lost_incident_is_resolved_with_its_reason_and_what_was_done_is_undone() -> None:
    shard = clocked(ACTING)
    found = shard.apply_tick(tick(shard, lost=(incident(actions=(EXECUTED,), category="availability"),)))
    (change,) = found.transitions
    resolved = change.incident
    assert (change.change, resolved.state, resolved.resolution) == ("resolved", "resolved", "lost")
    assert resolved.resolved_at_s == T + 60.0
    assert [(each.incident_id, each.kind, each.target, each.undo) for each in found.intents] == [
        ("inc-1", "circuit_breaker", "chat/r0", True),
    ]
    assert [(entry.event, entry.before, entry.after) for entry in found.audit] == [("lose", "open", "resolved")]


def test_the_undo_of_a_lost_incident_is_followed_to_its_end_and_not_decided_twice() -> None:
    shard = clocked(ACTING)
    lost = incident(actions=(EXECUTED,))
    (undo,) = shard.apply_tick(tick(shard, lost=(lost,))).intents
    again = shard.apply_tick(tick(shard, lost=(lost,)))
    assert (again.transitions, again.intents) == ([], [])
    shard.add_outcomes("outcomes", [outcome(undo)], 1)
    done = shard.apply_tick(tick(shard))
    assert [(change.incident.state, change.incident.actions[-1].status) for change in done.transitions] == [
        ("resolved", "executed"),
    ]


@pytest.mark.parametrize("status", ["pending", "failed", "dry_run", "suggested"])
def test_what_was_never_done_for_a_lost_incident_is_not_undone(status: str) -> None:
    shard = clocked(ACTING)
    lost = incident(actions=(replace(EXECUTED, status=status, done_at_s=None if status == "pending" else T),))
    assert [each.undo for each in shard.apply_tick(tick(shard, lost=(lost,))).intents] == []


def test_an_intent_of_a_lost_incident_that_turns_out_to_have_been_executed_is_undone_then() -> None:
    shard = clocked(ACTING)
    asked = intent(key=KEY)
    lost = incident(actions=(replace(EXECUTED, status="pending", done_at_s=None),))
    shard.apply_tick(tick(shard, lost=(lost,)))
    shard.add_outcomes("outcomes", [outcome(asked)], 1)
    (undo,) = shard.apply_tick(tick(shard)).intents
    assert (undo.target, undo.undo) == ("chat/r0", True)
    assert undo.decided_at_s == T + 60.0, "no window was evaluated yet: the time is that of the tick"


def test_an_incident_that_the_shard_knows_is_not_lost() -> None:
    watched, known = opened()
    shard = watched.run.shard
    found = shard.apply_tick(tick(shard, lost=(known,)))
    assert (found.transitions, found.audit) == ([], [])
    assert shard.triage.knows(known.id)


def test_a_lost_incident_of_the_future_does_not_end_before_it_began() -> None:
    shard = clocked(PLAN)
    lost = incident(opened_at_s=T + 500.0)
    (change,) = shard.apply_tick(tick(shard, lost=(lost,))).transitions
    assert change.incident.resolved_at_s == T + 500.0


# The order of effects.


def test_a_directive_counts_for_the_windows_that_close_by_the_tick_that_carries_it() -> None:
    silence = Silence("s1", (Matcher("service", "=", "chat"),), T, T + 600.0, "ana", "new cards")
    quiet = opened_at_once(directives=(silence,))
    assert {change.incident.silenced_by for change in quiet.transitions} == {"s1"}
    assert quiet.intents == []
    assert [each.kind for each in opened_at_once().intents] == ["circuit_breaker"]


def test_what_people_say_of_an_open_incident_and_why_they_end_it_is_in_the_audit() -> None:
    watched, found = opened()
    at_s = T + 67.0
    watched.run.add_directives([
        Assign(found.id, "ben", "ana", at_s), Update(found.id, "ben", at_s, "looking"),
        Resolve(found.id, "ben", at_s + 3.0, "the card was replaced"),
    ])
    watched.play(10, sick("r1"))
    said = [(one.event, one.reason, one.actor) for one in watched.run.audit if one.subject == found.id and one.actor]
    assert said == [
        ("assign", "ben is owner", "ana"), ("update", "looking", "ben"),
        ("close", "ben declared it over: the card was replaced", "ben"),
    ]


def test_an_incident_of_another_shard_is_known_before_windows_close() -> None:
    remote = incident(id="inc-db", service="db", replica=None)
    found = opened_at_once(incidents=(remote,))
    assert found.transitions[0].incident.related == (Related("inc-db", "caused_by"),)
    assert found.intents == []


def test_an_outcome_is_applied_before_windows_close() -> None:
    watched, found = opened()
    shard, (asked,) = watched.run.shard, watched.run.intents
    shard.ingest(LATENCY, seconds_of(watched, 3))
    shard.add_outcomes("outcomes", [outcome(asked)], 1)
    products = shard.apply_tick(tick(shard, shard.windower.closed_s + 3.0))
    assert products.transitions[0].incident.actions[0].status == "executed"
    assert products.transitions[0].incident.id == found.id


def test_a_lost_incident_is_over_before_an_incident_of_another_shard_comes() -> None:
    shard = clocked(ACTING)
    remote = incident(id="inc-db", service="db", replica=None)
    products = shard.apply_tick(tick(shard, lost=(incident(),), incidents=(remote,)))
    assert [(change.incident.id, change.change) for change in products.transitions] == [("inc-1", "resolved")]


def test_held_samples_are_flushed_before_windows_close() -> None:
    """The codec of a scraped source waits for the rest of a scrape; a source that is silent sends no rest."""
    form: InputFormat = "prometheus_json"
    plan = replace(PLAN, sources={"scrapes": False}, inputs={"scrapes": InputPlan(form)})
    values = [record for _, record in scraped(scrapes(60.0, steady), form, "scrapes")]
    held, flushed = clocked(plan, SCRAPES_T + 60.0), clocked(plan, SCRAPES_T + 60.0)
    for shard, flush in ((held, ()), (flushed, ("scrapes",))):
        shard.ingest("scrapes", values)
        shard.apply_tick(tick(shard, SCRAPES_T + 60.0, at_s=SCRAPES_T + 61.0, flush=flush))
    last_s = [float(shard.series.last_seen_s[shard.series.active()].max()) for shard in (held, flushed)]
    assert last_s[0] < last_s[1] <= SCRAPES_T + 60.0


# Open incidents are repeated.


def test_an_open_incident_is_published_again_every_minute_of_the_owners_clock() -> None:
    watched, found = opened()
    shard = watched.run.shard
    published = []
    for second in range(0, 181, 5):
        products = shard.apply_tick(tick(shard, at_s=T + 60.0 + second))
        published += [(second, change.change, change.incident.id) for change in products.transitions]
    assert published == [(60, "updated", found.id), (120, "updated", found.id), (180, "updated", found.id)]


def test_a_clock_that_was_set_back_does_not_keep_incidents_from_being_repeated() -> None:
    watched, _ = opened()
    shard = watched.run.shard
    for at_s in (T + 86_400.0, T + 100.0):
        shard.apply_tick(tick(shard, at_s=at_s))
    found = [len(shard.apply_tick(tick(shard, at_s=T + 100.0 + second)).transitions) for second in (30, 60, 90, 120)]
    assert found == [0, 1, 0, 1]


def test_a_repeat_does_not_end_a_silence_before_event_time_has_reached_its_end() -> None:
    """The owner's clock may be hours ahead of event time while a backlog is read."""
    silence = Silence("s1", (Matcher("service", "=", "chat"),), T, T + 80.0, "ana", "new cards")
    watched = fleet(ACTING)
    watched.run.add_directives([silence])
    watched.play(60).play(10, sick("r1"))
    shard = watched.run.shard
    found = [shard.apply_tick(tick(shard, at_s=T + 7200.0 + 61.0 * number)) for number in range(3)]
    assert {change.incident.silenced_by for products in found for change in products.transitions} == {"s1"}
    watched.play(5, sick("r1"))
    assert watched.run.intents == []


def seconds_of(watched: Fleet, seconds: int) -> list[FakeRecord]:
    """The records of further seconds with a slow replica, not given to the shard."""
    return [record for _ in range(seconds) for record in watched.next_second(sick("r1"))]


def opened_at_once(**parts: Any) -> Products:
    """What follows from one tick that closes all the windows in which an incident begins."""
    plan = replace(ACTING, triage=replace(ACTING.triage, dependencies=(Dependency("chat", ("db",)),)))
    watched = fleet(plan).play(60)
    shard = watched.run.shard
    shard.ingest(LATENCY, seconds_of(watched, 12))
    return shard.apply_tick(tick(shard, T + 71.0, **parts))
