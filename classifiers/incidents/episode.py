"""One episode: everything one cause did to a service and model from the first alarm to the end, and the verdict on it.

Pure state, no decisions about when to open or close: those are in `triage.py`. Everything in it can be written as JSON
and read back, so that it survives a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from classifiers.accounting.stage_timeline import StageTimeline
from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable, signal_of
from classifiers.incidents.lifecycle import Event, Phase, step
from classifiers.learning.advisor import Advised
from classifiers.model import ActionRecord, Anomaly, Incident, Related, SeriesKey
from classifiers.verdict.assess import Verdict
from classifiers.verdict.hysteresis import SeverityHysteresis


@dataclass(frozen=True, slots=True)
class AlarmInstant:
    """What alarmed in one instant of a pending episode. signs: metrics with direction. samples: behind the windows."""

    at_s: float
    signs: tuple[str, ...]
    samples: int


@dataclass(slots=True)
class Episode:
    """State of one incident in the making. Times in seconds of event time.

    key: its name within the service. prints: the fingerprints it opened with and has now, empty while pending.
    reopens: the incident it is again. causes: those it is an effect of, and when each was last seen open. one_with:
    those of the same service that turned out to have its cause. effects: those that name this one as their cause.
    cadence_s: the longest window that alarmed, and so how long its metrics take to say anything new. part: what its
    cause hits, as far as that was told by looking at all causes together.
    """

    service: str
    model: str | None
    key: str
    started_at_s: float
    phase: Phase = "watching"
    id: str = ""
    opened_at_s: float | None = None
    onset_at_s: float | None = None
    onset_error_s: float | None = None
    last_alarm_s: float = 0.0
    last_data_s: float = 0.0
    cadence_s: float = 0.0
    glimpses: list[AlarmInstant] = field(default_factory=list)
    steadiness: SeverityHysteresis = field(default_factory=SeverityHysteresis)
    part: Attribution | None = None
    advised: Advised | None = None
    published: Incident | None = None
    actions: list[ActionRecord] = field(default_factory=list)
    prints: tuple[str, ...] = ()
    reopens: str | None = None
    causes: dict[str, float] = field(default_factory=dict)
    one_with: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    tally: EvidenceTable = field(default_factory=EvidenceTable)
    account: StageTimeline = field(default_factory=StageTimeline)
    signs_of_health: frozenset[str] | None = None
    """What tells of its recovery; None when alarms have come in since it was worked out."""

    @property
    def subject(self) -> str:
        """What the audit calls it: the incident's id, or while it has none its service, model and key."""
        return self.id or f"{self.service}/{self.model or '-'}/{self.key}"

    @property
    def related(self) -> tuple[Related, ...]:
        """Its relations, as the incident tells them."""
        again = () if self.reopens is None else (Related(self.reopens, "reopens"),)
        causes = tuple(Related(cause, "caused_by") for cause in self.causes)
        return (*again, *causes, *(Related(effect, "causes") for effect in self.effects))

    def take(self, readings: Sequence[Anomaly], now_s: float) -> None:
        """The readings of an instant in which it alarms."""
        self.last_alarm_s = now_s
        self.tally.add(readings)
        self.account.alarm()
        self.signs_of_health = None
        alarms = [reading for reading in readings if reading.alarming]
        self.date(alarms)
        spans_s = [alarm.end_s - alarm.start_s for alarm in alarms if alarm.detector != ABSENCE]
        self.cadence_s = max(self.cadence_s, *spans_s, 0.0)

    def hand_over(self, lines: Iterable[SeriesKey], other: Episode) -> None:
        """Lines that turned out to be another cause's; how bad it looked with them is no peak of this one."""
        gone = self.tally.release(lines)
        if any(line.alarms for line in gone.values()):
            self.steadiness = SeverityHysteresis()
            self.signs_of_health = None
        other.tally.receive(gone)

    def take_over(self, other: Episode) -> None:
        """Everything of a pending episode that turned out to be this one."""
        self.started_at_s = min(self.started_at_s, other.started_at_s)
        self.last_alarm_s = max(self.last_alarm_s, other.last_alarm_s)
        self.cadence_s = max(self.cadence_s, other.cadence_s)
        self.glimpses = sorted([*self.glimpses, *other.glimpses], key=lambda glimpse: glimpse.at_s)
        self.tally.take_over(other.tally)
        self.signs_of_health = None
        if other.onset_at_s is not None:
            self._date(other.onset_at_s, other.onset_error_s)

    def date(self, alarms: Sequence[Anomaly]) -> None:
        """Take the onset from the alarm that is surest of it; what began after the incident opened is none of it."""
        for alarm in alarms:
            self._date(alarm.onset_s, alarm.onset_error_s)

    def _date(self, onset_s: float, error_s: float | None) -> None:
        late = self.opened_at_s is not None and onset_s > self.opened_at_s
        if self.onset_at_s is None or (not late and _unsure_s(error_s) < _unsure_s(self.onset_error_s)):
            self.onset_at_s, self.onset_error_s = onset_s, error_s

    def advance(self, event: Event) -> Phase:
        """Move along the life-cycle table; returns the phase before, raises `IllegalTransitionError`."""
        before = self.phase
        self.phase = step(before, event)
        return before

    def proves_recovery(self, reading: Anomaly) -> bool:
        """Whether a quiet reading says how that is doing which was hit: its replica or tenant, a metric that moved."""
        if reading.alarming or self.published is None:
            return False
        for name in ("replica", "tenant"):
            hit = getattr(self.published, name)
            if hit is not None and getattr(reading.scope, name) != hit:
                return False
        if self.signs_of_health is None:
            self.signs_of_health = frozenset(map(signal_of, self.tally.drivers()))
        return not self.signs_of_health.isdisjoint((ABSENCE, GAP, signal_of(reading.metric)))


