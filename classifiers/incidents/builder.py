"""Builds the published incident of an episode: verdict, scope, suspected version, and fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from math import inf

from classifiers.accounting.stage_timeline import with_stages
from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import ABSENCE
from classifiers.incidents.episode import Episode, describe
from classifiers.incidents.params import TriageParams
from classifiers.learning.advisor import CachedAdvice
from classifiers.learning.forecast import with_forecast_of
from classifiers.learning.learning_state import LearningState
from classifiers.model import Incident, may_have_acted
from classifiers.recurrence.habit_verdict import as_habit, broken_by, deviations_of, is_habit, is_note, regular
from classifiers.recurrence.memory import Recurrence
from classifiers.recurrence.occurrence import Occurrence
from classifiers.verdict.assess import Verdict, assess
from classifiers.verdict.severity import Lasts

ServiceKey = tuple[str, str | None]
"""Service and model."""

INITIAL_VERSIONS_S = 10.0
"""Versions first seen within so long of the first one were there when Tocsin came to the service."""


class IncidentBuilder:
    """Builds incidents. tier_of: the operator's tier (1 to 3) of a service. config_hash: goes into every incident.

    learning: from earlier incidents. It may move the severity, and it gives the forecast of the time to resolve.
    """

    def __init__(
        self, params: TriageParams, tier_of: Callable[[str], int], config_hash: str, learning: LearningState,
    ) -> None:
        self._params = params
        self.learning = learning
        self.recurrence = Recurrence()
        self._tier_of = tier_of
        self._config_hash = config_hash
        self.versions: dict[ServiceKey, dict[str, float]] = {}
        """When each version of a service was first seen."""

    def build(self, episode: Episode, now_s: float) -> Incident:
        """The incident of a confirmed episode after an alarm, kept on the episode as published.

        It is built anew where a reader would see another verdict, scope or onset. A higher peak alone does not trigger
        that: describing an incident costs as much as the verdict.
        """
        version = self._suspect_version(episode)
        verdict = self._with_advice(episode, self._verdict(episode, now_s, True), version)
        verdict = self._with_habit(episode, verdict, version)
        times = self._params.severity
        severity = episode.hysteresis.update(verdict.severity, now_s, times.rise_after_s, times.fall_after_s)
        episode.timeline.record_verdict(verdict.pattern.category, severity, now_s)
        published = episode.published
        if published is not None and _still_accurate(published, episode, verdict, version):
            episode.published = replace(published, alarmed_at_s=episode.last_alarm_s)
            return episode.published
        incident = self._describe(episode, verdict, version)
        if published is None or differs(published, incident):
            incident = self.learning.resolution_times.with_forecast(incident, now_s)
        else:
            incident = with_forecast_of(published, incident)
        episode.published = with_stages(incident, episode.timeline)
        return episode.published

    def build_resolved(self, episode: Episode, now_s: float) -> Incident:
        """The resolved incident, as of its last alarm: quiet readings after the fault do not change it."""
        assert episode.published is not None
        version = self._suspect_version(episode)
        verdict = self._with_advice(episode, self._verdict(episode, episode.last_alarm_s, False), version)
        verdict = verdict if episode.habit is None else as_habit(verdict, episode.habit)
        severity = episode.hysteresis.current or verdict.severity
        episode.timeline.record_verdict(verdict.pattern.category, severity, episode.last_alarm_s)
        incident = with_forecast_of(episode.published, self._describe(episode, verdict, version))
        return with_stages(replace(incident, state="resolved", resolved_at_s=now_s), episode.timeline)

    def withheld_because(self, episode: Episode, now_s: float) -> str | None:
        """Why a confirmed episode need not be told, None where it must be.

        It is a habit that was told lately. Or it goes on with a note of its kind that ended just now.
        """
        began_s = episode.confirmed_at_s = now_s if episode.confirmed_at_s is None else episode.confirmed_at_s
        verdict = self._verdict(episode, now_s, True)
        self._update_habit(episode, verdict, self._suspect_version(episode))
        params, habit, kind = self._params, episode.habit, _fingerprint(episode, verdict)
        if now_s - began_s >= params.accept_after_s:
            return None
        published: tuple[str, float] | None = None
        if habit is not None and habit.is_repeat(began_s, params.habit_repeat_interval_s):
            published, why = (habit.last_id, habit.published_at_s), f"{habit}"
        elif is_note(verdict.severity) and not self.recurrence.is_acted_on(kind):
            note = self.recurrence.continued((kind,), began_s)
            if note is not None and note.covers(began_s, now_s, params.reopen_within_s):
                published, why = note.last_published, "goes on after a short calm"
        if published is None:
            return None
        episode.published_id, episode.published_at_s = published
        self._record_kind(episode, verdict)
        return f"{why}: told {began_s - episode.published_at_s:.0f} s ago as {episode.published_id}"

    def _with_habit(self, episode: Episode, verdict: Verdict, version: str | None) -> Verdict:
        """The verdict with the habit that the incident is part of."""
        self._update_habit(episode, verdict, version)
        return verdict if episode.habit is None else as_habit(verdict, episode.habit)

    def _update_habit(self, episode: Episode, verdict: Verdict, version: str | None) -> None:
        """Find the habit that the episode is part of, or that it is more. A new version is no habit, nor is an outage.
        """
        assert episode.confirmed_at_s is not None
        part, kind = verdict.attribution, _fingerprint(episode, verdict)
        is_new_kind = kind not in episode.fingerprints
        if is_new_kind:
            episode.highest.clear()
        for metric, deviation in deviations_of(episode.evidence, part).items():
            episode.highest[metric] = max(deviation, episode.highest.get(metric, 0.0))
        if version is not None or verdict.severity == "P0":
            if episode.habit is not None:
                episode.habit.broken = episode.habit.broken or "a new version or an outage"
        elif episode.habit is None and is_new_kind and not episode.acted_on and regular(episode.evidence, part):
            episode.habit = self.recurrence.habit((kind,), episode.confirmed_at_s, self._params.flap_within_s)
        habit = episode.habit
        if habit is not None and habit.broken is None:
            habit.broken = "people acted on it" if episode.acted_on else broken_by(
                habit, kind, episode.evidence, part, episode.highest, episode.last_alarm_s,
            )

    def record_occurrence(self, episode: Episode, by_itself: bool) -> None:
        """An incident ended, by itself or not, or a habit that was not told: later ones may repeat it."""
        began_s = episode.confirmed_at_s
        assert began_s is not None
        habit, actions = episode.habit, episode.actions
        alone = by_itself and not episode.acted_on and not any(map(may_have_acted, actions))
        within = habit is None or habit.broken is None or is_note(episode.hysteresis.worst)
        regularly = within and regular(episode.evidence, self.part_of(episode), habit)
        self.recurrence.record(Occurrence(
            episode.id or incident_id(episode, began_s), episode.fingerprints, began_s, episode.last_alarm_s - began_s,
            dict(episode.highest), alone and regularly, is_note(episode.hysteresis.worst),
            1 if habit is None else habit.number,
            episode.published_id, episode.published_at_s,
        ))
        if episode.acted_on:
            self.recurrence.act_on(episode.fingerprints)

    def part_of(self, episode: Episode) -> Attribution:
        """The part that an episode hits, as of its last alarm."""
        return self._verdict(episode, episode.last_alarm_s, False).attribution

    def _describe(self, episode: Episode, verdict: Verdict, version: str | None) -> Incident:
        """The incident now, with its fingerprint recorded on the episode."""
        self._record_kind(episode, verdict)
        return self._incident(episode, verdict, version)

    @staticmethod
    def _record_kind(episode: Episode, verdict: Verdict) -> None:
        """Record the fingerprint: the first one and the latest one are kept."""
        first, latest = episode.fingerprints[:1], _fingerprint(episode, verdict)
        episode.fingerprints = (*first, latest) if first != (latest,) else first

    def _incident(self, episode: Episode, verdict: Verdict, version: str | None) -> Incident:
        return describe(episode, verdict, version, self._params.evidence_max, self._config_hash)

    def _with_advice(self, episode: Episode, verdict: Verdict, version: str | None) -> Verdict:
        """The verdict with the advisor's severity and factors; the rules' own verdict while nothing is learned.

        An advice costs as much as several verdicts, so it is cached until the rules' verdict or the learning changes.
        """
        advisor = self.learning.advisor
        if not advisor.feedback_count:
            return verdict
        part = verdict.attribution
        basis = (
            verdict.severity, verdict.pattern.name, part.dimension, part.value, version, advisor.feedback_count,
        )
        if episode.cached_advice is None or episode.cached_advice.basis != basis:
            advice = advisor.advise(self._incident(episode, verdict, version), verdict.severity)
            episode.cached_advice = CachedAdvice(basis, advice)
        advice = episode.cached_advice.advice
        return replace(verdict, severity=advice.severity, factors=(*verdict.factors, *advice.factors))

    def _verdict(self, episode: Episode, now_s: float, alarms: bool) -> Verdict:
        """alarms: whether it alarms now, so that the part that it hits may change."""
        params = self._params
        opened_s = episode.opened_at_s if episode.opened_at_s is not None else now_s
        lasts = Lasts(now_s - opened_s, now_s - episode.started_at_s, episode.longest_window_s)
        tier, part, scope = self._tier_of(episode.service), episode.part, episode.scope

        def verdict(part: Attribution | None) -> Verdict:
            return assess(episode.evidence, part, lasts, tier, params.concentration_min, params.severity)

        found = verdict(part)
        stands = scope.update(found.attribution, now_s) if alarms else scope.holds(found.attribution)
        return found if stands else verdict(scope.part)

    @staticmethod
    def _serves_on(episode: Episode, version: str) -> bool:
        """Whether a version has reported since others fell silent: then it is not the one that did."""
        silent_s = [
            series.peak.start_s for (metric, _), series in episode.evidence.series.items()
            if metric == ABSENCE and series.alarms
        ]
        reported_s = [
            at_s for scope, at_s in episode.evidence.last_reported_s.items() if scope.version == version
        ]
        return bool(silent_s) and max(reported_s, default=-inf) > min(silent_s)

    def _suspect_version(self, episode: Episode) -> str | None:
        """The newest version that served during the episode, if it appeared lately, after others, and has most traffic.

        A version with a lesser part of the traffic is not suspected of what hits the whole service.
        """
        serving: dict[str, int] = {}
        for (_, scope), series in episode.evidence.series.items():
            if scope.version is not None:
                serving[scope.version] = max(serving.get(scope.version, 0), series.samples)
        known = self.versions.get((episode.service, episode.model), {})
        suspects = {
            version: since_s for version, since_s in known.items()
            if version in serving and not self._serves_on(episode, version)
        }
        if not suspects:
            return None
        version, since_s = max(suspects.items(), key=lambda item: (item[1], item[0]))
        fresh = episode.started_at_s - since_s <= self._params.deploy_within_s
        later = since_s > min(known.values()) + INITIAL_VERSIONS_S
        return version if fresh and later and 2 * serving[version] >= sum(serving.values()) else None


def incident_id(episode: Episode, opened_at_s: float) -> str:
    """Two incidents of one service that open at the same instant differ by the key, which is made from the cause."""
    text = "\x1f".join((episode.service, episode.model or "", f"{opened_at_s:.3f}", episode.key))
    return "inc-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def differs(before: Incident, after: Incident) -> bool:
    """Whether a reader of the incident would decide differently. A new peak in the evidence alone makes no difference.
    """
    def decisive(incident: Incident) -> tuple[object, ...]:
        return (
            incident.category, incident.severity, incident.peak_severity, incident.version, incident.replica,
            incident.tenant, incident.actions, incident.related,
        )

    return decisive(before) != decisive(after)


def _still_accurate(published: Incident, episode: Episode, verdict: Verdict, version: str | None) -> bool:
    """Whether the published incident agrees with the episode. The part that is hit is in the fingerprint."""
    hysteresis = episode.hysteresis
    return (
        episode.fingerprints[-1] == _fingerprint(episode, verdict)
        and (published.severity, published.peak_severity) == (hysteresis.current, hysteresis.worst)
        and (published.onset_at_s, published.onset_error_s) == (episode.onset_at_s, episode.onset_error_s)
        and is_habit(published) == (episode.habit is not None and episode.habit.broken is None)
        and (published.version == version or verdict.attribution.dimension == "version")
        and (published.stage_times["classify"].status == "pending") == (episode.timeline.classified_at_s is None)
    )


def _fingerprint(episode: Episode, verdict: Verdict) -> str:
    """The name of a kind of incident: service, model, scope and category."""
    part = verdict.attribution
    where = f"{part.dimension}={part.value}" if part.dimension is not None else "all"
    return f"{episode.service}/{episode.model or '-'} {where} {verdict.pattern.category}"
