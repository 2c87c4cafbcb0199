"""The timeline of an incident: how long each stage of its life took, from its estimated onset.

    detect    until the incident opened
    classify  until the verdict (category and severity) that then stood for `SETTLED_AFTER_S`, or to the end
    act       until the first remedy was carried out, or rehearsed in a dry run
    recover   until the first proof of recovery: the start of the quiet that the incident resolved on
    resolve   until the incident resolved
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from classifiers.model import NOTIFICATIONS, ActionRecord, Category, Incident, Severity, StageTime

IncidentStage = Literal["detect", "classify", "act", "recover", "resolve"]
STAGES: tuple[IncidentStage, ...] = ("detect", "classify", "act", "recover", "resolve")

SETTLED_AFTER_S = 5.0
"""A verdict that held for so long is the classification. A later one is an escalation or a correction."""
CARRIED_OUT = frozenset({"executed", "dry_run"})

PENDING = StageTime(None, "pending")
NOT_APPLICABLE = StageTime(None, "not_applicable")
INVALID = StageTime(None, "invalid")


@dataclass(slots=True)
class StageTimeline:
    """The state from which stage times are computed, beyond the incident itself. Seconds of event time.

    Plain values, saved with the episode. quiet_at_s: start of the current quiet, None while anything alarms.
    """

    opened_severity: Severity | None = None
    verdict: tuple[Category, Severity] | None = None
    verdict_at_s: float | None = None
    classified_at_s: float | None = None
    quiet_at_s: float | None = None

    def record_verdict(self, category: Category, severity: Severity, now_s: float) -> None:
        """Record the verdict of an instant, in order of time."""
        if self.verdict_at_s is None or self.verdict != (category, severity):
            self.verdict, self.verdict_at_s = (category, severity), now_s
        if self.opened_severity is None:
            self.opened_severity = severity
        if self.classified_at_s is None and now_s - self.verdict_at_s >= SETTLED_AFTER_S:
            self.classified_at_s = self.verdict_at_s

    def record_alarm(self) -> None:
        """Record an alarm: the quiet before it was no recovery."""
        self.quiet_at_s = None

    def record_quiet(self, now_s: float) -> None:
        """Record an instant in which the scope that was hit has readings and none alarms."""
        if self.quiet_at_s is None:
            self.quiet_at_s = now_s


def with_stages(incident: Incident, timeline: StageTimeline) -> Incident:
    """The incident with the time of every stage that it has reached."""
    ended = incident.resolved_at_s is not None
    classified_at_s = timeline.verdict_at_s if ended and timeline.classified_at_s is None else timeline.classified_at_s
    times = {
        "detect": _since_onset(incident, incident.opened_at_s),
        "classify": PENDING if classified_at_s is None else _since_onset(incident, classified_at_s),
        "act": _act(incident),
        "recover": NOT_APPLICABLE if ended else PENDING,
        "resolve": PENDING if incident.resolved_at_s is None else _since_onset(incident, incident.resolved_at_s),
    }
    if ended and timeline.quiet_at_s is not None:
        times["recover"] = _since_onset(incident, timeline.quiet_at_s)
    return replace(incident, opened_severity=timeline.opened_severity, stage_times=times)


def with_actions(incident: Incident, actions: Sequence[ActionRecord]) -> Incident:
    """The incident with these actions, and the time to the first remedy among them."""
    acted = replace(incident, actions=tuple(actions))
    return replace(acted, stage_times={**acted.stage_times, "act": _act(acted)})


def remedies(incident: Incident) -> list[ActionRecord]:
    """The actions decided to end the incident, in order of decision: without notifications and undos."""
    return [
        action for action in sorted(incident.actions, key=lambda action: action.decided_at_s)
        if action.kind not in NOTIFICATIONS and not action.undo
        and (incident.resolved_at_s is None or action.decided_at_s < incident.resolved_at_s)
    ]


def _act(incident: Incident) -> StageTime:
    """Pending while the incident is open or a remedy is running. After that no remedy can be done any more."""
    decided = remedies(incident)
    done = [action for action in decided if action.status in CARRIED_OUT and action.done_at_s is not None]
    if not done:
        waiting = incident.resolved_at_s is None or any(action.done_at_s is None for action in decided)
        return PENDING if waiting else NOT_APPLICABLE
    first = min(done, key=lambda action: action.done_at_s or 0.0)
    assert first.done_at_s is not None
    # The executor has another clock than the producers: if an action was done before it was decided, no time is valid.
    return INVALID if first.done_at_s < first.decided_at_s else _since_onset(incident, first.done_at_s)


def _since_onset(incident: Incident, at_s: float) -> StageTime:
    """Seconds from the onset. An onset after the opening, by no more than its error, counts as the opening."""
    onset_s, opened_s = incident.onset_at_s, incident.opened_at_s
    contradicts = onset_s - opened_s > (incident.onset_error_s or 0.0) or at_s < opened_s
    if contradicts or not isfinite(at_s - onset_s):
        return INVALID
    return StageTime(at_s - min(onset_s, opened_s), "recorded")
