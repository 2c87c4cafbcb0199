"""Two causes stay two, one cause stays one, however many metrics, replicas and tenants show it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from classifiers.causes.assignment import CauseParams, EpisodeView, assign_alarms
from classifiers.causes.symptoms import find_symptoms
from classifiers.evidence.evidence_table import ABSENCE, EvidenceTable
from classifiers.incidents.triage import IncidentChange, Triage, TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import Anomaly, Scope
from tests.classifiers.readings import ALL, CODE, FLEET, PROSE, R0, R1, SERVICE, reading

Moves = Mapping[str, Mapping[Scope, float]]
METRICS = ("confidence", "tpot_ms", "latency_ms", "prompt_tokens", "ttft_ms", "completion_tokens", "schema_violation",
           "input_drift", "error")
PART = {ALL: 2, R0: 1, R1: 1, CODE: 1, PROSE: 1}
"""Each replica and each tenant has half of the traffic."""


def hit(scope: Scope, change: float) -> dict[Scope, float]:
    """A change in one part, and what of it shows in the parts that cut across it."""
    siblings = {R0: R1, R1: R0, CODE: PROSE, PROSE: CODE}
    if scope == ALL:
        return dict.fromkeys(FLEET, change)
    return {one: change if one == scope else 0.0 if one == siblings[scope] else change / 2.0 for one in FLEET}


def both(a: Mapping[Scope, float], b: Mapping[Scope, float]) -> dict[Scope, float]:
    return {scope: a[scope] + b[scope] for scope in FLEET}


def instant(now_s: float, moves: Moves, onsets: Mapping[str, float]) -> list[Anomaly]:
    return [
        replace(
            reading(scope, metric, now_s, moves.get(metric, {}).get(scope, 0.0)), count=20 * PART[scope],
            onset_s=onsets.get(metric, now_s - 1.0), onset_error_s=1.0,
        )
        for metric in METRICS for scope in FLEET
    ]


def play(triage: Triage, stories: Sequence[tuple[float, float, Moves]], until_s: float = 40.0, start_s: float = 0.0,
         ) -> list[IncidentChange]:
    """Second by second; a story is (from, to, what moves meanwhile), its onset a second before it shows."""
    out: list[IncidentChange] = []
    for second in range(int(start_s), int(until_s)):
        now_s = float(second)
        moves: dict[str, dict[Scope, float]] = {}
        onsets: dict[str, float] = {}
        for begin_s, end_s, story in stories:
            for metric, changes in story.items() if begin_s <= now_s < end_s else ():
                known = moves.get(metric, dict.fromkeys(FLEET, 0.0))
                moves[metric] = both(known, dict(changes))
                onsets.setdefault(metric, begin_s - 1.0)
        out += triage.observe(SERVICE, now_s, instant(now_s, moves, onsets))
    return out


def make() -> Triage:
    return Triage(TriageParams(), lambda _: 2, "abc")


def opened(changes: Sequence[IncidentChange]) -> list[tuple[str, str | None, str | None]]:
    last = {change.incident.id: change.incident for change in changes}
    ids = [change.incident.id for change in changes if change.change == "opened"]
    return [(last[one].category, last[one].replica, last[one].tenant) for one in ids]


WORSE_TENANT: Moves = {"confidence": hit(PROSE, -0.4)}
SLOW_REPLICA: Moves = {"tpot_ms": hit(R0, 1.0), "latency_ms": hit(R0, 1.0)}


@pytest.mark.parametrize("later_s", [0.0, 3.0, 12.0])
def test_two_parts_hit_in_ways_that_do_not_explain_each_other_are_two_incidents(later_s: float) -> None:
    changes = play(make(), [(2.0, 30.0, WORSE_TENANT), (2.0 + later_s, 30.0, SLOW_REPLICA)])
    assert sorted(opened(changes)) == [
        ("data_quality", None, "prose"), ("performance_degradation", "r0", None),
    ]


def test_two_parts_that_stand_out_on_one_metric_are_two_incidents() -> None:
    moves: Moves = {"confidence": both(hit(PROSE, -0.5), hit(R0, -0.5))}
    found = opened(play(make(), [(2.0, 30.0, moves)]))
    assert sorted(found) == [("data_quality", None, "prose"), ("model_degradation", "r0", None)]


def test_a_tenant_that_is_worse_off_than_all_others_has_a_cause_of_its_own() -> None:
    moves: Moves = {"confidence": both(hit(PROSE, -0.3), hit(ALL, -0.2))}
    found = opened(play(make(), [(2.0, 30.0, moves)]))
    assert sorted(found, key=str) == [("data_quality", None, "prose"), ("model_degradation", None, None)]


def test_what_is_left_of_a_cause_as_it_ends_does_not_say_anew_which_part_it_hit() -> None:
    rest: Moves = {"confidence": hit(ALL, -0.16)}
    changes = play(make(), [(2.0, 20.0, WORSE_TENANT), (2.0, 30.0, SLOW_REPLICA), (20.0, 30.0, rest)])
    assert ("data_quality", None, "prose") in opened(changes)


def test_what_hits_all_is_dated_by_the_siblings_of_the_part_that_has_a_cause_of_its_own() -> None:
    evidence, moves = EvidenceTable(), both(hit(PROSE, -0.3), hit(ALL, -0.2))
    for second in range(2, 12):
        evidence.add([
            replace(one, onset_s=1.0, onset_error_s=0.5) if one.scope == PROSE else replace(one, onset_s=5.0)
            for one in instant(float(second), {"confidence": moves}, {})
        ])
    onsets = {seen.shift.attribution.value: seen.onset.at_s for seen in find_symptoms([], [evidence], 12.0, 0.8)}
    assert onsets == {"prose": 1.0, None: 5.0}


def test_log_probabilities_of_tenants_are_compared_by_their_differences() -> None:
    triage, changes = make(), []
    for second in range(30):
        now_s, off = float(second), -0.2 if second >= 2 else 0.0
        changes += triage.observe(SERVICE, now_s, [
            replace(
                reading(scope, "logprob", now_s, 3.0 * off), count=20 * PART[scope], expected=-usual, value=off - usual,
            )
            for scope, usual in zip(FLEET, (0.3, 0.3, 0.3, 0.4, 0.2), strict=True)
        ])
    assert opened(changes) == [("model_degradation", None, None)]


def test_a_cause_that_pauses_keeps_its_incident_from_another_that_begins() -> None:
    changes = play(make(), [(2.0, 9.0, WORSE_TENANT), (11.0, 30.0, SLOW_REPLICA)])
    assert opened(changes) == [("data_quality", None, "prose"), ("performance_degradation", "r0", None)]


def test_two_metrics_of_one_signal_attributed_to_different_tenants_are_two_incidents() -> None:
    moves: Moves = {"schema_violation": hit(PROSE, 0.5), "input_drift": hit(CODE, 0.5)}
    found = opened(play(make(), [(2.0, 30.0, moves)]))
    assert sorted(found) == [("data_quality", None, "code"), ("data_quality", None, "prose")]


@pytest.mark.parametrize(("waits", "incidents"), [(hit(ALL, 4.0), 2), (both(hit(ALL, 2.0), hit(R0, 6.0)), 1)])
def test_requests_fail_by_waiting_only_where_they_wait_longest(
    waits: Mapping[Scope, float], incidents: int,
) -> None:
    moves: Moves = {"ttft_ms": waits, "latency_ms": waits, "error": hit(R0, 0.5)}
    assert len(opened(play(make(), [(2.0, 30.0, moves)]))) == incidents


def test_what_a_cause_brings_along_in_all_parts_is_no_incident_of_its_own() -> None:
    story: Moves = {
        "prompt_tokens": hit(CODE, 3.0), "ttft_ms": hit(ALL, 1.0), "tpot_ms": hit(ALL, 0.4),
        "latency_ms": hit(ALL, 0.5),
    }
    assert opened(play(make(), [(2.0, 30.0, story)])) == [("context_pipeline", None, "code")]


def test_metrics_that_move_together_in_one_part_are_one_incident() -> None:
    story: Moves = {"confidence": hit(R1, -0.5), "completion_tokens": hit(R1, 0.8), "latency_ms": hit(R1, 0.8)}
    assert opened(play(make(), [(2.0, 30.0, story)])) == [("model_degradation", "r1", None)]


@pytest.mark.parametrize(("later_s", "incidents"), [(0.0, 1), (15.0, 2)])
def test_unconnected_signals_of_one_part_are_two_incidents_only_when_they_began_apart(
    later_s: float, incidents: int,
) -> None:
    other: Moves = {"tpot_ms": hit(ALL, 1.0)}
    wrong: Moves = {"confidence": hit(ALL, -0.3)}
    changes = play(make(), [(2.0, 35.0, other), (2.0 + later_s, 35.0, wrong)])
    assert len(opened(changes)) == incidents


def test_a_part_that_widens_to_the_whole_at_once_stays_one_incident() -> None:
    changes = play(make(), [(2.0, 4.0, {"confidence": hit(R0, -0.4)}), (4.0, 30.0, {"confidence": hit(ALL, -0.4)})])
    assert opened(changes) == [("model_degradation", None, None)]


def test_the_cause_that_ends_first_resolves_first_and_the_other_goes_on() -> None:
    changes = play(make(), [(2.0, 12.0, WORSE_TENANT), (2.0, 35.0, SLOW_REPLICA)])
    ended = [change.incident for change in changes if change.change == "resolved"]
    assert [incident.tenant for incident in ended] == ["prose"]
    assert ended[0].resolved_at_s is not None
    assert ended[0].resolved_at_s < 25.0


def test_what_comes_late_of_a_silence_belongs_to_it() -> None:
    triage = make()
    changes = play(triage, [], 3.0)
    for second in range(3, 12):
        silent = [reading(R1, metric, float(second), 0.0, 3.0, ABSENCE) for metric in METRICS]
        heard = [one for one in instant(float(second), {}, {}) if one.scope != R1]
        changes += triage.observe(SERVICE, float(second), [*heard, *silent])
    changes += play(triage, [(12.0, 18.0, {"latency_ms": hit(R1, 4.0), "ttft_ms": hit(R1, 9.0)})], 40.0, 12.0)
    assert opened(changes) == [("availability", "r1", None)]


def test_every_alarm_is_in_one_assignment_and_every_quiet_reading_in_all() -> None:
    evidence = EvidenceTable()
    moves = {**WORSE_TENANT, **SLOW_REPLICA}
    onsets = dict.fromkeys(moves, 1.0)
    for second in range(2, 8):
        evidence.add(instant(float(second), moves, onsets))
    live = [EpisodeView("all quality", 2.0, 7.0, 1.0, 1.0, evidence, None)]
    now = instant(8.0, moves, onsets)
    shares = assign_alarms(now, live, 8.0, CauseParams(), 0.8)
    alarms = [one for share in shares for one in share.readings if one.alarming]
    assert len(shares) == 2
    assert sorted(map(repr, alarms)) == sorted(repr(one) for one in now if one.alarming)
    quiet = [one for one in now if not one.alarming]
    assert all([one for one in share.readings if not one.alarming] == quiet for share in shares)


def test_a_new_cause_claims_the_series_that_were_another_s_until_then() -> None:
    triage = make()
    play(triage, [(2.0, 30.0, WORSE_TENANT), (2.0, 30.0, SLOW_REPLICA)], 20.0)
    tables = {episode.published.category: episode.evidence for episode in triage.episodes[SERVICE].values()
               if episode.published is not None}
    metrics = {category: {metric for metric, count in evidence.alarms_by_metric().items() if count > 1}
               for category, evidence in tables.items()}
    assert metrics == {"data_quality": {"confidence"}, "performance_degradation": {"tpot_ms", "latency_ms"}}


@pytest.mark.parametrize("cut", range(3, 30, 3))
def test_a_restart_anywhere_leaves_two_causes_as_they_are(cut: int) -> None:
    stories = [(2.0, 20.0, WORSE_TENANT), (7.0, 25.0, SLOW_REPLICA)]
    whole = play(make(), stories)
    first, second = make(), make()
    before = play(first, stories, float(cut))
    load(second, json.loads(json.dumps(dump(first))))
    assert before + play(second, stories, 40.0, float(cut)) == whole
