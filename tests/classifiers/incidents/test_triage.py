from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from classifiers.incidents.triage import IncidentChange, Triage, TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import ActionRecord, Anomaly
from tests.classifiers.readings import ALL, FLEET, R0, SERVICE, V1, V2, instant, reading, silence


def make() -> Triage:
    return Triage(TriageParams(), lambda _: 2, "abc")


def play(triage: Triage, changes: str, metric: str = "latency_ms", start_s: float = 0.0) -> list[IncidentChange]:
    """One character a second: `.` as expected, `x` replica r0 off, `!` all off, `o` nothing from r0, `_` no data."""
    out: list[IncidentChange] = []
    for second, mark in enumerate(changes):
        now_s = start_s + second
        moved = {".": {}, "x": {ALL: 0.4, R0: 1.0}, "!": dict.fromkeys(FLEET, 1.0), "o": {}, "_": {}}
        readings = [] if mark == "_" else instant(now_s, metric, moved[mark])
        if mark == "o":
            readings = [one for one in readings if one.scope != R0]
        out += triage.observe(SERVICE, now_s, readings)
    return out


def test_a_single_strange_window_pages_nobody() -> None:
    #                        pending fades
    assert play(make(), "....x.......") == []


def test_a_second_alarm_within_the_confirmation_window_opens() -> None:
    changes = play(make(), "....x.x")
    assert [(t.change, t.incident.opened_at_s) for t in changes] == [("opened", 6.0)]


def test_two_alarms_too_far_apart_do_not_open() -> None:
    assert play(make(), "..x....x....") == []


def test_two_series_beyond_doubt_open_at_once() -> None:
    triage = make()
    loud = [reading(scope, "latency_ms", 1.0, 9.0, 5.0) for scope in (ALL, R0)]
    assert [t.change for t in triage.observe(SERVICE, 1.0, loud)] == ["opened"]


def test_silence_whose_siblings_report_opens_at_once_and_names_its_part() -> None:
    heard = [one for one in instant(4.0, "latency_ms", {}) if one.scope != R0]
    (change,) = make().observe(SERVICE, 4.0, [*heard, silence(R0, 4.0)])
    assert (change.change, change.incident.category, change.incident.replica) == ("opened", "availability", "r0")


def test_silence_of_the_whole_service_opens_at_once() -> None:
    (change,) = make().observe(SERVICE, 4.0, [silence(scope, 4.0) for scope in FLEET])
    assert (change.change, change.incident.replica) == ("opened", None)


def test_silence_of_a_part_waits_while_no_sibling_reports() -> None:
    triage = make()
    assert triage.observe(SERVICE, 4.0, [silence(R0, 4.0)]) == []
    assert [t.change for t in triage.observe(SERVICE, 5.0, [silence(R0, 5.0)])] == ["opened"]


@pytest.mark.parametrize(("goes_on", "replica"), [(False, None), (True, "r0")])
def test_a_service_that_falls_silent_is_not_a_silent_replica_because_the_others_reported_a_window_longer(
    goes_on: bool, replica: str | None,
) -> None:
    """The least of its traffic in its last window makes the episode begin before any silence."""
    triage = make()
    last = [one for one in instant(2.0, "latency_ms", {ALL: 0.9}) if one.scope != R0]
    assert triage.observe(SERVICE, 2.0, last) == []
    assert triage.observe(SERVICE, 4.0, [silence(R0, 4.0)]) == []
    others = [one for one in instant(5.0, "latency_ms", {}) if one.scope != R0]
    later = [silence(R0, 5.0), *others] if goes_on else [silence(scope, 5.0) for scope in FLEET]
    (change,) = triage.observe(SERVICE, 5.0, later)
    assert (change.change, change.incident.category, change.incident.replica) == ("opened", "availability", replica)


def test_an_incident_opens_once_and_resolves_after_quiet() -> None:
    #                             open 3     quiet from 6, resolved 8 s after the last alarm at 5
    changes = play(make(), "..xxxx..........")
    assert [(t.change, t.incident.state) for t in changes] == [("opened", "open"), ("resolved", "resolved")]
    assert changes[-1].incident.resolved_at_s == 13.0
    assert changes[0].incident.id == changes[-1].incident.id


