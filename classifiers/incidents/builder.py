"""An episode as the incident it is told as, now: its verdict, its scope, the version to blame, and its fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from classifiers.accounting.stage_timeline import with_stages
from classifiers.incidents.episode import Episode, describe
from classifiers.incidents.params import TriageParams
from classifiers.learning.advisor import Advised
from classifiers.learning.experience import Experience
from classifiers.learning.forecast import with_forecast
from classifiers.model import Incident
from classifiers.verdict.assess import Verdict, assess

ServiceKey = tuple[str, str | None]

TOGETHER_S = 10.0
"""Versions first seen within so long were there side by side when Tocsin came to the service."""


class IncidentBuilder:
    """Judges episodes. tier_of: the operator's tier (1 to 3) of a service. config_hash goes into every incident.

    experience: what earlier incidents taught; it may move the severity and says how long it will take.
    """

    def __init__(
        self, params: TriageParams, tier_of: Callable[[str], int], config_hash: str, experience: Experience,
    ) -> None:
        self._params = params
        self.experience = experience
        self._tier_of = tier_of
        self._config_hash = config_hash
        self.versions: dict[ServiceKey, dict[str, float]] = {}
        """When each version of a service was first seen."""

    def tell(self, episode: Episode, now_s: float) -> Incident:
        """The incident of a confirmed episode after an alarm, kept on it as published.

        Described anew where a reader would see another verdict, scope or onset; new peaks alone wait for that, or for
        the end. Describing costs as much as judging.
        """
        version = self._suspect_version(episode)
        verdict = self._advised(episode, self._verdict(episode, now_s), version)
        times = self._params.severity
        severity = episode.steadiness.settle(verdict.severity, now_s, times.rise_after_s, times.fall_after_s)
        episode.account.judge(verdict.pattern.category, severity, now_s)
        told = episode.published
        if told is not None and _holds(told, episode, verdict, version):
            return told
        incident = self._named(episode, verdict, version)
        if told is None or differs(told, incident):
            incident = self.experience.durations.expect(incident, now_s)
        else:
            incident = with_forecast(incident, told)
        episode.published = with_stages(incident, episode.account)
        return episode.published

    def conclude(self, episode: Episode, now_s: float) -> Incident:
        """The incident resolved, as its last alarm left it: quiet readings after the fault do not rewrite it."""
        assert episode.published is not None
        version = self._suspect_version(episode)
        verdict = self._advised(episode, self._verdict(episode, episode.last_alarm_s), version)
        severity = episode.steadiness.told or verdict.severity
        episode.account.judge(verdict.pattern.category, severity, episode.last_alarm_s)
        incident = with_forecast(self._named(episode, verdict, version), episode.published)
        return with_stages(replace(incident, state="resolved", resolved_at_s=now_s), episode.account)

    def _named(self, episode: Episode, verdict: Verdict, version: str | None) -> Incident:
        """The incident as described now, under the fingerprint that goes with it."""
        first, latest = episode.prints[:1], _fingerprint(episode, verdict)
        episode.prints = (*first, latest) if first != (latest,) else first
        return self._described(episode, verdict, version)

    def _described(self, episode: Episode, verdict: Verdict, version: str | None) -> Incident:
        return describe(episode, verdict, version, self._params.evidence_max, self._config_hash)

    def _advised(self, episode: Episode, verdict: Verdict, version: str | None) -> Verdict:
        """The verdict with what was learned; the rules' own while that is nothing.

        An advice costs several verdicts, so it is asked for anew only when the rules say otherwise or more is learned.
        """
        advisor = self.experience.advisor
        if not advisor.learned:
            return verdict
        blame = verdict.blame
        basis = (verdict.severity, verdict.pattern.name, blame.dimension, blame.value, version, advisor.learned)
        if episode.advised is None or episode.advised.basis != basis:
            advice = advisor.advise(self._described(episode, verdict, version), verdict.severity)
            episode.advised = Advised(basis, advice)
        advice = episode.advised.advice
        return replace(verdict, severity=advice.severity, factors=(*verdict.factors, *advice.factors))

    def _verdict(self, episode: Episode, now_s: float) -> Verdict:
        params = self._params
        age_s = now_s - (episode.opened_at_s if episode.opened_at_s is not None else now_s)
        tier = self._tier_of(episode.service)
        return assess(episode.tally, episode.part, age_s, tier, params.concentration_min, params.severity)

    def _suspect_version(self, episode: Episode) -> str | None:
        """The newest version that served during the episode, if it appeared lately, after others, and took over.

        One that has only a part of the traffic is to blame where it stands out, and not for what hits all.
        """
        serving: dict[str, int] = {}
        for (_, scope), line in episode.tally.lines.items():
            if scope.version is not None:
                serving[scope.version] = max(serving.get(scope.version, 0), line.samples)
        known = self.versions.get((episode.service, episode.model), {})
        suspects = {version: since_s for version, since_s in known.items() if version in serving}
        if not suspects:
            return None
        version, since_s = max(suspects.items(), key=lambda item: (item[1], item[0]))
        fresh = episode.started_at_s - since_s <= self._params.deploy_within_s
        later = since_s > min(known.values()) + TOGETHER_S
        return version if fresh and later and 2 * serving[version] >= sum(serving.values()) else None


def incident_id(episode: Episode, opened_at_s: float) -> str:
    """Two of one service that open at the same instant differ by the key, which is made from the cause."""
    text = "\x1f".join((episode.service, episode.model or "", f"{opened_at_s:.3f}", episode.key))
    return "inc-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def differs(before: Incident, after: Incident) -> bool:
    """True when a reader of the incident would decide differently: not for every new peak in the evidence."""
    def gist(incident: Incident) -> tuple[object, ...]:
        return (
            incident.category, incident.severity, incident.peak_severity, incident.version, incident.replica,
            incident.tenant, incident.actions, incident.related,
        )

    return gist(before) != gist(after)


def _holds(told: Incident, episode: Episode, verdict: Verdict, version: str | None) -> bool:
    """Whether the incident as told says what the episode says now; a blamed scope is part of its fingerprint."""
    return (
        episode.prints[-1] == _fingerprint(episode, verdict)
        and (told.severity, told.peak_severity) == (episode.steadiness.told, episode.steadiness.worst)
        and (told.onset_at_s, told.onset_error_s) == (episode.onset_at_s, episode.onset_error_s)
        and (told.version == version or verdict.blame.dimension == "version")
        and (told.stage_times["classify"].status == "pending") == (episode.account.classified_at_s is None)
    )


def _fingerprint(episode: Episode, verdict: Verdict) -> str:
    """What its kind of incident is called: service, model, scope and category."""
    blame = verdict.blame
    where = f"{blame.dimension}={blame.value}" if blame.dimension is not None else "all"
    return f"{episode.service}/{episode.model or '-'} {where} {verdict.pattern.category}"
