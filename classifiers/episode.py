"""One episode: everything a service and model went through from the first alarm to the end, and the verdict on it.

Pure state, no decisions about when to open or close: those are in `triage.py`. Everything in it can be written as JSON
and read back, so that it survives a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

from classifiers.assess import Verdict
from classifiers.lifecycle import Event, Phase, step
from classifiers.model import ActionRecord, Anomaly, Incident, Related, Severity
from classifiers.severity import worse
from classifiers.stages import Account, with_stages
from classifiers.tally import ABSENCE, Tally


@dataclass(slots=True)
class Episode:
    """State of one incident in the making. Times in seconds of event time."""

    service: str
    model: str | None
    started_at_s: float
    phase: Phase = "pending"
    id: str = ""
    opened_at_s: float | None = None
    onset_at_s: float | None = None
    onset_error_s: float | None = None
    last_alarm_s: float = 0.0
    last_data_s: float = 0.0
    alarm_instants: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    peak_severity: Severity | None = None
    published: Incident | None = None
    actions: list[ActionRecord] = field(default_factory=list)
    related: tuple[Related, ...] = ()
    tally: Tally = field(default_factory=Tally)
    account: Account = field(default_factory=Account)

    def date(self, alarms: Sequence[Anomaly]) -> None:
        """Take the onset from the alarm that is surest of it; what began after the incident opened is none of it."""
        for alarm in alarms:
            late = self.opened_at_s is not None and alarm.onset_s > self.opened_at_s
            if self.onset_at_s is None or (not late and _unsure_s(alarm.onset_error_s) < _unsure_s(self.onset_error_s)):
                self.onset_at_s, self.onset_error_s = alarm.onset_s, alarm.onset_error_s

    def advance(self, event: Event) -> None:
        """Move along the life-cycle table; raises `IllegalTransitionError`."""
        self.phase = step(self.phase, event)


def _unsure_s(error_s: float | None) -> float:
    return inf if error_s is None else error_s


def describe(
    episode: Episode, verdict: Verdict, version: str | None, evidence_max: int, config_hash: str,
) -> Incident:
    """The incident as published. `version` is the one to blame for a whole-model fault, None when unknown."""
    assert episode.opened_at_s is not None
    assert episode.onset_at_s is not None
    blame = verdict.blame
    where = {blame.dimension: blame.value} if blame.dimension is not None else {}
    peak = verdict.severity if episode.peak_severity is None else worse(verdict.severity, episode.peak_severity)
    evidence = tuple(episode.tally.peaks(evidence_max))
    incident = Incident(
        id=episode.id,
        state="open",
        opened_at_s=episode.opened_at_s,
        onset_at_s=episode.onset_at_s,
        onset_error_s=episode.onset_error_s,
        resolved_at_s=None,
        category=verdict.pattern.category,
        severity=verdict.severity,
        peak_severity=peak,
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
    return with_stages(incident, episode.account)


def resolved(incident: Incident, account: Account, at_s: float) -> Incident:
    """The incident as it ended, with the verdict it had; quiet readings after the fault do not rewrite it."""
    return with_stages(replace(incident, state="resolved", resolved_at_s=at_s), account)


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
    loudest = evidence[0] if evidence else None
    what = verdict.pattern.text
    if loudest is not None and loudest.detector == ABSENCE:
        what = f"{what}: {loudest.metric} silent for {loudest.end_s - loudest.start_s:.1f} s"
    elif loudest is not None and loudest.value is not None and loudest.expected is not None:
        what = f"{what}: {loudest.metric} {loudest.value:.4g}, expected {loudest.expected:.4g}"
    return f"{name}, {where}: {what}"
