"""What being a habit makes of the verdict on an incident, and when an incident is more than its habit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from classifiers.causes.causal_rules import DELAYS
from classifiers.evidence.attribution import Attribution, dimension_of
from classifiers.evidence.evidence_table import EvidenceTable, Signal, signal_of
from classifiers.model import Factor, Incident, Severity
from classifiers.recurrence.habit import Habit
from classifiers.verdict.assess import Verdict
from classifiers.verdict.hysteresis import SEVERITY_ORDER

LONGER, HIGHER = 1.5, 1.25
"""A habit may last this multiple of the longest before, and deviate by this multiple of the highest before."""
LONGER_S, HIGHER_BY = 10.0, 0.1
"""How much at least is longer, in seconds, and higher, in relative deviation."""
FEW_ALARMS = 2
"""A series with fewer alarms shows nothing yet."""
REGULAR: frozenset[Signal] = DELAYS | {"traffic", "tokens_in", "tokens_out", "cache"}
"""Signals of load and of the delays that follow from it. Only these may be a habit."""
LENGTHS: frozenset[Signal] = frozenset({"tokens_in", "tokens_out"})
"""Of these only more is load: fewer requests and shorter answers may be lost ones. Shorter ones are not where there are
more requests than before: then the further ones are of another kind."""
PARTS = frozenset({None, "tenant"})
"""What a habit may hit: the whole service, or one tenant. Load does not single out a replica or a version."""

NOTE: Severity = "P3"
HABIT, BEYOND_HABIT = "habit", "beyond_habit"
"""Names of factors: of an incident that is a habit, and of one that was."""


def is_habit(incident: Incident) -> bool:
    """Whether an incident is told as a habit now: no action is decided for it."""
    return any(factor.name == HABIT for factor in incident.factors)


def is_note(severity: Severity | None) -> bool:
    """Whether a severity pages nobody. None is that of an episode that never opened."""
    return severity is None or SEVERITY_ORDER.index(severity) >= SEVERITY_ORDER.index(NOTE)


def broken_by(
    habit: Habit, fingerprint: str, evidence: EvidenceTable, part: Attribution, highest: Mapping[str, float],
    last_alarm_s: float,
) -> str | None:
    """Why an incident is more than its habit, None while it is not. About 1 us a series.

    highest: by metric its highest mean deviation so far.
    """
    if fingerprint not in habit.fingerprints:
        return f"elsewhere or of another kind than its habit: {fingerprint}"
    if not regular(evidence, part, habit):
        return "more than load and delays"
    lasted_s = last_alarm_s - habit.began_s
    if lasted_s > max(LONGER * habit.longest_s, habit.longest_s + LONGER_S):
        return f"longer than its habit: {lasted_s:.0f} s, at most {habit.longest_s:.0f} s before"
    dominant = evidence.metric_weights().keys()
    for metric, deviation in sorted(highest.items()):
        before = habit.highest.get(metric)
        if before is None:
            if metric in dominant:
                return f"on another metric than its habit: {metric}"
        elif deviation > max(HIGHER * before, before + HIGHER_BY):
            return f"higher than its habit: {metric} by {deviation:.0%}, at most {before:.0%} before"
    return None


def regular(evidence: EvidenceTable, part: Attribution, habit: Habit | None = None) -> bool:
    """Whether an incident may be a habit at all: only load and delays are up, and no replica or version is singled out.

    habit: that it is part of, of which more requests are known also while they do not show yet.
    """
    shown = {
        (signal_of(metric), series.peak.direction)
        for (metric, _), series in evidence.series.items() if series.alarms >= FEW_ALARMS
    }
    has_more = ("traffic", "up") in shown or (habit is not None and "traffic" in map(signal_of, habit.highest))
    return part.dimension in PARTS and all(
        signal in REGULAR and (direction == "up" or (signal != "traffic" and (has_more or signal not in LENGTHS)))
        for signal, direction in shown
    )


def deviations_of(evidence: EvidenceTable, part: Attribution) -> dict[str, float]:
    """By metric that alarmed, the size of the mean deviation in the part that is hit."""
    found: dict[str, float] = {}
    for (metric, scope), series in evidence.series.items():
        own = dimension_of(scope) is None if part.dimension is None else getattr(scope, part.dimension) == part.value
        if own and series.alarms >= FEW_ALARMS:
            found[metric] = max(found.get(metric, 0.0), abs(series.deviation))
    return found


def as_habit(verdict: Verdict, habit: Habit) -> Verdict:
    """The verdict on an incident that is, or was, part of a habit. A habit is P3 at most: it may cost requests
    something, and yet it is known, ends by itself, and nobody needed to act on it."""
    if habit.broken is not None:
        return replace(verdict, factors=(*verdict.factors, Factor(BEYOND_HABIT, str(habit), 0.0, habit.broken)))
    ranks = SEVERITY_ORDER.index(verdict.severity), SEVERITY_ORDER.index(NOTE)
    text = f"{habit}: those before ended by themselves within {habit.longest_s:.0f} s, and nobody acted on any"
    if ranks[0] < ranks[1]:
        text += f"; a note, by the other factors {verdict.severity}"
    factor = Factor(HABIT, str(habit), float(min(0, ranks[0] - ranks[1])), text)
    return replace(verdict, severity=SEVERITY_ORDER[max(ranks)], factors=(*verdict.factors, factor))
