"""Symptoms of one instant: which metrics have one, in which part, and where two parts show on one metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from classifiers.causes.causal_rules import Shift
from classifiers.causes.symptoms import (
    FREQUENT_ALARMS,
    LEAD_MIN,
    NEW_ALARMS_MAX,
    AlarmActivity,
    Symptom,
    find_symptoms,
)
from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.evidence.evidence_table import ABSENCE, GAP, LEVEL_CAP, EvidenceTable, Onset
from classifiers.evidence.series_snapshot import STALE_S, SUSTAINED_EWMA
from classifiers.model import Anomaly, Scope
from tests.classifiers.readings import ALL, CODE, FLEET, PROSE, R0, R1, evidence_of, instant, reading, silence

METRIC = "latency_ms"
T0, T1, T2 = (Scope("chat", "gpt", tenant=f"t{number}") for number in range(3))


def found(*tables: EvidenceTable, readings: tuple[Anomaly, ...] = (), now_s: float = 10.0) -> list[Symptom]:
    return find_symptoms(readings, tables, now_s, 0.8)


def evidence(changes: Mapping[Scope, float], instants: int = 3, metric: str = METRIC) -> EvidenceTable:
    """Evidence of as many instants, the last one at 10 s."""
    table = EvidenceTable()
    for second in range(11 - instants, 11):
        table.add([reading(scope, metric, float(second), change) for scope, change in changes.items()])
    return table


def parts(symptoms: list[Symptom]) -> list[tuple[str, str | None]]:
    return [(one.metric, one.shift.attribution.value) for one in symptoms]


def test_a_metric_as_expected_is_no_symptom() -> None:
    assert found(evidence(dict.fromkeys(FLEET, 0.0))) == []


@pytest.mark.parametrize(("instants", "symptoms"), [(1, 0), (2, 1)])
def test_a_metric_is_a_symptom_from_its_second_alarm_in_a_row(instants: int, symptoms: int) -> None:
    assert len(found(evidence(dict.fromkeys(FLEET, 1.0), instants))) == symptoms


def test_the_reading_of_this_instant_counts() -> None:
    table = evidence(dict.fromkeys(FLEET, 1.0), 1)
    assert len(found(table, readings=tuple(instant(11.0, METRIC, dict.fromkeys(FLEET, 1.0))), now_s=11.0)) == 1


def test_symptoms_are_in_order_of_metric_whichever_episode_has_the_evidence() -> None:
    late, early = evidence(dict.fromkeys(FLEET, 1.0)), evidence(dict.fromkeys(FLEET, -0.5), metric="confidence")
    assert parts(found(late, early)) == [("confidence", None), (METRIC, None)]


def test_a_symptom_has_the_shift_of_the_part_that_stands_out() -> None:
    (symptom,) = found(evidence({ALL: 0.4, R0: 1.0, R1: 0.0, CODE: 0.4, PROSE: 0.4}))
    assert symptom.shift == Shift("latency", "up", Attribution("replica", "r0", 1.0), 1.0)
    assert symptom.siblings == {"r1"}
    assert symptom.lead_by_part == {("replica", "r0"): 1.0, ("tenant", "code"): 0.0}


def test_a_symptom_of_the_whole_has_the_size_that_the_whole_shows() -> None:
    (symptom,) = found(evidence({**dict.fromkeys(FLEET, -0.5), ALL: -0.4}, metric="confidence"))
    assert (symptom.shift.direction, symptom.shift.attribution) == ("down", WHOLE)
    assert symptom.shift.size == pytest.approx(0.4)
    assert symptom.siblings == frozenset()


def test_the_direction_is_that_of_the_highest_level() -> None:
    table = EvidenceTable()
    for second in (9.0, 10.0):
        table.add([reading(R0, METRIC, second, 1.0, 2.0), reading(R1, METRIC, second, -0.5, 3.0)])
    assert [one.shift.direction for one in found(table)] == ["down"]


def test_a_part_that_does_not_report_the_metric_is_no_sibling() -> None:
    (symptom,) = found(evidence({R0: 1.0}), evidence({R1: 0.0}, metric="confidence"))
    assert symptom.shift.attribution == WHOLE


def test_the_weight_is_the_sum_of_the_levels_of_the_alarming_series_each_capped() -> None:
    table = EvidenceTable()
    for second in (9.0, 10.0):
        table.add([reading(R0, METRIC, second, 1.0, 100.0), reading(R1, METRIC, second, 1.0, 1.5),
                   reading(ALL, METRIC, second, 0.0)])
    assert found(table)[0].weight == LEVEL_CAP + 1.5


def test_activity_is_that_of_the_series_that_alarmed_most() -> None:
    table = evidence({R0: 1.0}, 6)
    table.add([reading(R1, METRIC, second, 1.0) for second in (9.0, 10.0)])
    (symptom,) = found(table)
    assert symptom.activity == AlarmActivity(table.series[METRIC, R0].alarm_ewma, 6)


@pytest.mark.parametrize(
    ("activity", "sustained"),
    [
        (AlarmActivity(SUSTAINED_EWMA, 2), True),
        (AlarmActivity(SUSTAINED_EWMA - 0.01, FREQUENT_ALARMS - 1), False),
        (AlarmActivity(0.1, FREQUENT_ALARMS), True),
        (AlarmActivity(1.0, 100, past=True), False),
    ],
)
def test_a_symptom_is_sustained_by_alarms_in_a_row_or_by_many_while_it_alarms(
    activity: AlarmActivity, sustained: bool,
) -> None:
    (symptom,) = found(evidence({R0: 1.0}))
    assert replace(symptom, activity=activity).sustained == sustained


@pytest.mark.parametrize(("alarms", "past"), [(1, []), (2, [True])])
def test_a_metric_that_alarmed_lately_is_a_past_symptom(alarms: int, past: list[bool]) -> None:
    assert [one.past for one in found(evidence({R0: 1.0}, alarms), now_s=10.0 + STALE_S + 1.0)] == past


def test_a_metric_that_alarms_in_one_series_is_not_past_in_another() -> None:
    table = evidence({R0: 1.0}, 4)
    for second in (10.0, 11.0, 12.0, 13.0):
        table.add([reading(R0, METRIC, second)])
        table.add([reading(R1, METRIC, second, 1.0)])
    (symptom,) = found(table, now_s=13.0)
    assert (symptom.past, symptom.activity.alarms) == (False, 4)


@pytest.mark.parametrize(("lead", "leads"), [(LEAD_MIN, True), (LEAD_MIN - 0.01, False)])
def test_a_part_leads_from_a_certain_distance_on(lead: float, leads: bool) -> None:
    (symptom,) = found(evidence({R0: 1.0}))
    known = replace(symptom, lead_by_part={("replica", "r0"): lead})
    assert known.leads(Attribution("replica", "r0", 0.0)) == leads
    assert not known.leads(Attribution("replica", "r1", 0.0))
    assert not known.leads(WHOLE)


def test_the_onset_is_that_of_the_alarming_series_with_the_smallest_error() -> None:
    table = EvidenceTable()
    for scope, onset_s, error_s in ((R0, 5.0, 2.0), (R1, 6.0, 0.5), (ALL, 7.0, None)):
        table.add([replace(reading(scope, METRIC, second, 1.0), onset_s=onset_s, onset_error_s=error_s)
                   for second in (9.0, 10.0)])
    assert found(table)[0].onset == Onset(6.0, 0.5)


def test_the_onset_of_a_part_that_stands_out_is_its_own() -> None:
    table = EvidenceTable()
    for scope, change, onset_s, error_s in ((R0, 1.0, 6.0, 2.0), (R1, 0.0, 0.0, 0.0), (ALL, 0.5, 3.0, 0.1)):
        table.add([replace(reading(scope, METRIC, second, change), onset_s=onset_s, onset_error_s=error_s)
                   for second in (9.0, 10.0)])
    (symptom,) = found(table)
    assert (symptom.shift.attribution.value, symptom.onset) == ("r0", Onset(6.0, 2.0))


@pytest.mark.parametrize(("instants", "owner"), [(NEW_ALARMS_MAX, None), (NEW_ALARMS_MAX + 1, 1)])
def test_a_symptom_belongs_to_the_episode_that_has_had_its_alarms_for_a_while(
    instants: int, owner: int | None,
) -> None:
    other, own = evidence({R1: 0.0, R0: 1.0}, 2), evidence({R0: 1.0, R1: 0.0}, instants)
    assert [one.owner for one in found(other, own)] == [owner]


def test_silence_of_a_replica_is_compared_with_the_siblings_that_report_anything() -> None:
    table = evidence_of("confidence", {scope: 0.0 for scope in FLEET if scope != R0})
    for second in (5.0, 6.0):
        table.add([silence(R0, second)])
    (symptom,) = found(table, now_s=6.0)
    assert symptom.shift == Shift(ABSENCE, "down", Attribution("replica", "r0", 1.0), 1.0)
    assert symptom.siblings == frozenset()


def test_a_missing_metric_is_a_gap_downwards() -> None:
    table = evidence({R0: 0.0}, 11, "confidence")
    for second in (9.0, 10.0):
        table.add([replace(silence(R0, second), direction="none")])
    assert [(one.metric, one.shift.direction) for one in found(table)] == [(GAP, "down")]


def deviating(tenants: Mapping[Scope, float], instants: int = 5) -> EvidenceTable:
    """Quality by tenant; the whole shows the mean."""
    changes = {ALL: sum(tenants.values()) / len(tenants), **tenants}
    return evidence(changes, instants, "confidence")


def upstream(part: Scope, metric: str = "schema_violation") -> EvidenceTable:
    """A cause that is hit in one tenant alone."""
    return evidence({ALL: 0.3, part: 1.0, **{one: 0.0 for one in (T0, T1, T2) if one != part}}, 5, metric)


def test_a_symptom_of_the_whole_is_split_where_another_explains_one_of_its_two_parts() -> None:
    quality = found(deviating({T0: -0.5, T1: -0.5, T2: 0.0}), upstream(T0))[:2]
    assert parts(quality) == [("confidence", "t0"), ("confidence", "t1")]
    assert [one.co_located for one in quality] == [True, True]


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ((deviating({T0: -0.5, T1: -0.5, T2: 0.0}),), "nothing explains a part"),
        ((deviating({T0: -0.5, T1: -0.5, T2: -0.5}), upstream(T0)), "no other part stands out"),
        ((deviating({T0: -0.5, T1: -0.5, T2: 0.0}, 2), upstream(T0)), "the other part is not sustained"),
        ((deviating({T0: -0.5, T1: -0.5, T2: 0.0}), upstream(T0, "queue_ms")), "queueing explains no quality"),
    ],
)
def test_a_symptom_of_the_whole_is_not_split_without_reason(tables: tuple[EvidenceTable, ...], why: str) -> None:
    quality = [one for one in found(*tables) if one.metric == "confidence"]
    assert [one.shift.attribution.value for one in quality] == [None], why


def test_a_symptom_of_one_part_is_not_split() -> None:
    quality = deviating({T0: -0.9, T1: -0.16, T2: 0.0})
    assert parts(found(quality, upstream(T0))) == [("confidence", "t0"), ("schema_violation", "t0")]


def test_load_is_not_split_since_siblings_show_it_unlike() -> None:
    load = evidence({ALL: 0.5, T0: 1.0, T1: 1.0, T2: 0.0}, 5)
    assert parts(found(load, upstream(T0)))[0] == (METRIC, None)


def test_what_hits_all_is_dated_by_the_siblings_of_a_part_with_a_cause_of_its_own() -> None:
    table = EvidenceTable()
    for second in range(2, 11):
        for scope, change, onset_s, error_s in (
            (ALL, -0.45, 4.0, 0.1), (R0, -0.45, 4.0, 0.2), (R1, -0.45, 4.0, 0.2), (CODE, -0.2, 5.0, 1.0),
            (PROSE, -0.7, 1.0, 0.05),
        ):
            table.add([replace(
                reading(scope, "confidence", float(second), change), onset_s=onset_s, onset_error_s=error_s,
                count=40 if scope == ALL else 20,
            )])
    assert all(one.co_located for one in found(table))
    onsets = {one.shift.attribution.value: one.onset for one in found(table)}
    assert onsets == {"prose": Onset(1.0, 0.05), None: Onset(5.0, 1.0)}
