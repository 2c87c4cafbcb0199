"""Confirmation of a pending episode as an incident: by persistence, by silence, or by two series at a high level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from classifiers.evidence.attribution import dimension_of
from classifiers.evidence.evidence_table import ABSENCE, MONITORING, alarm_level
from classifiers.incidents.episode import AlarmInstant, Episode
from classifiers.incidents.params import TriageParams
from classifiers.model import Anomaly, Direction, Scope

DEVIATES: Mapping[Direction, str] = {
    "up": "is higher than expected", "down": "is lower than expected", "none": "is unusual",
}


def confirmation(episode: Episode, now_s: float, alarms: Sequence[Anomaly], params: TriageParams) -> str | None:
    """Records the alarms of this instant on the pending episode. Returns why it is an incident now, None if it is not.

    Persistence: one metric shifted in the same direction in enough instants lately. High level: two series at once at
    `sure_level`. Both need enough samples behind the alarming windows. Silence has no samples and needs none. It has
    lasted for several windows when it alarms, so it needs no second instant; but its extent must be known, since all
    parts of a service do not fall silent in the same window.
    """
    within_s = params.patience_s(params.confirm_within_s, episode.longest_window_s)
    since_s = now_s - within_s
    episode.alarm_instants = [known for known in episode.alarm_instants if known.at_s >= since_s]
    episode.alarm_instants.append(_alarm_instant(now_s, alarms))
    samples = sum(instant.samples for instant in episode.alarm_instants)
    latest = episode.alarm_instants[-1].shifts
    lost = [alarm for alarm in alarms if alarm.detector == MONITORING]
    if lost:
        return f"nothing was reported for {now_s - min(alarm.start_s for alarm in lost):.0f} s"
    if ABSENCE not in latest and samples < params.confirm_samples:
        return None
    silent = {alarm.scope: now_s - alarm.start_s for alarm in alarms if alarm.detector == ABSENCE}
    extent = _extent(silent, episode.evidence.last_reported_s, now_s)
    if extent == "known":
        what = "1 scope is" if len(silent) == 1 else f"{len(silent)} scopes are"
        return f"{what} silent for longer than usual gaps explain"
    for shift in latest:
        instants = sum(shift in instant.shifts for instant in episode.alarm_instants)
        if instants >= params.confirm_instants and not (shift == ABSENCE and extent == "growing"):
            return f"{shift} in {instants} instants within {within_s:g} s"
    sure = {(alarm.metric, alarm.scope) for alarm in alarms if alarm_level(alarm) >= params.sure_level}
    if len(sure) >= 2:
        return f"{len(sure)} series at level {params.sure_level:g} or more at once"
    return None


def _extent(
    silent: Mapping[Scope, float], last_reported_s: Mapping[Scope, float], now_s: float,
) -> Literal["known", "growing", "unknown"]:
    """How far silence reaches. silent: for how long each scope has been.

    known: the whole service is silent, or a sibling of a silent part reported in the later half of the silence.
    growing: a sibling reported after the part fell silent, but not lately, so it may be silent as well. unknown: else.
    """
    dimensions = {dimension_of(scope) for scope in silent}
    silence_s = min(silent.values(), default=0.0)
    siblings_s = [
        now_s - reported_s for scope, reported_s in last_reported_s.items()
        if dimension_of(scope) in dimensions and scope not in silent
    ]
    if None in dimensions or any(2.0 * quiet_s <= silence_s for quiet_s in siblings_s):
        return "known"
    return "growing" if any(quiet_s < silence_s for quiet_s in siblings_s) else "unknown"


def strongest_alarm_text(alarms: Sequence[Anomaly]) -> str:
    """The alarm with the highest level, for the audit."""
    strongest = max(alarms, key=alarm_level)
    what = "is not reported" if strongest.detector in (ABSENCE, MONITORING) else DEVIATES[strongest.direction]
    return f"{strongest.metric} {what}, level {alarm_level(strongest):.1f} of the detector {strongest.detector}"


def _alarm_instant(now_s: float, alarms: Sequence[Anomaly]) -> AlarmInstant:
    """The same samples are behind the whole, its replicas and its tenants, so the largest window counts them all."""
    shifts = {ABSENCE if alarm.detector == ABSENCE else f"{alarm.metric} {alarm.direction}" for alarm in alarms}
    return AlarmInstant(now_s, tuple(sorted(shifts)), max((alarm.samples for alarm in alarms), default=0))
