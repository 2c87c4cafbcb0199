"""A way to share alarms out that a test can foresee, one episode for each family of metrics, and a triage of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from classifiers.causes.assignment import Assignment, CauseParams, EpisodeView
from classifiers.evidence.families import family_of
from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import Triage
from classifiers.model import Anomaly, Scope
from tests.classifiers.story import FLEET, instant

Moves = Mapping[str, Mapping[Scope, float]]
"""By metric, how far each scope is off its expectation; scopes not named are as expected."""
SLOW: Moves = {"latency_ms": {FLEET[0]: 0.4, FLEET[1]: 1.0}}
"""Replica r0 is slow, which shows in the whole."""
WORSE: Moves = {"confidence": {FLEET[0]: -0.3, FLEET[3]: -0.6}}
"""Quality fell for the tenant `code`, which shows in the whole."""
BOTH: Moves = {**SLOW, **WORSE}


def by_family(
    readings: Sequence[Anomaly], _live: Sequence[EpisodeView], _now_s: float, _params: CauseParams, _least: float,
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