@pytest.mark.parametrize("silence", ["_", "o"])
def test_silence_of_the_scope_that_was_hit_does_not_count_as_recovery(silence: str) -> None:
    assert [t.change for t in play(make(), "..xxxx" + silence * 40)] == ["opened"]


def test_an_incident_whose_scope_stays_silent_ends_unproven() -> None:
    changes = play(make(), "..xxxx" + "o" * 61)
    assert [(t.change, t.incident.resolved_at_s) for t in changes] == [("opened", None), ("resolved", 65.0)]


def test_a_relapse_while_clearing_stays_the_same_incident() -> None:
    changes = play(make(), "..xxxx.....xxx.........")
    assert [t.change for t in changes] == ["opened", "resolved"]


def test_a_wider_scope_updates_the_incident() -> None:
    changes = play(make(), "..xx!!!!!!!!")
    assert (changes[0].change, changes[0].incident.replica) == ("opened", "r0")
    assert changes[-1].incident.replica is None


def test_each_change_of_the_severity_is_in_the_audit_with_from_to_and_why() -> None:
    triage = make()
    changes = play(triage, "..xx" + "!" * 20)
    told = list(dict.fromkeys(one.incident.severity for one in changes))
    audited = [one for one in triage.drain_audit() if one.event == "severity"]
    steps = [f"from {old} to {new}: " for old, new in pairwise(told)]
    assert len(steps) >= 1
    assert [entry.reason[:len(step)] for entry, step in zip(audited, steps, strict=True)] == steps
    assert all(one.subject == changes[0].incident.id and one.before == one.after == "open" for one in audited)
    assert "all is hit, 100% of the traffic" in audited[-1].reason


def test_an_episode_lives_from_its_first_alarm_until_it_fades() -> None:
    triage = make()
    play(triage, "..x")
    assert SERVICE in triage.episodes
    play(triage, ".....", start_s=3.0)
    assert SERVICE not in triage.episodes


def test_an_incident_that_never_ends_is_accepted_as_the_new_normal() -> None:
    triage = Triage(TriageParams(accept_after_s=20.0), lambda _: 2, "abc")
    changes = play(triage, "x" * 30)
    assert [t.change for t in changes[:2]] == ["opened", "resolved"]


def test_a_new_version_that_serves_is_suspected_and_an_old_one_is_not() -> None:
    triage = make()
    triage.record_version(SERVICE, "v1", 0.0)
    triage.record_version(SERVICE, "v2", 95.0)
    for now_s in (100.0, 101.0):
        readings = [*instant(now_s, "confidence", dict.fromkeys(FLEET, -0.5)), reading(V2, "confidence", now_s)]
        changes = triage.observe(SERVICE, now_s, readings)
    assert changes[0].incident.version == "v2"
    play(triage, "..............", "confidence", 102.0)
    for now_s in (200.0, 201.0):
        readings = [*instant(now_s, "confidence", dict.fromkeys(FLEET, -0.5)), reading(V1, "confidence", now_s)]
        changes = triage.observe(SERVICE, now_s, readings)
    assert changes[0].incident.version is None


def test_an_outcome_is_recorded_on_its_incident_and_one_of_another_is_ignored() -> None:
    triage = make()
    opened = play(triage, "..xx")[0].incident
    record = ActionRecord("k", "circuit_breaker", "chat/r0", "auto", "executed", 4.0, 5.0)
    updated = triage.record_action(opened.id, record)
    assert updated is not None
    assert updated.incident.actions == (record,)
    assert triage.record_action("inc-other", record) is None


@pytest.mark.parametrize("cut", range(1, 22))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    story = "..xxxx!!.....xx..........."
    whole = play(make(), story)
    first = make()
    before = play(first, story[:cut])
    second = make()
    load(second, json.loads(json.dumps(dump(first))))
    assert before + play(second, story[cut:], start_s=float(cut)) == whole


def test_a_damaged_snapshot_is_refused_by_place() -> None:
    with pytest.raises(ValueError, match="episodes"):
        load(make(), {"episodes": [{"service": 1}], "versions": []})


