"""The state of one episode: what one cause does to a service and model, from the first alarm to the end.

Pure state. When an episode opens and ends is decided in `triage.py`. All of it can be written as JSON and read back, so
that it survives a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from classifiers.accounting.stage_timeline import StageTimeline
from classifiers.directive_reasons import utc_text
from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import (
    ABSENCE,
    MONITORING,
    SILENCE_DETECTORS,
    UNREPORTED,
    EvidenceTable,
    signal_of,
)
from classifiers.incidents.lifecycle import Event, Phase, step
from classifiers.learning.advisor import CachedAdvice
from classifiers.model import ActionRecord, Anomaly, BreakerState, Incident, Related, RemedyRecord, Scope, SeriesKey
from classifiers.recurrence.habit import Habit
from classifiers.verdict.assess import Verdict
from classifiers.verdict.hysteresis import SeverityHysteresis
from classifiers.verdict.scope_hysteresis import ScopeHysteresis


@dataclass(frozen=True, slots=True)
class AlarmInstant:
    """The alarms of one instant of a pending episode. shifts: metrics with direction. samples: behind the windows."""

    at_s: float
    shifts: tuple[str, ...]
    samples: int


@dataclass(slots=True)
class EpisodeState:
    """The plain values of an episode; a snapshot holds them as they are. Times in seconds of event time.

    key: its name within the service. confirmed_at_s: when it would have opened first; what need not be told opens
    later, or never. longest_window_s: of those that alarmed: the time its metrics take to report again.
    alarm_instants: those within the confirmation time, while pending. part: the part that its cause hits, as last
    assigned. published: as last published, None while pending. fingerprints: the one it opened with and the current
    one, empty while pending. reopens: the incident that it reopens. causes: incidents that it is an effect of, and
    when each was last open. same_cause_as: incidents of the same service that turned out to have its cause.
    effects: incidents that name this one as their cause. published_id, published_at_s: the incident that was told
    instead of this one while it is withheld, and when. habit: that it is, or was, part of. highest: by metric the
    highest mean deviation in the part that is hit. acted_on: whether people acted on it. remedies: what became of
    its actions. quiet_samples: requests behind the quiet readings of what was hit, since the first action.
    isolated_at_s: when a breaker last kept traffic away from what was hit, 0 for never.
    """

    service: str
    model: str | None
    key: str
    started_at_s: float
    phase: Phase = "watching"
    id: str = ""
    confirmed_at_s: float | None = None
    opened_at_s: float | None = None
    onset_at_s: float | None = None
    onset_error_s: float | None = None
    last_alarm_s: float = 0.0
    last_data_s: float = 0.0
    longest_window_s: float = 0.0
    alarm_instants: list[AlarmInstant] = field(default_factory=list)
    hysteresis: SeverityHysteresis = field(default_factory=SeverityHysteresis)
    scope: ScopeHysteresis = field(default_factory=ScopeHysteresis)
    part: Attribution | None = None
    cached_advice: CachedAdvice | None = None
    published: Incident | None = None
    actions: list[ActionRecord] = field(default_factory=list)
    fingerprints: tuple[str, ...] = ()
    reopens: str | None = None
    causes: dict[str, float] = field(default_factory=dict)
    same_cause_as: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    timeline: StageTimeline = field(default_factory=StageTimeline)
    published_id: str | None = None
    published_at_s: float | None = None
    habit: Habit | None = None
    highest: dict[str, float] = field(default_factory=dict)
    acted_on: bool = False
    remedies: tuple[RemedyRecord, ...] = ()
    quiet_samples: int = 0
    isolated_at_s: float = 0.0


@dataclass(slots=True)
class Episode(EpisodeState):
    """An episode: its plain values and its evidence."""

    evidence: EvidenceTable = field(default_factory=EvidenceTable)
    recovery_signals: frozenset[str] | None = None
    """Signals whose quiet readings prove recovery. A cache, None when alarms came in since it was computed."""

    @property
    def subject(self) -> str:
        """Its name in the audit: the incident id, or while pending its service, model and key."""
        return self.id or f"{self.service}/{self.model or '-'}/{self.key}"

    @property
    def related(self) -> tuple[Related, ...]:
        """Its relations, as published."""
        reopened = () if self.reopens is None else (Related(self.reopens, "reopens"),)
        if self.habit is not None:
            # It came as expected: that the one before ended lately says no more.
            reopened = (Related(self.habit.last_id, "repeats"),)
        causes = tuple(Related(cause, "caused_by") for cause in self.causes)
        return (*reopened, *causes, *(Related(effect, "causes") for effect in self.effects))

    def add_alarms(self, readings: Sequence[Anomaly], now_s: float) -> None:
        """Add the readings of an instant in which it alarms, quiet ones included."""
        self.last_alarm_s = now_s
        self.evidence.add(readings)
        self.timeline.record_alarm()
        self.recovery_signals = None
        alarms = [reading for reading in readings if reading.alarming]
        for alarm in alarms:
            self._refine_onset(alarm.onset_s, alarm.onset_error_s)
        spans_s = [alarm.end_s - alarm.start_s for alarm in alarms if alarm.detector not in SILENCE_DETECTORS]
        self.longest_window_s = max(self.longest_window_s, *spans_s, 0.0)

    def move_series(self, keys: Iterable[SeriesKey], other: Episode) -> None:
        """Move series that belong to another cause. The severity with them does not count as a peak of this one."""
        moved = self.evidence.pop_series(keys)
        if any(series.alarms for series in moved.values()):
            self.hysteresis = SeverityHysteresis()
            self.recovery_signals = None
        other.evidence.merge_series(moved)

    def merge(self, other: Episode) -> None:
        """Add everything of a pending episode that turned out to be this one."""
        self.started_at_s = min(self.started_at_s, other.started_at_s)
        self.last_alarm_s = max(self.last_alarm_s, other.last_alarm_s)
        self.longest_window_s = max(self.longest_window_s, other.longest_window_s)
        self.alarm_instants = sorted([*self.alarm_instants, *other.alarm_instants], key=lambda instant: instant.at_s)
        self.evidence.merge(other.evidence)
        self.recovery_signals = None
        if other.onset_at_s is not None:
            self._refine_onset(other.onset_at_s, other.onset_error_s)

    def _refine_onset(self, onset_s: float, error_s: float | None) -> None:
        """Replace the onset by one with a smaller error. An onset after the incident opened is not its onset."""
        late = self.opened_at_s is not None and onset_s > self.opened_at_s
        if self.onset_at_s is None or (not late and _uncertainty_s(error_s) < _uncertainty_s(self.onset_error_s)):
            self.onset_at_s, self.onset_error_s = onset_s, error_s

    def advance(self, event: Event) -> Phase:
        """Move along the life-cycle table. Returns the phase before; raises `IllegalTransitionError`."""
        before = self.phase
        self.phase = step(before, event)
        return before

    def has_breaker(self, state: BreakerState) -> bool:
        """Whether a circuit breaker of one of its actions is in this state, as last reported."""
        return any(action.breaker == state for action in self.actions)

    def record_quiet(self, readings: Sequence[Anomaly], now_s: float) -> None:
        """Record an instant without an alarm. Samples count only where an action may have to be judged by them."""
        proofs = [reading.samples for reading in readings if self.proves_recovery(reading)] if self.actions else []
        if proofs or any(map(self.proves_recovery, readings)):
            self.last_data_s = now_s
            self.timeline.record_quiet(now_s)
            self.quiet_samples += max(proofs, default=0)

    def proves_recovery(self, reading: Anomaly) -> bool:
        """Whether a quiet reading proves recovery: it is of the replica or tenant that was hit, and of a signal that
        had shifted."""
        if reading.alarming or self.published is None:
            return False
        for name in ("replica", "tenant"):
            hit = getattr(self.published, name)
            if hit is not None and getattr(reading.scope, name) != hit:
                return False
        if self.recovery_signals is None:
            self.recovery_signals = frozenset(map(signal_of, self.evidence.metric_weights()))
        return not self.recovery_signals.isdisjoint((*UNREPORTED, signal_of(reading.metric)))


def _uncertainty_s(error_s: float | None) -> float:
    return inf if error_s is None else error_s


def describe(
    episode: Episode, verdict: Verdict, version: str | None, evidence_max: int, config_hash: str,
) -> Incident:
    """The incident without its stage times.

    version: the suspected version where the whole service is hit, None if there is none. evidence_max: alarms in the
    incident at most.
    """
    assert episode.opened_at_s is not None
    assert episode.onset_at_s is not None
    part = verdict.attribution
    where = {part.dimension: part.value} if part.dimension is not None else {}
    evidence = tuple(episode.evidence.peaks(evidence_max))
    return Incident(
        id=episode.id,
        state="flapping" if episode.phase == "flapping" else "open",
        opened_at_s=episode.opened_at_s,
        onset_at_s=episode.onset_at_s,
        onset_error_s=episode.onset_error_s,
        resolved_at_s=None,
        category=verdict.pattern.category,
        severity=episode.hysteresis.current or verdict.severity,
        peak_severity=episode.hysteresis.worst or verdict.severity,
        service=episode.service,
        model=episode.model,
        version=where.get("version", version),
        replica=where.get("replica"),
        tenant=where.get("tenant"),
        title=_title(episode, verdict, evidence, version),
        factors=verdict.factors,
        evidence=evidence,
        related=episode.related,
        actions=tuple(episode.actions),
        remedies=episode.remedies,
        alarmed_at_s=episode.last_alarm_s,
        config_hash=config_hash,
    )


def silent_scopes(episode: Episode) -> tuple[Scope, ...]:
    """What an episode found silent, each once."""
    found = [
        scope for (metric, scope), series in episode.evidence.series.items() if metric in UNREPORTED and series.alarms
    ]
    return tuple(dict.fromkeys(found))


def upsert_action(actions: list[ActionRecord], record: ActionRecord) -> None:
    """Add an action, or replace the record with the same key. The first decision time stays."""
    for place, known in enumerate(actions):
        if known.key == record.key:
            actions[place] = replace(record, decided_at_s=known.decided_at_s)
            return
    actions.append(record)


def _title(episode: Episode, verdict: Verdict, evidence: tuple[Anomaly, ...], version: str | None) -> str:
    """Where, what, and the reading with the highest level among those that the scope is read from."""
    name = "/".join(part for part in (episode.service, episode.model) if part)
    part = verdict.attribution
    where = f"version {version}" if version else "everywhere"
    if part.dimension is not None:
        where = f"{part.dimension} {part.value}"
        evidence = tuple(one for one in evidence if getattr(one.scope, part.dimension) == part.value)
    evidence = tuple(one for one in evidence if verdict.pattern.gives_scope(_signal(one))) or evidence
    peak = evidence[0] if evidence else None
    what = verdict.pattern.text
    if peak is not None and peak.detector == ABSENCE:
        what = f"{what}: no value of {peak.metric} since {utc_text(peak.start_s)}"
    elif peak is not None and peak.detector == MONITORING:
        what = f"{what}: since {utc_text(peak.start_s)}"
    elif peak is not None and peak.value is not None and peak.expected is not None:
        what = f"{what}: {peak.metric} {peak.value:.4g}, expected {peak.expected:.4g}"
    if episode.habit is not None and episode.habit.broken is None:
        what = f"{what} ({episode.habit})"
    return f"{name}, {where}: {what}"


def _signal(reading: Anomaly) -> str:
    return ABSENCE if reading.detector == ABSENCE else signal_of(reading.metric)