def _signal(reading: Anomaly) -> str:
    return ABSENCE if reading.detector == ABSENCE else signal_of(reading.metric)


def _unsure_s(error_s: float | None) -> float:
    return inf if error_s is None else error_s


def describe(
    episode: Episode, verdict: Verdict, version: str | None, evidence_max: int, config_hash: str,
) -> Incident:
    """The incident without its stage times. `version` is the one to blame for a whole-model fault, None if unknown."""
    assert episode.opened_at_s is not None
    assert episode.onset_at_s is not None
    blame = verdict.blame
    where = {blame.dimension: blame.value} if blame.dimension is not None else {}
    evidence = tuple(episode.tally.peaks(evidence_max))
    return Incident(
        id=episode.id,
        state="flapping" if episode.phase == "flapping" else "open",
        opened_at_s=episode.opened_at_s,
        onset_at_s=episode.onset_at_s,
        onset_error_s=episode.onset_error_s,
        resolved_at_s=None,
        category=verdict.pattern.category,
        severity=episode.steadiness.told or verdict.severity,
        peak_severity=episode.steadiness.worst or verdict.severity,
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
        config_hash=config_hash,
    )


def file_action(actions: list[ActionRecord], record: ActionRecord) -> None:
    """Add an action, or replace the record of the same key: a later status wins, the first decision time stays."""
    for place, known in enumerate(actions):
        if known.key == record.key:
            actions[place] = replace(record, decided_at_s=known.decided_at_s)
            return
    actions.append(record)


def _title(episode: Episode, verdict: Verdict, evidence: tuple[Anomaly, ...], version: str | None) -> str:
    name = "/".join(part for part in (episode.service, episode.model) if part)
    blame = verdict.blame
    where = f"version {version}" if version else "everywhere"
    if blame.dimension is not None:
        where = f"{blame.dimension} {blame.value}"
        evidence = tuple(e for e in evidence if getattr(e.scope, blame.dimension) == blame.value)
    evidence = tuple(e for e in evidence if verdict.pattern.speaks_of(_signal(e))) or evidence
    loudest = evidence[0] if evidence else None
    what = verdict.pattern.text
    if loudest is not None and loudest.detector == ABSENCE:
        what = f"{what}: {loudest.metric} silent for {loudest.end_s - loudest.start_s:.1f} s"
    elif loudest is not None and loudest.value is not None and loudest.expected is not None:
        what = f"{what}: {loudest.metric} {loudest.value:.4g}, expected {loudest.expected:.4g}"
    return f"{name}, {where}: {what}"
