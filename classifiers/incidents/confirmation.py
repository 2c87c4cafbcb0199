"""When a pending episode is an incident: by persistence, by silence, or by two series beyond all doubt."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from classifiers.evidence.attribution import dimension_of
from classifiers.evidence.evidence_table import ABSENCE, loudness
from classifiers.incidents.episode import AlarmInstant, Episode
from classifiers.incidents.params import TriageParams
from classifiers.model import Anomaly, Scope


def confirmation(episode: Episode, now_s: float, alarms: Sequence[Anomaly], params: TriageParams) -> str | None:
    """Notes the alarms of this instant on the pending episode; why it is an incident now, None while it is not.

    Persistent: one metric alarmed the same way in enough instants lately. Sure: two series at once at a level beyond
    doubt. Either needs enough samples behind the alarming windows. Silence has none and needs none; having lasted for
    windows when it alarms, it waits for no second instant where it is known how far it reaches.
    """
    within_s = params.patience_s(params.confirm_within_s, episode.cadence_s)
    since_s = now_s - within_s
    episode.glimpses = [known for known in episode.glimpses if known.at_s >= since_s]
    episode.glimpses.append(_glimpse(now_s, alarms))
    samples = sum(glimpse.samples for glimpse in episode.glimpses)
    latest = episode.glimpses[-1].signs
    if ABSENCE not in latest and samples < params.confirm_samples:
        return None
    if _bounded(silent := {alarm.scope for alarm in alarms if alarm.detector == ABSENCE}, episode.tally.heard):
        return f"{len(silent)} scopes silent for longer than their own gaps explain"
    for sign in latest:
        instants = sum(sign in glimpse.signs for glimpse in episode.glimpses)
        if instants >= params.confirm_instants:
            return f"{sign} in {instants} instants within {within_s:g} s"
    sure = {(alarm.metric, alarm.scope) for alarm in alarms if loudness(alarm) >= params.sure_level}
    if len(sure) >= 2:
        return f"{len(sure)} series at level {params.sure_level:g} or more at once"
    return None


def _bounded(silent: Collection[Scope], heard: Collection[Scope]) -> bool:
    """Whether silence is the whole service's, or one of its siblings is heard."""
    dimensions = {dimension_of(scope) for scope in silent}
    return None in dimensions or any(dimension_of(scope) in dimensions for scope in heard if scope not in silent)


def loudest_text(alarms: Sequence[Anomaly]) -> str:
    """The loudest of these alarms, for the audit."""
    loudest = max(alarms, key=loudness)
    return f"{loudest.metric} {loudest.direction} by {loudest.detector}, level {loudness(loudest):.1f}"


def _glimpse(now_s: float, alarms: Sequence[Anomaly]) -> AlarmInstant:
    """The same samples stand behind the whole, its replica and its tenant: the largest window tells how many."""
    signs = {ABSENCE if alarm.detector == ABSENCE else f"{alarm.metric} {alarm.direction}" for alarm in alarms}
    return AlarmInstant(now_s, tuple(sorted(signs)), max((alarm.count for alarm in alarms), default=0))