def dated(now_s: float, onset_s: float, error_s: float | None) -> list[Anomaly]:
    return [replace(one, onset_s=onset_s, onset_error_s=error_s) for one in instant(now_s, "latency_ms", {R0: 1.0})]


def test_the_onset_is_that_of_the_alarm_that_is_surest_and_never_after_the_opening() -> None:
    triage = make()
    assert triage.observe(SERVICE, 10.0, dated(10.0, 2.0, 6.0)) == []
    (opened,) = triage.observe(SERVICE, 11.0, dated(11.0, 8.5, 1.5))
    assert (opened.incident.onset_at_s, opened.incident.onset_error_s) == (8.5, 1.5)
    for now_s, onset_s, error_s in ((12.0, 3.0, None), (13.0, 12.5, 0.5)):
        triage.observe(SERVICE, now_s, dated(now_s, onset_s, error_s))
    (episode,) = triage.episodes[SERVICE].values()
    assert (episode.onset_at_s, episode.onset_error_s) == (8.5, 1.5)


def test_an_incident_that_a_human_expected_ends_at_once_with_what_it_showed() -> None:
    triage = make()
    play(triage, "x" * 5)
    (opened,) = triage.open_incidents()
    triage.drain_audit()
    change = triage.resolve_expected(opened.id, "ana", 5.0)
    assert change is not None
    assert [(entry.event, entry.actor) for entry in triage.drain_audit()] == [("expect", "ana")]
    assert (change.incident.state, change.incident.resolution, change.accepted) == ("resolved", "expected", True)
    assert set(change.relearn) == {("latency_ms", ALL), ("latency_ms", R0)}
    shifts = triage.history.shifts_of(opened.id)
    assert shifts is not None
    assert (shifts.dimension, shifts.part) == ("replica", "r0")
    assert (triage.open_incidents(), triage.episodes) == ([], {})


def test_an_incident_that_a_human_declared_over_opens_anew_when_it_alarms_on() -> None:
    triage = make()
    play(triage, "x" * 5)
    (opened,) = triage.open_incidents()
    triage.drain_audit()
    change = triage.resolve_by_hand(opened.id, "ben", 5.0, "the driver is back")
    assert change is not None
    assert [(entry.event, entry.reason, entry.actor) for entry in triage.drain_audit()] == [
        ("close", "ben declared it over: the driver is back", "ben"),
    ]
    assert (change.incident.state, change.incident.resolution, change.accepted) == ("resolved", "manual", False)
    assert (triage.open_incidents(), triage.episodes) == ([], {})
    play(triage, "." * 5 + "x" * 5)
    (again,) = triage.open_incidents()
    assert again.id != opened.id
    assert [(each.id, each.relation) for each in again.related] == [(opened.id, "reopens")]


def test_a_silence_that_a_person_declared_over_opens_nothing_until_records_came_again() -> None:
    triage = make()
    play(triage, "." * 10)

    def silent(since_s: float, seconds: int) -> list[IncidentChange]:
        found: list[IncidentChange] = []
        for second in range(3, seconds):
            now_s = since_s + second
            readings = [replace(silence(scope, now_s), start_s=since_s) for scope in (ALL, R0, V1)]
            found += triage.observe(SERVICE, now_s, readings)
        return found

    (opened,) = [one.incident for one in silent(10.0, 6)]
    what = r": no requests are reported any more: no value of \w+ since 1970-01-01 00:00 UTC$"
    assert re.search(what, opened.title), opened.title
    triage.drain_audit()
    assert triage.resolve_by_hand(opened.id, "ben", 16.0, "switched off") is not None
    (closed,) = triage.drain_audit()
    assert closed.reason == (
        "ben declared it over: switched off; what has been silent since opens no other one until records come again"
    )
    restored = make()
    load(restored, dump(triage))
    triage = restored
    assert silent(10.0, 60) == []
    play(triage, "." * 10, start_s=80.0)
    (again,) = [one.incident for one in silent(90.0, 6)]
    assert [(each.id, each.relation) for each in again.related] == [(opened.id, "reopens")]


def test_an_incident_that_is_not_open_cannot_be_expected() -> None:
    assert make().resolve_expected("inc-x", "ana", 5.0) is None
    assert make().resolve_by_hand("inc-x", "ben", 5.0) is None
