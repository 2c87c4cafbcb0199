"""Whether a remedy helped, as the detectors that raised the alarm see it afterwards. Pure, in event time.

    applied        it ran; its effect is not judged before it settled, nor without readings of what was hit
    verifying      the same detectors judge the same scope against the baseline of before
    recovered      no alarm for `CALM_S` and as many requests as the terms want
    not_recovered  it still alarms when it must have helped, or alarms again after it recovered
    inconclusive   too few requests twice, or no readings at all

The last two count as ineffective.

A circuit breaker is judged by the harm outside of what it isolates: it helped once nothing alarms while no traffic goes
there. Alarms while traffic tries the target again say that its fault lasts, not that the breaker failed. So there is no
verdict then, and each opening has its time to settle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from actions.model import BREAKERS, Intent
from classifiers.model import UNJUDGED, BreakerState, RemedyRecord, RemedyState

CALM_S = 5.0
"""Seconds without an alarm that a recovery needs, however many requests there were."""
INEFFECTIVE = frozenset({"not_recovered", "inconclusive"})
CONTAINS = UNJUDGED | {"recovered"}
"""States in which a breaker is judged."""
ISOLATING: frozenset[BreakerState | None] = frozenset({"open", "forced_open", None})
"""States of a breaker in which no traffic goes to its target; None where none was reported since it ran."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The verification of one remedy. applied_at_s: when it ran, in event time. baseline: samples before those that
    count. counted_from_s: since when they do. deadline_s: until when it must have helped. extended: whether the time
    was once prolonged. isolated_s: of a breaker, since when no traffic goes to its target; None while it does."""

    record: RemedyRecord
    playbook: str
    applied_at_s: float
    settle_s: float
    within_s: float
    min_samples: int
    deadline_s: float
    baseline: int = 0
    counted_from_s: float = 0.0
    extended: bool = False
    isolated_s: float | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What an incident shows now. last_alarm_s, last_data_s: of its latest alarm, and its latest quiet reading of what
    was hit. samples: requests behind its quiet readings so far. breaker: of the remedy that is judged."""

    last_alarm_s: float
    last_data_s: float
    samples: int
    breaker: BreakerState | None = None


def plan(intent: Intent) -> Verification | None:
    """The verification of an intent, for when it ran; None where nothing is to be judged."""
    terms = intent.remedy
    if terms is None or intent.undo:
        return None
    record = RemedyRecord(intent.key, intent.step_id or "", intent.kind, intent.target, "applied", 0.0, "it ran")
    return Verification(record, intent.playbook or "", 0.0, terms.settle_s, terms.within_s, terms.min_samples, 0.0)


def begin(planned: Verification, now_s: float) -> Verification:
    """The verification of a remedy that ran now."""
    deadline_s = now_s + max(planned.settle_s, planned.within_s)
    record = replace(planned.record, since_s=now_s)
    isolated_s = now_s if record.kind in BREAKERS else None
    return replace(planned, record=record, applied_at_s=now_s, deadline_s=deadline_s, isolated_s=isolated_s)


def judge(known: Verification, signs: Signs, now_s: float) -> Verification:
    """The verification after one more instant; the same object when nothing changed."""
    if known.record.kind in BREAKERS:
        return _contain(known, signs, now_s)
    match known.record.state:
        case "applied":
            return _begin_verifying(known, signs, now_s)
        case "verifying":
            return _verify(known, signs, now_s)
        case "recovered" if signs.last_alarm_s > known.record.since_s:
            return _to(known, "not_recovered", now_s, "it alarms again after it had recovered")
        case _:
            return known


def conclude(known: Verification, helped: bool, now_s: float) -> Verification:
    """The verification when its incident is over. helped: whether it ended by itself, with readings of what was hit."""
    if known.record.state not in UNJUDGED:
        return known
    if helped:
        return _to(known, "recovered", now_s, "its incident resolved with readings of what was hit")
    return _to(known, "inconclusive", now_s, "its incident ended without readings of what was hit")


def undone(known: Verification, now_s: float) -> Verification:
    """The verification after its remedy was taken back. A verdict that it helped stays."""
    if known.record.state == "recovered":
        return known
    return _to(known, "undone", now_s, f"taken back; before: {known.record.detail}")


def _contain(known: Verification, signs: Signs, now_s: float) -> Verification:
    """Of a breaker, from the beginning of the present opening on."""
    if signs.breaker not in ISOLATING or known.record.state not in CONTAINS:
        return known if known.isolated_s is None else replace(known, isolated_s=None)
    if known.isolated_s is None:
        known = replace(known, isolated_s=now_s)
    assert known.isolated_s is not None
    settled_s = known.isolated_s + known.settle_s
    if now_s < settled_s:
        return known
    is_judged = known.record.state == "recovered"
    if is_judged and signs.last_alarm_s > max(settled_s, known.record.since_s):
        return _to(known, "not_recovered", now_s, "it alarms again, although no traffic goes to the target")
    if not is_judged and now_s - signs.last_alarm_s >= CALM_S:
        quiet_s = now_s - max(signs.last_alarm_s, known.isolated_s)
        return _to(known, "recovered", now_s, f"contained: no alarm for {quiet_s:.0f} s without traffic to the target")
    if not is_judged and now_s >= known.isolated_s + max(known.settle_s, known.within_s):
        ago_s = now_s - known.isolated_s
        return _to(known, "not_recovered", now_s, f"it still alarms {ago_s:.0f} s after no traffic went to the target")
    return known


def _begin_verifying(known: Verification, signs: Signs, now_s: float) -> Verification:
    settled_s = known.applied_at_s + known.settle_s
    if now_s < settled_s:
        return known
    if max(signs.last_alarm_s, signs.last_data_s) > settled_s or known.settle_s == 0.0:
        started = replace(known, baseline=signs.samples, counted_from_s=now_s)
        return _verify(_to(started, "verifying", now_s, "it settled, its effect is judged"), signs, now_s)
    if now_s >= known.deadline_s + known.within_s:
        return _to(known, "inconclusive", now_s, "no readings of what was hit")
    return known


def _verify(known: Verification, signs: Signs, now_s: float) -> Verification:
    if signs.last_alarm_s > known.counted_from_s:
        known = replace(known, baseline=signs.samples, counted_from_s=signs.last_alarm_s)
    samples = signs.samples - known.baseline
    if samples >= known.min_samples and now_s - known.counted_from_s >= CALM_S:
        known = replace(known, record=replace(known.record, samples=samples))
        return _to(known, "recovered", now_s, f"no alarm in {samples} requests")
    if now_s < known.deadline_s:
        return known
    if signs.last_alarm_s >= known.record.since_s:
        ago_s = now_s - known.applied_at_s
        return _to(known, "not_recovered", now_s, f"it still alarms {ago_s:.0f} s after it ran")
    if known.extended:
        known = replace(known, record=replace(known.record, samples=samples))
        return _to(known, "inconclusive", now_s, f"twice too few requests: {samples} of {known.min_samples}")
    return replace(known, extended=True, deadline_s=known.deadline_s + known.within_s)


def _to(known: Verification, state: RemedyState, now_s: float, detail: str) -> Verification:
    return replace(known, record=replace(known.record, state=state, since_s=now_s, detail=detail))
