"""Several causes in one service at a time: each has an incident of its own, from its first alarm to its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from classifiers.causes.assignment import Assignment, CauseParams, EpisodeView
from classifiers.evidence.evidence_table import ABSENCE
from classifiers.incidents.params import TriageParams
from classifiers.incidents.relations import inhibited
from classifiers.incidents.triage import IncidentChange, Triage
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import Anomaly, Related
from tests.classifiers.assignment_by_family import absorbing, by_family_triage, play
from tests.classifiers.readings import ALL, CODE, R0, R1, SERVICE, reading


def summary(changes: list[IncidentChange]) -> list[tuple[str, float, str | None, str | None]]:
    return [(t.change, t.incident.opened_at_s, t.incident.replica, t.incident.tenant) for t in changes]


def test_two_causes_at_once_are_two_incidents_each_with_its_own_scope_and_id() -> None:
    changes = play(by_family_triage(), "..bb")
    assert summary(changes) == [("opened", 3.0, "r0", None), ("opened", 3.0, None, "code")]
    assert len({change.incident.id for change in changes}) == 2
    assert [change.incident.id for change in play(by_family_triage(), "..bb")] == [t.incident.id for t in changes]


def test_a_second_cause_opens_beside_the_first_and_each_ends_by_its_own_quiet() -> None:
    #                                   slow opens 3, worse opens 6, slow ends 8 s after its last alarm at 7
    changes = play(by_family_triage(), "..sssbbbwwwwwwwwww............")
    assert summary(changes) == [
        ("opened", 3.0, "r0", None), ("opened", 6.0, None, "code"),
        ("resolved", 3.0, "r0", None), ("resolved", 6.0, None, "code"),
    ]
    assert [t.incident.resolved_at_s for t in changes[2:]] == [15.0, 25.0]


def test_a_service_counts_as_having_an_episode_until_the_last_one_is_over() -> None:
    triage = by_family_triage()
    play(triage, "..bbbwwwwwwwwwww")
    assert list(triage.episodes) == [SERVICE]
    play(triage, "........", 16)
    assert triage.episodes == {}


def test_only_readings_of_the_metrics_and_the_scope_that_were_hit_prove_recovery() -> None:
    triage = by_family_triage()
    play(triage, "..ss")
    for second in range(4, 40):
        elsewhere = ((ALL, "latency_ms"), (R0, "confidence"), (R1, "latency_ms"))
        assert triage.observe(SERVICE, second, [reading(scope, metric, second) for scope, metric in elsewhere]) == []
    changes = triage.observe(SERVICE, 40.0, [reading(R0, "latency_ms", 40.0)])
    assert [change.change for change in changes] == ["resolved"]


def test_another_causes_alarm_on_the_same_scope_proves_nothing() -> None:
    def by_size(
        readings: Sequence[Anomaly], _live: Sequence[EpisodeView], _now_s: float, _params: CauseParams, _least: float,
    ) -> list[Assignment]:
        alarms = {"big" if abs((one.value or 0.0) - 100.0) > 500.0 else "small" for one in readings if one.alarming}
        return [Assignment(alarms.pop(), tuple(readings))]

    triage = Triage(TriageParams(), lambda _: 2, "abc", by_size)
    for second in range(40):
        triage.observe(SERVICE, second, [reading(R0, "latency_ms", second, 9.0 if second < 4 else 1.0)])
    assert len(triage.open_incidents()) == 2


def test_silence_that_ends_is_proven_by_any_reading_of_the_scope() -> None:
    triage = by_family_triage()
    gone = replace(reading(R0, "latency_ms", 1.0, -0.9), detector=ABSENCE, value=None, expected=None)
    changes = [change for second in (1.0, 2.0) for change in triage.observe(SERVICE, second, [gone])]
    for second in range(3, 20):
        changes += triage.observe(SERVICE, second, [reading(R0, "error", second)])
    assert [(t.change, t.incident.resolved_at_s) for t in changes] == [("opened", None), ("resolved", 10.0)]


@pytest.mark.parametrize("cut", range(1, 31, 2))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    story = "..sssbbbwww.ssswwww.............."
    first, second, whole = by_family_triage(), by_family_triage(), by_family_triage()
    before = play(first, story[:cut])
    load(second, json.loads(json.dumps(dump(first))))
    assert before + play(second, story[cut:], cut) == play(whole, story)
    assert dump(second) == dump(whole)


def test_a_pending_episode_that_turns_out_to_be_another_is_merged_into_it() -> None:
    triage = absorbing(("latency", "quality"), from_s=4.0)
    play(triage, "..ssbss"[:4])
    triage.observe(SERVICE, 3.5, [reading(CODE, "confidence", 3.5, -0.5)])
    play(triage, "s", 4)
    (episode,) = triage.episodes[SERVICE].values()
    assert (episode.key, ("confidence", CODE) in episode.evidence.series) == ("latency", True)
    assert [entry.event for entry in triage.drain_audit() if entry.subject == "chat/gpt/quality"] == ["alarm", "absorb"]


def test_two_pending_episodes_that_are_one_confirm_by_the_alarms_of_both() -> None:
    triage = absorbing(("latency", "quality"), from_s=2.0)
    early = replace(reading(CODE, "confidence", 1.0, -0.5), onset_s=0.25, onset_error_s=0.5)
    triage.observe(SERVICE, 1.0, [early])
    changes = triage.observe(SERVICE, 2.0, [reading(R0, "latency_ms", 2.0, 1.0)])
    assert changes == []
    (episode,) = triage.episodes[SERVICE].values()
    assert (episode.started_at_s, episode.onset_at_s, len(episode.alarm_instants)) == (1.0, 0.25, 2)


def test_a_confirmed_incident_that_turns_out_to_be_another_is_inhibited_and_never_gone() -> None:
    triage = absorbing(("latency", "quality"), from_s=6.0)
    slow, worse = (change.incident for change in play(triage, "..ssbb"))
    changes = play(triage, "bb", 6)
    assert [(t.change, t.incident.id, t.incident.related) for t in changes] == [
        ("updated", worse.id, (Related(slow.id, "caused_by"),)), ("updated", slow.id, (Related(worse.id, "causes"),)),
    ]
    assert inhibited(changes[0].incident)
    ended = play(triage, "." * 20, 8)
    assert {(t.change, t.incident.id) for t in ended} == {("resolved", slow.id), ("resolved", worse.id)}


def test_two_incidents_never_explain_each_other() -> None:
    triage = absorbing(("latency", "quality"), ("quality", "latency"), from_s=6.0)
    play(triage, "..ssbbbb")
    assert sorted(inhibited(incident) for incident in triage.open_incidents()) == [False, True]


def test_what_is_accepted_beside_another_incident_is_relearned_alone() -> None:
    triage = by_family_triage(TriageParams(accept_after_s=20.0))
    play(triage, "s" * 15)
    changes = play(triage, "b" * 7, 15)
    (accepted,) = [change for change in changes if change.accepted]
    assert set(accepted.relearn) == {("latency_ms", ALL), ("latency_ms", R0)}
    alone = by_family_triage(TriageParams(accept_after_s=20.0))
    (whole,) = [change for change in play(alone, "s" * 22) if change.accepted]
    assert whole.relearn == ()


@pytest.mark.parametrize(("samples", "opens"), [(39, True), (40, True), (41, False)])
def test_an_incident_needs_samples_behind_its_alarms(samples: int, opens: bool) -> None:
    triage = by_family_triage(TriageParams(confirm_samples=samples))
    assert bool(play(triage, "..ss")) == opens


def test_silence_needs_no_samples() -> None:
    triage = by_family_triage(TriageParams(confirm_samples=1000))
    gone = replace(reading(R0, "latency_ms", 1.0, -0.9), detector=ABSENCE, count=0)
    assert [t.change for second in (1.0, 2.0) for t in triage.observe(SERVICE, second, [gone])] == ["opened"]
