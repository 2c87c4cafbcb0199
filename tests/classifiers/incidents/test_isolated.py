"""An incident whose circuit breaker keeps traffic away: it lasts until traffic tries the target again without harm."""

from __future__ import annotations

import json

from classifiers.incidents.triage import IncidentChange, Triage, TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import ActionRecord, BreakerState
from tests.classifiers.readings import ALL, R0, SERVICE, instant

LONG_S = 300


def make() -> Triage:
    return Triage(TriageParams(), lambda _: 2, "abc")


def play(triage: Triage, from_s: int, seconds: int, *, alarms: bool, target: bool = True) -> list[IncidentChange]:
    """So many instants. target: whether r0 has readings; the others always do."""
    out: list[IncidentChange] = []
    for now_s in range(from_s, from_s + seconds):
        readings = instant(float(now_s), "latency_ms", {ALL: 0.4, R0: 1.0} if alarms else {})
        out += triage.observe(SERVICE, float(now_s), [one for one in readings if target or one.scope != R0])
    return out


def is_open(triage: Triage) -> bool:
    return bool(triage.open_incidents())


def isolated() -> Triage:
    """An incident since 1 s, whose breaker is open since 10 s."""
    triage = make()
    play(triage, 0, 10, alarms=True)
    report(triage, "open")
    return triage


def report(triage: Triage, breaker: BreakerState | None) -> None:
    (incident,) = triage.open_incidents()
    done = ActionRecord("k", "circuit_breaker", "chat/r0", "auto", "executed", 9.0, 10.0, breaker=breaker)
    triage.record_action(incident.id, done)


def test_it_does_not_end_while_the_breaker_is_open_however_quiet_it_is() -> None:
    triage = isolated()
    play(triage, 10, 3, alarms=False)
    play(triage, 13, LONG_S, alarms=False, target=False)
    assert is_open(triage)


def test_quiet_readings_prove_its_end_only_once_traffic_tries_the_target() -> None:
    triage = isolated()
    play(triage, 10, LONG_S, alarms=False, target=False)
    report(triage, "half_open")
    play(triage, 10 + LONG_S, 7, alarms=False)
    assert is_open(triage)
    (ended,) = play(triage, 17 + LONG_S, 1, alarms=False)
    assert (ended.change, is_open(triage)) == ("resolved", False)


def test_quiet_readings_that_go_on_prove_its_end_although_the_breaker_is_open() -> None:
    triage = isolated()
    play(triage, 10, 7, alarms=False)
    assert is_open(triage)
    play(triage, 17, 1, alarms=False)
    assert not is_open(triage)


def test_without_readings_it_ends_a_while_after_traffic_could_come() -> None:
    triage = isolated()
    play(triage, 10, LONG_S, alarms=False, target=False)
    report(triage, "half_open")
    play(triage, 10 + LONG_S, 58, alarms=False, target=False)
    assert is_open(triage)
    play(triage, 68 + LONG_S, 2, alarms=False, target=False)
    assert not is_open(triage)


def test_where_no_breaker_is_reported_silence_ends_it_as_ever() -> None:
    triage = make()
    play(triage, 0, 10, alarms=True)
    report(triage, None)
    play(triage, 10, 60, alarms=False, target=False)
    assert not is_open(triage)


def test_while_traffic_tries_the_target_each_alarm_is_published_and_says_when_it_was() -> None:
    triage = isolated()
    assert play(triage, 10, 3, alarms=True) == []
    report(triage, "half_open")
    told = play(triage, 13, 3, alarms=True)
    assert [(one.change, one.incident.alarmed_at_s) for one in told] == [("updated", at) for at in (13.0, 14.0, 15.0)]
    assert play(triage, 16, 1, alarms=False) == []


def test_a_snapshot_keeps_since_when_no_traffic_went_there() -> None:
    first = isolated()
    play(first, 10, LONG_S, alarms=False, target=False)
    report(first, "half_open")
    second = make()
    load(second, json.loads(json.dumps(dump(first))))
    play(second, 10 + LONG_S, 7, alarms=False)
    assert is_open(second)
    play(second, 17 + LONG_S, 1, alarms=False)
    assert not is_open(second)
