"""A simple assignment of alarms, one episode for each family of metrics, and a triage that uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from classifiers.causes.assignment import Assignment, CauseParams, EpisodeView
from classifiers.evidence.families import family_of
from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import IncidentChange, Triage
from classifiers.model import Anomaly, Scope
from tests.classifiers.readings import FLEET, SERVICE, instant

Moves = Mapping[str, Mapping[Scope, float]]
"""By metric, how far each scope is off its expectation; scopes not named are as expected."""
SLOW: Moves = {"latency_ms": {FLEET[0]: 0.4, FLEET[1]: 1.0}}
"""Replica r0 is slow, which shows in the whole."""
WORSE: Moves = {"confidence": {FLEET[0]: -0.3, FLEET[3]: -0.6}}
"""Quality fell for the tenant `code`, which shows in the whole."""
BOTH: Moves = {**SLOW, **WORSE}
MILD: Moves = {"latency_ms": dict.fromkeys(FLEET, 0.2)}
"""All are a little slow."""
MOVES: Mapping[str, Moves] = {".": {}, "m": MILD, "s": SLOW, "w": WORSE, "b": BOTH}


def by_family(
    readings: Sequence[Anomaly], _episodes: Sequence[EpisodeView], _now_s: float, _params: CauseParams,
    _concentration_min: float,
) -> list[Assignment]:
    """Alarms by family; quiet readings go to all."""
    quiet = [one for one in readings if not one.alarming]
    families = sorted({family_of(one.metric) for one in readings if one.alarming})
    return [
        Assignment(family, (*(one for one in readings if one.alarming and family_of(one.metric) == family), *quiet))
        for family in families
    ]


def by_family_triage(params: TriageParams | None = None) -> Triage:
    """A triage whose causes are families."""
    return Triage(params or TriageParams(), lambda _: 2, "abc", by_family)


def both_metrics(now_s: float, moves: Moves) -> list[Anomaly]:
    """An instant of the fleet with latency and confidence."""
    return [one for metric in ("latency_ms", "confidence") for one in instant(now_s, metric, moves.get(metric, {}))]


def play(triage: Triage, story: str, start_s: int = 0) -> list[IncidentChange]:
    """One character a second: `.` as expected, `s` a slow replica, `w` worse for a tenant, `b` both, `m` all a
    little slow, `_` no data."""
    changes: list[IncidentChange] = []
    for second, mark in enumerate(story, start_s):
        readings = [] if mark == "_" else both_metrics(float(second), MOVES[mark])
        changes += triage.observe(SERVICE, float(second), readings)
    return changes


def absorbing(*pairs: tuple[str, str], from_s: float) -> Triage:
    """A triage in which, from an instant on, one family turns out to be another: (absorbing, absorbed)."""
    def assign(
        readings: Sequence[Anomaly], episodes: Sequence[EpisodeView], now_s: float, params: CauseParams,
        concentration_min: float,
    ) -> list[Assignment]:
        assignments = by_family(readings, episodes, now_s, params, concentration_min)
        if now_s < from_s:
            return assignments
        known = {one.key for one in episodes}
        return [
            replace(one, absorbs=tuple(other for key, other in pairs if key == one.key and other in known))
            for one in assignments
        ]

    return Triage(TriageParams(), lambda _: 2, "abc", assign)
